"""Damage to the records costs the ledger no trial that can still be known of."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afml_cache import BacktestCache, CacheWarning, cached_backtest, get_backtest_cache, use_store
from afml_cache.backtests.book import book_of

PRICES = pd.Series([10.0, 11.0, 10.5], index=pd.date_range("2024-01-01", periods=3), name="close")
RUNS = 200


def score(data: Any, params: dict[str, Any]) -> dict[str, float]:
    return {"score": float(params["k"])}


run = cached_backtest("study")(score)


@pytest.fixture
def cache() -> BacktestCache:
    return get_backtest_cache()


@pytest.fixture
def records(store: Any) -> Path:
    """The file of 200 runs, closed and without a log."""
    for k in range(RUNS):
        run(PRICES, {"k": k})
    book_of(store).close()
    path: Path = store.directory / "records" / "backtests.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for beside in path.parent.glob("backtests.sqlite-*"):
        beside.unlink()
    return path


def overwrite(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def noise(size: int) -> bytes:
    return random.Random(1).randbytes(size)


def leaves(path: Path, name: str) -> list[int]:
    """Where the leaves of a table or an index lie in the file."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        try:
            pages = db.execute(
                "SELECT pgoffset FROM dbstat WHERE name=? AND pagetype='leaf' ORDER BY path",
                (name,),
            ).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell where its pages lie")
    return [offset for (offset,) in pages]


def look(cache: BacktestCache, store: Any) -> tuple[int, int, bool]:
    """As the next process has it: runs, trials, and whether there may have been more."""
    with use_store(store.directory), pytest.warns(CacheWarning, match="were damaged"):
        runs, trials = cache.runs("study"), cache.trials("study")
        figures = cache.get_cache_stats()
        assert len(trials) == cache.trial_count("study") == figures["trials"]
        assert (runs["score"] == runs["params.k"]).all()
        return len(runs), len(trials), figures["lower_bound"]


def test_a_header_that_is_gone_costs_nothing(
    cache: BacktestCache, store: Any, records: Path
) -> None:
    overwrite(records, 0, bytes(100))
    assert look(cache, store) == (RUNS, RUNS, False)


def test_a_first_page_that_is_gone_costs_nothing(
    cache: BacktestCache, store: Any, records: Path
) -> None:
    overwrite(records, 0, noise(4096))
    assert look(cache, store) == (RUNS, RUNS, False)
    assert not list(records.parent.glob("*.copy*"))


def test_a_log_is_read_with_a_header_that_is_gone(store: Any, cache: BacktestCache) -> None:
    for k in range(20):
        run(PRICES, {"k": k})
    path = store.directory / "records" / "backtests.sqlite"
    kept = {
        name: path.with_name(path.name + name).read_bytes() for name in ("", "-wal")
    }  # as a crash leaves them
    assert kept["-wal"]
    book_of(store).close()
    for name, content in kept.items():
        path.with_name(path.name + name).write_bytes(content)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    overwrite(path, 0, bytes(100))
    assert look(cache, store)[:2] == (20, 20)


@pytest.mark.parametrize("table", ["run", "trial", "sqlite_autoindex_trial_1"])
def test_damaged_pages_cost_runs_but_no_trial(
    table: str, cache: BacktestCache, store: Any, records: Path
) -> None:
    damaged = leaves(records, table)[::3]
    for offset in damaged:
        overwrite(records, offset, noise(4096))
    runs, trials, lower_bound = look(cache, store)
    assert (trials, lower_bound) == (RUNS, False)
    if table == "run":
        assert RUNS / 2 < runs < RUNS  # what lies between two damaged pages, too
    else:
        assert runs == RUNS


def test_runs_prove_trials_where_trials_and_their_index_are_damaged(
    cache: BacktestCache, store: Any, records: Path
) -> None:
    for table in ("trial", "sqlite_autoindex_trial_1"):
        for offset in leaves(records, table):
            overwrite(records, offset, noise(4096))
    assert look(cache, store) == (RUNS, RUNS, True)  # those of cleared runs may be lost


def test_a_file_cut_in_half_is_read_as_far_as_it_goes_and_the_count_is_a_lower_bound(
    cache: BacktestCache, store: Any, records: Path
) -> None:
    os.truncate(records, records.stat().st_size // 2)
    runs, trials, lower_bound = look(cache, store)
    assert RUNS / 4 < runs < RUNS and runs <= trials and lower_bound
    with use_store(store.directory):  # in every later process
        assert cache.get_cache_stats()["lower_bound"]
        assert f"the best of at least {trials} trials" in str(
            cache.find_best_parameters("study", "score")[0]
        )


DAMAGES: dict[str, Callable[[Path], None]] = {
    "header": lambda path: overwrite(path, 0, bytes(100)),
    "everything": lambda path: overwrite(path, 0, noise(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_a_process_that_meets_the_damage_records_its_runs_again(
    damage: str, cache: BacktestCache, store: Any, records: Path
) -> None:
    with use_store(store.directory):
        for k in range(RUNS):
            run(PRICES, {"k": k})  # known to be recorded, to this process
        book_of(store).close()
        for beside in records.parent.glob("backtests.sqlite-*"):
            beside.unlink(missing_ok=True)
        DAMAGES[damage](records)
        run(PRICES, {"k": RUNS})
        for k in range(RUNS):
            run(PRICES, {"k": k})
        assert len(cache.runs("study")) == cache.trial_count("study") == RUNS + 1
