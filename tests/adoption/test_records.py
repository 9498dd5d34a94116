"""The records of adoptions: damaged, half written, read-only, of another process."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import stat
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from afml_cache import CacheWarning, cacheable, pin_adoption, robust_cacheable
from afml_cache.adoption import pins, snapshots
from afml_cache.adoption.records import Records
from afml_cache.store.store import Store

RAN: list[int] = []


def double(x: int) -> int:
    RAN.append(x)
    return 2 * x


class Costs:
    def of(self, x: int) -> int:
        return 3 * x


def priced(costs: Costs, x: int) -> int:
    RAN.append(x)
    return costs.of(x)


@pytest.fixture
def records(store: Store) -> Records:
    RAN.clear()
    return Records(store)


def test_they_are_for_the_owner_alone_where_others_can_enter(records: Records) -> None:
    records.directory.mkdir(mode=0o755, parents=True)
    snapshots.take(records, [Path(__file__)])
    assert stat.S_IMODE(records.path.stat().st_mode) == 0o600


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_however_they_are_damaged_a_call_has_its_result(records: Records) -> None:
    cacheable(double)(1)
    snapshots.take(records, [Path(__file__)])
    pins.pin_besides(records, f"{double.__module__.replace('.', '/')}/double", {"x": "y" * 5000})
    whole = records.path.read_bytes()
    rng = random.Random(7)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(40):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        records.path.write_bytes(damaged)
        migrated = robust_cacheable(double)
        assert migrated(1) == 2
        migrated.explain(2)
        migrated.cache_clear()
        records.path.write_bytes(whole)


def test_a_damaged_snapshot_is_told_and_nothing_is_adopted(records: Records) -> None:
    cacheable(double)(1)
    snapshots.take(records, [Path(__file__)])
    with sqlite3.connect(records.path) as db:
        db.execute("UPDATE snapshot SET source = x'00', digest = x'00'")
    with pytest.warns(CacheWarning, match="damaged"):
        assert robust_cacheable(double)(1) == 2


def test_what_a_killed_writer_left_is_taken_back(
    records: Records, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    cacheable(double)(1)
    snapshots.take(records, [Path(__file__)])
    killed = start_python(
        f"""
        import sqlite3
        db = sqlite3.connect({str(records.path)!r}, isolation_level=None)
        db.execute("PRAGMA cache_size=1")
        db.execute("BEGIN IMMEDIATE")
        for n in range(2000):
            db.execute("INSERT INTO snapshot VALUES (?, ?, ?, ?)", (n, str(n), b"", b"x" * 4000))
        print("written", flush=True)
        input()
        """
    )
    assert killed.stdout is not None
    assert killed.stdout.readline() == "written\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert records.path.with_name("adoption.sqlite-journal").exists()
    assert len(records.read("SELECT file FROM snapshot", ())) == 1
    migrated = robust_cacheable(double)
    assert migrated(1) == 2
    assert migrated.cache_info().adopted == 1


def test_what_was_pinned_is_adopted_though_nothing_can_be_written(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes for a long time; what it lets be read is enough."""
    monkeypatch.setattr("afml_cache.adoption.records._PATIENCE", 0.1)
    cacheable(double)(1), cacheable(double)(2)
    migrated = robust_cacheable(double)
    rows = pins.rows_applied(migrated.fingerprint(), [])
    pins.pin_besides(records, f"{double.__module__.replace('.', '/')}/double", rows)
    RAN.clear()
    with contextlib.closing(sqlite3.connect(records.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert migrated(1) == 2
        other.execute("ROLLBACK")
    assert RAN == []


def test_vouching_counts_for_the_classes_of_arguments_too(records: Records) -> None:
    cacheable(priced)(Costs(), 5)
    snapshots.take(records, [Path(__file__)])
    with sqlite3.connect(records.path) as db:  # as if this file had been edited since
        db.execute("UPDATE snapshot SET digest = x'00', source = ?", (zlib.compress(b"1\n"),))
    migrated = robust_cacheable(priced)
    assert migrated.explain(Costs(), 5).reason == "adoption_refused"
    pin_adoption(migrated)
    RAN.clear()
    assert migrated(Costs(), 5) == 15
    assert RAN == []


def test_pipes_in_the_place_of_files_do_not_hold_a_call_up(store: Store) -> None:
    cacheable(double)(1)
    (output,) = (store.directory / "joblib_cache").rglob("output.pkl")
    for name in (output.parent / "metadata.json", output.parent.parent / "func_code.py", output):
        name.unlink()
        os.mkfifo(name)
        assert "double" in str(robust_cacheable(double).explain(1))
    assert robust_cacheable(double)(1) == 2


def test_an_old_process_that_goes_on_after_a_pin_stores_for_nobody(records: Records) -> None:
    old = cacheable(double)
    old(1)
    migrated = robust_cacheable(double)
    assert migrated(1) == 2  # adopted, and pinned
    (pin,) = pins.pins(records, f"{double.__module__.replace('.', '/')}/double")
    rows = {**pin.rows, "(code)": "00" * 16}  # as if the code had been edited since
    pins.pin_anew(records, f"{double.__module__.replace('.', '/')}/double", rows)
    old(2)
    RAN.clear()
    assert migrated(2) == 4
    assert RAN == [2]
