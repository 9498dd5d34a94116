"""Records of accesses: exact in every process, never cleared, and begun anew with all kept."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    DataAccessTracker,
    ReportError,
    clear_afml_cache,
    configure,
    data_tracking_cacheable,
    log_data_access,
)
from afml_cache.store.store import Store
from tests.data_access.loaders import PRICES, RAN, accesses, ranges_of, training


def test_they_are_saved_without_being_asked_and_never_cleared(store: Store) -> None:
    training("2021")
    clear_afml_cache(warn=False)
    assert accesses()["count"].tolist() == [1]
    path = store.directory / "records" / "data_access.sqlite"
    assert DataAccessTracker().path == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_threads_lose_no_count() -> None:
    def log() -> None:
        for _ in range(50):
            log_data_access("prices", "2020", "2021", "test")

    threads = [threading.Thread(target=log) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accesses()["count"].sum() == 200


WRITER = """
import sys
from afml_cache import log_data_access
for number in range(int(sys.argv[1])):
    log_data_access("prices", "2020", f"20{20 + number % 7}", "test")
    print(number, flush=True)
"""


def test_killed_processes_lose_nothing_that_they_logged(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    killed = start_python(WRITER, "1000000", name="writer.py")
    other = start_python(WRITER, "40", name="writer.py")
    assert killed.stdout is not None
    logged = 0
    while logged < 25:
        logged = int(killed.stdout.readline()) + 1
    killed.send_signal(signal.SIGKILL)
    logged += len(killed.stdout.read().split())
    assert other.wait(60) == 0
    counted = accesses()["count"].sum() - 40
    # It may have been killed between the log and the word of it.
    assert logged <= counted <= logged + 1


@pytest.mark.slow
def test_four_processes_of_which_two_are_killed_count_exactly(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    steady = [start_python(WRITER, "200", name="writer.py") for _ in range(2)]
    killed = [start_python(WRITER, "1000000", name="writer.py") for _ in range(2)]
    logged = 0
    for process in killed:
        assert process.stdout is not None
        for _ in range(100):
            process.stdout.readline()
            logged += 1
    for process in killed:
        process.kill()
        assert process.stdout is not None
        logged += len(process.stdout.read().split())
    assert [process.wait(60) for process in steady] == [0, 0]
    counted = accesses()["count"].sum() - 400
    assert logged <= counted <= logged + 2


@pytest.mark.slow
def test_processes_that_begin_the_records_at_once_lose_no_count(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    script = """
        from afml_cache import log_data_access
        import afml_cache.data_access.records
        print("ready", flush=True)
        input()
        log_data_access("prices", "2020", "2021", "test")
    """
    begun = [start_python(script, name="beginner.py") for _ in range(8)]
    for process in begun:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in begun:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in begun] == [0] * 8
    assert accesses()["count"].sum() == 8


def test_a_long_list_is_not_searched_for_frames() -> None:
    @data_tracking_cacheable("ticks", "train")
    def ticks(start: str, end: str) -> list[pd.Series]:
        return [PRICES.close[:1]] * 20_000

    ticks("2024", "2024")
    assert ranges_of(accesses()) == [("2024-01-01", "2024-12-31")]


def test_a_forked_process_counts_by_itself() -> None:
    log_data_access("prices", "2020", "2021", "train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads about
        child = os.fork()
    if child == 0:
        log_data_access("prices", "2020", "2022", "train")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log_data_access("prices", "2020", "2021", "train")
    assert accesses()["count"].tolist() == [1, 1, 1]


def test_records_that_were_moved_away_are_begun_anew() -> None:
    log_data_access("prices", "2020", "2021", "train")
    path = DataAccessTracker().path
    for file in path.parent.glob("data_access*"):
        file.rename(file.with_name(f"old_{file.name}"))
    log_data_access("prices", "2020", "2021", "train")
    assert accesses()["count"].tolist() == [1]


def counted_in(archive: Path | None) -> int:
    assert archive is not None
    with contextlib.closing(sqlite3.connect(archive)) as db:
        return int(db.execute("SELECT sum(count) FROM access").fetchone()[0])


def test_beginning_anew_takes_all_along(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    assert DataAccessTracker().begin_anew() is None
    killed = start_python(WRITER, "1000000", name="writer.py")
    assert killed.stdout is not None
    for _ in range(20):
        killed.stdout.readline()
    killed.kill()
    logged = 20 + len(killed.stdout.read().split())
    log_data_access("prices", "2020", "2021", "train")
    archive = DataAccessTracker().begin_anew()
    assert logged + 1 <= counted_in(archive) <= logged + 2
    assert accesses().empty
    log_data_access("prices", "2020", "2021", "train")  # by the connection that was open
    assert accesses()["count"].tolist() == [1]
    assert counted_in(DataAccessTracker().begin_anew()) == 1  # in the same second, maybe


def test_beginning_anew_loses_no_access_of_those_who_log_meanwhile() -> None:
    done = threading.Event()

    def log() -> None:
        for _ in range(200):
            log_data_access("prices", "2020", "2021", "test")
        done.set()

    thread = threading.Thread(target=log)
    thread.start()
    archived = 0
    while not done.is_set():
        archive = DataAccessTracker().begin_anew()
        archived += counted_in(archive) if archive and not is_empty(archive) else 0
    thread.join()
    assert archived + accesses()["count"].sum() == 200


def is_empty(archive: Path) -> bool:
    with contextlib.closing(sqlite3.connect(archive)) as db:
        return not db.execute("SELECT count(*) FROM access").fetchone()[0]


def test_the_log_of_records_that_were_moved_by_hand_is_kept_and_told(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    killed = start_python(WRITER, "1000000", name="writer.py")
    assert killed.stdout is not None
    for _ in range(20):
        killed.stdout.readline()
    killed.kill()
    logged = 20 + len(killed.stdout.read().split())
    path = DataAccessTracker().path
    moved = path.with_name("old.sqlite")
    path.rename(moved)
    with pytest.warns(CacheWarning, match="moved away without its write-ahead log") as told:
        log_data_access("prices", "2020", "2021", "train")
    assert accesses()["count"].tolist() == [1]
    (log,) = path.parent.glob("*.left-*-wal")
    assert log.name in str(told[0].message)
    log.rename(moved.with_name("old.sqlite-wal"))
    assert logged <= counted_in(moved) <= logged + 1


def test_damaged_records_cost_a_warning_and_no_result(store: Store) -> None:
    path = store.directory / "records" / "data_access.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all " * 500)
    with pytest.warns(CacheWarning, match="could not be recorded .*begin_anew") as caught:
        assert len(training("2021")) == len(PRICES.loc[:"2021"])
        training("2021")
    assert len(caught) == 1
    with pytest.raises(ReportError, match="begin_anew"):
        accesses()
    assert path.read_bytes().startswith(b"no database")
    aside = DataAccessTracker().begin_anew()
    assert aside is not None
    assert aside.read_bytes().startswith(b"no database")
    training("2021")
    assert accesses()["count"].tolist() == [1]


def test_records_from_before_tests_were_judged_are_read() -> None:
    log_data_access("prices", "2020", "2021", "train")
    log_data_access("prices", "2020", "2020", "test")
    path = DataAccessTracker().path
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE tested; DROP TABLE trained")
    assert DataAccessTracker().contamination().contaminates.tolist() == [True]


def test_records_of_another_shape_are_told_not_touched(store: Store) -> None:
    path = store.directory / "records" / "data_access.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE access (something TEXT)")
    with pytest.warns(CacheWarning, match="could not be recorded"):
        training("2021")


def test_in_mode_readonly_nothing_is_written(store: Store) -> None:
    training("2021")
    configure(mode="readonly")
    with pytest.warns(CacheWarning, match="are not recorded, since .* 'readonly'"):
        training("2021")
    assert accesses()["count"].tolist() == [1]


def test_with_the_cache_switched_off_accesses_still_count() -> None:
    configure(mode="off")
    training("2021"), training("2021")
    assert RAN == ["training"] * 2
    assert accesses()["count"].sum() == 2


def test_a_directory_can_be_named(tmp_path: Path) -> None:
    tracker = DataAccessTracker(tmp_path / "shared")
    tracker.log_data_access("prices", "2020", "2021", "train")
    assert len(tracker.accesses()) == 1
    assert accesses().empty
    assert tracker.test_ranges().empty
    assert "testing: never" in tracker.report()
