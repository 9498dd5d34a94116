"""Runs that cannot be written now, records that cannot be read: neither is no runs."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from afml_cache import (
    BacktestCache,
    BacktestRecordError,
    CacheWarning,
    cached_backtest,
    get_backtest_cache,
    use_store,
)
from afml_cache.backtests.book import book_of
from tests.backtests.test_faults import locked


def score(data: Any, params: dict[str, Any]) -> dict[str, float]:
    return {"score": float(params["k"])}


run = cached_backtest("held")(score)


@pytest.fixture
def cache() -> BacktestCache:
    return get_backtest_cache()


def test_runs_that_are_held_are_counted_as_the_trials_that_they_are(
    cache: BacktestCache, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afml_cache.backtests.book._PATIENCE", 0.05)
    path = store.directory / "records" / "backtests.sqlite"
    for k in range(3):
        run(None, {"k": k})
    with use_store(store.directory), writing(path):
        with pytest.warns(CacheWarning, match=r"until then they are counted as trials"):
            for k in range(2, 8):
                run(None, {"k": k})
        assert cache.trial_count("held") == cache.trial_count() == 8
        assert sorted(cache.trials("held")["score"]) == [0, 1, 2, 3, 4, 5, 6, 7]
        assert len(cache.runs("held")) == 3 and cache.trial_count("other") == 0
        stats = cache.get_cache_stats()
        assert (stats["runs"], stats["trials"], stats["held"]) == (3, 8, 5)
        assert stats["strategies"] == {"held": {"runs": 3, "trials": 8}}
        assert cache.find_best_parameters("held", "score")[0].trials == 8
    assert len(cache.runs("held")) == 3  # this process has known nothing of it
    with use_store(store.directory):
        for k in range(8):
            run(None, {"k": k})
        assert cache.trial_count("held") == len(cache.runs("held")) == 8


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Another program has begun to write; what is there can be read."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_a_program_that_ends_with_runs_unwritten_says_how_many(
    run_python: Callable[..., str],
) -> None:
    program = """
        import sqlite3, sys
        from afml_cache import cached_backtest, get_backtest_cache
        from afml_cache.store.active import active
        import afml_cache.backtests.book as book
        book._PATIENCE = book._LAST_PATIENCE = 0.05
        sys.stderr = sys.stdout
        @cached_backtest("held")
        def run(data, params):
            return {"sharpe": params["a"]}
        run(None, {"a": 1})
        path = active().directory / "records" / "backtests.sqlite"
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for a in (2, 3, 4):
            run(None, {"a": a})
        print("the end")
    """
    told = run_python(program).partition("the end")[2]
    assert "3 runs of backtests could not be recorded" in told and "before this program" in told
    assert get_backtest_cache().trial_count("held") == 1


def test_who_asks_again_at_once_does_not_wait_again(
    cache: BacktestCache, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afml_cache.backtests.book._PATIENCE", 0.05)
    monkeypatch.setattr("afml_cache.backtests.book._RESPITE", 60.0)
    run(None, {"k": 0})
    book, waited = book_of(store), []
    write_held = book.write_held
    monkeypatch.setattr(
        book, "write_held", lambda patience: waited.append(patience) or write_held(patience)
    )
    path = store.directory / "records" / "backtests.sqlite"
    with writing(path), pytest.warns(CacheWarning):
        run(None, {"k": 1})
        for _ in range(3):
            assert cache.trial_count() == 2
    assert waited[0] == 0.05 and set(waited[1:]) == {0.0}


@contextlib.contextmanager
def somebody_who_may_not_read(folder: Path) -> Iterator[None]:
    """A folder that is closed; where root runs the tests, to somebody else."""
    above = [(one, one.stat().st_mode) for one in folder.parents]
    mode = folder.stat().st_mode
    folder.chmod(0)
    if os.geteuid() == 0:
        for one, before in above:
            if not before & 0o001:
                one.chmod(before | 0o011)
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
            for one, before in above:
                one.chmod(before)
        folder.chmod(mode)


QUESTIONS: dict[str, Callable[[BacktestCache], object]] = {
    "runs": lambda cache: cache.runs(),
    "trials": lambda cache: cache.trials("held"),
    "trial_count": lambda cache: cache.trial_count("held"),
    "find_best_parameters": lambda cache: cache.find_best_parameters("held", "score"),
    "get_cached_backtest": lambda cache: cache.get_cached_backtest("held", {"k": 0}),
    "get_run_metadata": lambda cache: cache.get_run_metadata("held-1"),
    "get_cache_stats": lambda cache: cache.get_cache_stats(),
}


def test_records_that_cannot_be_read_are_told_and_not_taken_for_none(
    cache: BacktestCache, store: Any
) -> None:
    run(None, {"k": 0})
    book_of(store).close()
    records = store.directory / "records"
    with use_store(store.directory), somebody_who_may_not_read(records):
        for ask in QUESTIONS.values():
            with pytest.raises(BacktestRecordError, match=r"cannot be read .*[Pp]ermission"):
                ask(cache)
    with use_store(store.directory):
        assert cache.trial_count("held") == 1


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_records_that_are_locked_are_told_and_results_are_not_affected(
    cache: BacktestCache, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_PATIENCE", "_READ_PATIENCE"):
        monkeypatch.setattr(f"afml_cache.backtests.book.{name}", 0.05)
    path = store.directory / "records" / "backtests.sqlite"
    run(None, {"k": 0})
    book_of(store).close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=delete")  # as on a network: a writer keeps readers out
    with use_store(store.directory):
        with locked(path):
            assert run(None, {"k": 0}) == {"score": 0.0}
            with pytest.raises(BacktestRecordError, match="locked"):
                cache.trial_count("held")
        assert cache.trial_count("held") == 1


def sqlite3_connect(path: Path) -> Any:
    import sqlite3

    return sqlite3.connect(path)
