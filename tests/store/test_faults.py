"""Disk full, read-only, gone, locked: the caller gets an answer, and one warning a cause."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from afml_cache.outcomes import Reason
from afml_cache.store import index as index_module
from afml_cache.store.store import Missing

DOWN = Missing(Reason.STORE_UNAVAILABLE)


@contextlib.contextmanager
def mounted(*arguments: str, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *arguments, str(at)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@contextlib.contextmanager
def read_only(directory: Path, at: Path) -> Iterator[Path]:
    with mounted("--bind", str(directory), at=at):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(at)], check=True)
        with pytest.raises(OSError, match="Read-only"):
            (at / "probe").write_text("x")
        yield at


@pytest.fixture
def small_disk(tmp_path):
    with mounted("-t", "tmpfs", "-o", "size=2m", "tmpfs", at=tmp_path / "disk") as disk:
        yield disk


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while file.write(b"x"):
            pass
    return filler


# -- full ----------------------------------------------------------------------------


def test_on_a_full_disk_nothing_is_stored_and_hits_go_on(
    small_disk, open_store, digest, claim, told
):
    store = open_store(small_disk / "base")
    store.put(digest("row"), [1], claim())
    store.put(digest("file"), np.arange(1_000.0), claim())
    filler = fill(small_disk)
    for _ in range(3):
        assert store.put(digest("new"), np.arange(9_000.0), claim()) is Reason.STORE_UNAVAILABLE
        assert store.get(digest("new")) == Missing(None)
        assert store.get(digest("row")) == [1]
        assert store.get(digest("file"))[-1] == 999
    assert len(told()) == 1 and "disk" in told()[0]
    assert len(list((small_disk / "base").glob("values/*/*"))) == 1  # no halves left
    assert list((small_disk / "base").glob("values/*/.*")) == []
    filler.unlink()
    assert store.put(digest("new"), np.arange(9_000.0), claim()) is None
    assert store.get(digest("new"))[-1] == 8_999
    assert store.verify() == []


def test_small_values_meet_a_full_disk_too(small_disk, open_store, digest, claim, told):
    store = open_store(small_disk / "base")
    store.put(digest("kept"), 1, claim())
    filler = fill(small_disk)
    outcomes = [store.put(digest(number), "x" * 4_000, claim()) for number in range(100)]
    assert Reason.STORE_UNAVAILABLE in outcomes
    assert store.get(digest("kept")) == 1
    assert len(told()) == 1
    filler.unlink()
    assert store.put(digest("after"), 2, claim()) is None
    for number, outcome in enumerate(outcomes):
        expected = Missing(None) if outcome else "x" * 4_000
        assert store.get(digest(number)) == expected
    assert store.verify() == []


def test_a_store_opened_on_a_full_disk_hits(small_disk, open_store, digest, claim, told):
    with open_store(small_disk / "base") as store:
        store.put(digest("row"), [1], claim())
        store.put(digest("file"), np.arange(1_000.0), claim())
    fill(small_disk)
    store = open_store(small_disk / "base")
    assert store.get(digest("row")) == [1]
    assert store.get(digest("file"))[-1] == 999
    assert store.put(digest("new"), 1, claim()) is Reason.STORE_UNAVAILABLE
    assert store.get(digest("row")) == [1]
    assert len(told()) == 1


def test_a_store_cannot_begin_on_a_full_disk(small_disk, open_store, digest, claim, told):
    filler = fill(small_disk)
    store = open_store(small_disk / "base")
    for _ in range(3):
        assert store.get(digest(1)) == DOWN
        assert store.put(digest(1), 1, claim()) is Reason.STORE_UNAVAILABLE
    assert len(told()) == 1
    filler.unlink()
    assert store.put(digest(1), 1, claim()) is None
    assert store.get(digest(1)) == 1


# -- read-only -----------------------------------------------------------------------


@pytest.fixture
def shared(open_store, base, digest, claim) -> Path:
    """A closed store that holds something."""
    with open_store() as store:
        store.put(digest("row"), [1], claim())
        store.put(digest("file"), np.arange(100_000.0), claim())
    return base


def serves_but_does_not_store(store, digest, claim, told) -> None:
    for _ in range(2):
        assert store.get(digest("row")) == [1]
        value = store.get(digest("file"))
        assert value[-1] == 99_999
        value[0] = 5.0  # writable all the same
        assert store.get(digest("nobody")) == Missing(None)
        assert store.put(digest("new"), 1, claim()) is Reason.STORE_UNAVAILABLE
        assert store.delete([digest("row")]) == 0
    store.tally("f").hits += 2
    store.flush()
    assert store.counters()["f"].hits == 2
    flight = store.flight(digest("new"))
    assert flight.try_acquire() and not store.flight(digest("new")).try_acquire()
    flight.release()
    assert store.verify() == []
    (message,) = told()
    assert "cannot be written" in message


def test_a_read_only_mount_hits(shared, open_store, tmp_path, digest, claim, told):
    with read_only(shared, tmp_path / "mounted") as place:
        store = open_store(place)
        serves_but_does_not_store(store, digest, claim, told)
        store.close()


def test_a_read_only_mount_hits_what_is_still_in_the_log_of_a_writer(
    shared, open_store, tmp_path, digest, claim, told
):
    writer = open_store()
    writer.put(digest("late"), "late", claim())
    assert (shared / "index.sqlite-wal").stat().st_size > 0
    with read_only(shared, tmp_path / "mounted") as place:
        store = open_store(place)
        assert store.get(digest("late")) == "late"
        serves_but_does_not_store(store, digest, claim, told)
        store.close()


def test_a_log_that_cannot_be_read_does_not_hide_the_index(
    shared, open_store, tmp_path, digest, claim, told
):
    writer = open_store()
    writer.put(digest("late"), "late", claim())
    killed = tmp_path / "killed"
    shutil.copytree(shared, killed)
    (killed / "index.sqlite-shm").unlink()
    with read_only(killed, tmp_path / "mounted") as place:
        store = open_store(place)
        serves_but_does_not_store(store, digest, claim, told)
        store.close()


def test_without_privileges_a_foreign_directory_hits(
    shared, open_store, tmp_path, digest, claim, told
):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    for place in (shared, *shared.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)
    opened = [*tmp_path.parents, tmp_path]
    modes = [(place, place.stat().st_mode) for place in opened]
    for place in opened:
        if not place.stat().st_mode & 0o001:
            place.chmod(place.stat().st_mode | 0o055)
    try:
        os.seteuid(65534)
        with pytest.raises(PermissionError):
            (shared / "probe").write_text("x")
        store = open_store()
        serves_but_does_not_store(store, digest, claim, told)
        store.close()
    finally:
        os.seteuid(0)
        for place, mode in modes:
            place.chmod(mode)


def test_a_directory_may_become_read_only_and_writable_again(
    tmp_path, shared, open_store, digest, claim, told, monkeypatch
):
    monkeypatch.setattr(index_module, "_DEGRADED_FOR", 0.0)
    with mounted("--bind", str(shared), at=tmp_path / "mounted") as place:
        store = open_store(place)
        assert store.put(digest("before"), 1, claim()) is None
        store.close()  # the kernel refuses while a file is open for writing
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        assert store.get(digest("before")) == 1
        assert store.put(digest("file"), np.zeros(9_000), claim()) is Reason.STORE_UNAVAILABLE
        assert store.put(digest("new"), 1, claim()) is Reason.STORE_UNAVAILABLE
        assert store.get(digest("before")) == 1
        assert store.get(digest("file"))[-1] == 99_999
        subprocess.run(["mount", "-o", "remount,rw,bind", str(place)], check=True)
        assert store.put(digest("new"), 1, claim()) is None
        assert store.get(digest("new")) == 1
        store.close()


def test_where_there_is_nothing_and_nothing_can_be_made_every_call_is_told_so(
    tmp_path, open_store, digest, claim, told
):
    empty = tmp_path / "empty"
    empty.mkdir()
    with read_only(empty, tmp_path / "mounted") as place:
        for directory in (place, place / "deeper"):
            store = open_store(directory)
            for _ in range(2):
                assert store.get(digest(1)) == DOWN
                assert store.put(digest(1), 1, claim()) is Reason.STORE_UNAVAILABLE
            assert list(store.entries()) == [] and store.clear() == 0 and store.verify() == []
            assert not store.contains(digest(1)) and not store.known("f")
            assert store.faults()["store_unavailable"] >= 4
            store.close()
    assert len(told()) == 2


def test_a_file_where_the_directory_should_be(tmp_path, open_store, digest, claim, told):
    (tmp_path / "base").write_text("not a folder")
    store = open_store()
    assert store.get(digest(1)) == DOWN
    assert store.put(digest(1), 1, claim()) is Reason.STORE_UNAVAILABLE
    assert len(told()) == 1 and "cannot be made" in told()[0]
    assert (tmp_path / "base").read_text() == "not a folder"


# -- gone ----------------------------------------------------------------------------


def test_a_directory_that_vanishes_is_made_again(open_store, base, digest, claim):
    store = open_store()
    store.put(digest("row"), 1, claim())
    store.put(digest("file"), np.arange(9_000.0), claim())
    shutil.rmtree(base)
    assert store.get(digest("file")) == Missing(None)
    assert store.put(digest("new"), np.arange(9_000.0), claim()) is None
    assert store.get(digest("new"))[-1] == 8_999
    assert store.get(digest("row")) == Missing(None)
    assert store.flight(digest("new")).try_acquire()
    assert store.verify() == []


def test_a_removed_index_is_noticed_by_a_process_that_only_reads(
    open_store, base, digest, claim, monkeypatch
):
    from afml_cache.store import store as store_module

    monkeypatch.setattr(store_module, "_TEND_EVERY", 0.0)
    store = open_store()
    store.put(digest(1), 1, claim())
    assert store.get(digest(1)) == 1
    shutil.rmtree(base)
    assert store.get(digest(1)) == Missing(None)


def test_a_removed_folder_of_values_costs_only_its_values(open_store, base, digest, claim, told):
    store = open_store()
    store.put(digest("row"), 1, claim())
    store.put(digest("file"), np.arange(9_000.0), claim())
    shutil.rmtree(base / "values")
    shutil.rmtree(base / "flights", ignore_errors=True)
    assert store.get(digest("row")) == 1
    assert store.get(digest("file")) == Missing(Reason.UNREADABLE)
    assert store.put(digest("file"), np.arange(9_000.0), claim()) is None
    assert store.get(digest("file"))[-1] == 8_999


# -- locked --------------------------------------------------------------------------

LOCK = """
    import sqlite3, sys
    index = sqlite3.connect(sys.argv[1], isolation_level=None)
    if sys.argv[2] == "all":
        index.execute("PRAGMA locking_mode=EXCLUSIVE")
    index.execute("BEGIN EXCLUSIVE")
    index.execute("INSERT INTO meta VALUES ('x', 1)")
    print("locked", flush=True)
    sys.stdin.readline()
    index.execute("ROLLBACK")
    index.close()
"""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(index_module, "READ_PATIENCE", 0.2)
    monkeypatch.setattr(index_module, "WRITE_PATIENCE", 0.3)
    monkeypatch.setattr(index_module, "_RESPITE", 0.05)


def test_a_locked_index_is_not_waited_for_long(
    impatient, shared, open_store, digest, claim, told, start_python
):
    locker = start_python(LOCK, str(shared / "index.sqlite"), "all")
    assert locker.stdout.readline() == "locked\n"
    store = open_store()
    for _ in range(3):
        assert store.get(digest("row")) == DOWN
        assert store.put(digest("new"), 1, claim()) is Reason.STORE_UNAVAILABLE
    assert store.faults()["store_unavailable"] == 6
    (message,) = told()
    assert "locked" in message
    locker.communicate("\n")
    while (found := store.get(digest("row"))) == DOWN:
        pass  # no longer than the respite
    assert found == [1]
    assert store.put(digest("new"), 1, claim()) is None


def test_a_lock_that_was_waited_for_in_vain_is_not_waited_for_again_at_once(
    impatient, shared, open_store, digest, told, start_python, monkeypatch
):
    monkeypatch.setattr(index_module, "_RESPITE", 3600.0)
    locker = start_python(LOCK, str(shared / "index.sqlite"), "all")
    assert locker.stdout.readline() == "locked\n"
    store = open_store()
    assert store.get(digest("row")) == DOWN
    locker.communicate("\n")
    assert store.get(digest("row")) == DOWN  # it has not even looked
    assert open_store().get(digest("row")) == [1]


def test_while_another_process_writes_hits_go_on(
    impatient, shared, open_store, digest, claim, told, start_python
):
    locker = start_python(LOCK, str(shared / "index.sqlite"), "writers")
    assert locker.stdout.readline() == "locked\n"
    store = open_store()
    for _ in range(2):
        assert store.get(digest("row")) == [1]
        assert store.put(digest("new"), np.zeros(9_000), claim()) is Reason.STORE_UNAVAILABLE
        assert store.get(digest("file"))[-1] == 99_999
    assert len(told()) == 1
    locker.communicate("\n")
    assert len(list(shared.glob("values/*/*"))) == 1  # what had no row is not left behind


def test_a_writer_waits_for_one_that_is_soon_done(shared, open_store, digest, claim):
    store = open_store()
    assert store.get(digest("row")) == [1]
    other = sqlite3.connect(shared / "index.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    import threading

    release = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
    release.start()
    assert store.put(digest("new"), 1, claim()) is None
    release.join()
    other.close()


# -- leftovers -----------------------------------------------------------------------


def test_what_killed_writers_left_is_swept_once_it_is_old(open_store, base, digest, claim):
    store = open_store()
    store.put(digest(1), np.arange(9_000.0), claim())
    (kept,) = base.glob("values/*/*")
    draft = kept.with_name(f".{kept.name[:-1]}0.part")
    orphan = kept.with_name(f"{kept.name[:33]}{'0' * 16}")
    foreign = kept.with_name("notes.txt")
    young = kept.with_name(f"{kept.name[:33]}{'1' * 16}")
    for path in (draft, orphan, foreign, young):
        path.write_bytes(b"x")
    for path in (kept, draft, orphan, foreign):
        os.utime(path, (1e9, 1e9))
    again = open_store()
    number = 1
    while draft.exists():  # a put sweeps the folder that it writes to: find one that does
        number += 1
        if digest(number)[:1] == digest(1)[:1]:
            again.put(digest(number), np.arange(9_000.0), claim())
    assert kept.exists() and foreign.exists() and young.exists() and not orphan.exists()
    assert again.get(digest(1))[-1] == 8_999
