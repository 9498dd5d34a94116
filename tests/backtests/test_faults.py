"""A result is never lost because something about it could not be recorded."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    cached_backtest,
    content_key,
    get_backtest_cache,
    use_settings,
    use_store,
)
from afml_cache.backtests.book import book_of
from tests.backtests.strategies import by_hand


def records_of(store: Any) -> Path:
    folder: Path = store.directory / "records"
    return folder


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program has begun to write, and does not end."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds of waiting are the user's; a test need not."""
    monkeypatch.setattr("afml_cache.backtests.book._PATIENCE", 0.05)
    monkeypatch.setattr("afml_cache.backtests.book._READ_PATIENCE", 0.05)
    monkeypatch.setattr("afml_cache.backtests.book._RESPITE", 0.0)


def test_locked_records_are_written_when_the_lock_is_gone(
    goog: Any, store: Any, impatient: None
) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 5})
    with locked(records_of(store) / "backtests.sqlite"):
        with pytest.warns(CacheWarning, match=r"cannot be written .*held in memory") as told:
            results = [run(goog, {"window": window}) for window in (6, 7, 6)]
        assert len(told) == 1
    assert [content_key(one) for one in results] == [
        content_key(by_hand(goog, {"window": window})) for window in (6, 7, 6)
    ]
    assert (run.cache_info().computed, run.cache_info().hits) == (3, 1)
    assert get_backtest_cache().trial_count("sma") == 3
    assert get_backtest_cache().runs()["params.window"].tolist() == [5, 6, 7]


def test_runs_that_are_held_are_written_when_the_process_ends(
    store: Any, run_python: Callable[..., str]
) -> None:
    program = """
        import sqlite3, sys, threading, warnings
        from pathlib import Path
        from afml_cache import cached_backtest, get_backtest_cache
        from afml_cache.store.active import active
        import afml_cache.backtests.book as book
        book._PATIENCE = 0.05
        @cached_backtest("held")
        def run(data, params):
            return {"sharpe": params["a"]}
        run(None, {"a": 1})
        path = active().directory / "records" / "backtests.sqlite"
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        warnings.simplefilter("ignore")
        for a in (2, 3):
            run(None, {"a": a})
        print(len(book.book_of(active())._held))
        other.close()
    """
    assert run_python(program) == "2"
    assert get_backtest_cache().trial_count("held") == 3


@contextlib.contextmanager
def somebody_who_may_only_read(folder: Path) -> Iterator[None]:
    """A colleague, where root runs the tests; else a user whose rights were taken away."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    closed = [(above, above.stat().st_mode) for above in folder.parents]
    if os.geteuid() == 0:
        for above, mode in closed:
            if not mode & 0o001:
                above.chmod(mode | 0o011)
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
            for above, mode in closed:
                above.chmod(mode)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_records_that_may_only_be_read_are_read(goog: Any, store: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 5})
    book_of(store).close()
    with (
        somebody_who_may_only_read(records_of(store)),
        use_store(store.directory),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        assert run(goog, {"window": 6})[0]["trades"] > 0
        assert get_backtest_cache().runs()["params.window"].tolist() == [5]
    texts = [str(one.message) for one in told if one.category is CacheWarning]
    assert "held in memory" in texts[-1] and "cannot be recorded in" in texts[-2]
    assert len(texts) <= 3  # the third says that the cache itself cannot be written to


def test_a_records_folder_that_cannot_be_made_costs_a_warning(goog: Any, store: Any) -> None:
    store.directory.mkdir(parents=True)
    records_of(store).write_text("a file is in the way")
    run = cached_backtest("sma")(by_hand)
    with pytest.warns(CacheWarning) as told:
        result = run(goog, {"window": 5})
    assert content_key(result) == content_key(by_hand(goog, {"window": 5}))
    texts = " ".join(str(one.message) for one in told)
    assert "the trades of sma-" in texts and "cannot be written" in texts and len(told) <= 3
    run(goog, {"window": 5})
    assert run.cache_info().hits == 1
    records_of(store).unlink()
    assert get_backtest_cache().trial_count("sma") == 1  # it was held


DAMAGES: dict[str, Callable[[Path], object]] = {
    "overwritten": lambda path: path.write_bytes(b"not a database at all" * 500),
    "cut short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "another program's": lambda path: _other_tables(path),
    "header gone": lambda path: _zero(path, 0, 100),
    "pages gone": lambda path: _zero(path, 4096, 4096 * 3),
}


def _other_tables(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE song (name)")
        db.commit()


def _zero(path: Path, start: int, end: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(bytes(end - start))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_records_are_moved_aside_and_results_are_not_affected(
    damage: str, goog: Any, store: Any
) -> None:
    run = cached_backtest("sma")(by_hand)
    for window in range(5, 25):
        run(goog, {"window": window})
    book_of(store).close()
    path = records_of(store) / "backtests.sqlite"
    for beside in path.parent.glob("backtests.sqlite-*"):
        beside.unlink()
    DAMAGES[damage](path)
    with use_store(store.directory), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CacheWarning)
        result = run(goog, {"window": 99})
        for window in range(5, 25):
            run(goog, {"window": window})
        assert get_backtest_cache().trial_count("sma") == 21  # those that were hit are back
        assert len(get_backtest_cache().runs("sma")) == 21
    assert content_key(result) == content_key(by_hand(goog, {"window": 99}))
    assert len(told) == 1 and "were damaged" in str(told[0].message)
    assert len(list(path.parent.glob("backtests.sqlite.corrupt-*"))) >= 1
    assert len(list((path.parent / "backtests" / "sma").glob("*.trades.*"))) == 21


def test_what_can_be_read_of_damaged_records_is_carried_over(goog: Any, store: Any) -> None:
    """Trials that nobody will ask for again are in no cache: they must not be lost."""
    run, cache = cached_backtest("sma", save_trades=False)(by_hand), get_backtest_cache()
    for window in range(5, 65):
        run(goog, {"window": window})
    before = cache.trials("sma")
    book_of(store).close()
    path = records_of(store) / "backtests.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        (page,) = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE name='run_by_call'"
        ).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    _zero(path, (page - 1) * size, page * size)  # an index: no row is lost
    with use_store(store.directory), pytest.warns(CacheWarning, match="60 runs, 60 trials out of"):
        run(goog, {"window": 99})
    with use_store(store.directory):
        after = cache.trials("sma")
        assert len(after) == 61 == len(cache.runs("sma"))
        assert set(before["trial"]) < set(after["trial"])
        assert cache.trial_count("sma") == 61


def test_records_of_a_newer_version_are_left_as_they_are(goog: Any, store: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 5})
    book_of(store).close()
    path = records_of(store) / "backtests.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
    with use_store(store.directory) as later, pytest.warns(CacheWarning, match="newer version"):
        run(goog, {"window": 6})
        book_of(later).after_fork()  # what is held would be tried again when the tests end
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM run").fetchone() == (1,)


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """A disk that is full, as far as this process can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_costs_a_warning_and_leaves_no_half_written_file(goog: Any, store: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 5})
    with no_file_larger_than(2_000), pytest.warns(CacheWarning):
        result = run(goog, {"window": 6})
    assert content_key(result) == content_key(by_hand(goog, {"window": 6}))
    kept = list((records_of(store) / "backtests" / "sma").iterdir())
    assert not [path for path in kept if path.name.startswith(".")]
    cache = get_backtest_cache()
    assert cache.trial_count("sma") == 2  # it was held
    (run_id,) = cache.runs().query("`params.window` == 6")["run_id"]
    assert cache.get_cached_equity(run_id) is None
    with use_store(store.directory):  # as another process has it
        run(goog, {"window": 6})
        assert content_key(cache.get_cached_equity(run_id)) == content_key(result[2])


class Unpicklable:
    def __reduce__(self) -> Any:
        raise TypeError("a live connection")


def test_a_result_that_cannot_be_stored_arrives_and_is_recorded() -> None:
    @cached_backtest("live")
    def run(data: Any, params: Any) -> Any:
        return {"sharpe": 1.5, "engine": Unpicklable()}

    with pytest.warns(CacheWarning, match="cannot be pickled"):
        for _ in range(2):
            assert run(None, {})["sharpe"] == 1.5
    assert run.cache_info().computed == 2
    assert get_backtest_cache().runs("live")["sharpe"].tolist() == [1.5]
    assert get_backtest_cache().trial_count("live") == 1


def test_an_argument_without_a_key_is_told_and_is_no_run() -> None:
    @cached_backtest("stream")
    def run(data: Any, params: Any) -> Any:
        return {"sharpe": sum(params)}

    with pytest.warns(CacheWarning, match="params is a generator"):
        assert run(None, (x for x in (1, 2)))["sharpe"] == 3
    assert get_backtest_cache().trial_count() == 0


class Hostile(dict):  # type: ignore[type-arg]
    """A dict that does not say what it holds."""

    def items(self, *_: Any) -> Any:
        raise RuntimeError("no")


def test_metrics_that_cannot_be_read_cost_the_metrics_only() -> None:
    @cached_backtest("hostile")
    def run(data: Any, params: Any) -> Any:
        return Hostile(sharpe=1.0)

    with pytest.warns(CacheWarning, match="recorded without metrics"):
        assert run(None, {})["sharpe"] == 1.0
    assert len(get_backtest_cache().runs("hostile")) == 1


def test_a_frame_that_parquet_refuses_is_kept_sealed_and_told_once(store: Any) -> None:
    pytest.importorskip("pyarrow")

    @cached_backtest("mixed")
    def run(data: Any, params: Any) -> Any:
        return {"sharpe": 1.0}, pd.DataFrame({"tag": [1, "a", None], "n": [params, 2, 3]}), None

    with pytest.warns(CacheWarning, match="cannot be written as Parquet") as told:
        results = [run(None, 1), run(None, 2)]
    assert len(told) == 1
    cache = get_backtest_cache()
    for result, run_id in zip(results, cache.runs("mixed")["run_id"], strict=True):
        assert content_key(cache.get_cached_trades(run_id)) == content_key(result[1])
        assert cache.get_run_metadata(run_id).kept == {"trades": "sealed", "equity": ""}


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_trades_that_cannot_be_pickled_cost_a_warning() -> None:
    @cached_backtest("objects")
    def run(data: Any, params: Any) -> Any:
        return {"sharpe": 1.0}, np.array([Unpicklable(), 1], dtype=object), None

    with pytest.warns(CacheWarning, match="cannot be recorded, since"):
        run(None, {})
    assert get_backtest_cache().runs("objects")["sharpe"].tolist() == [1.0]


def test_an_interrupt_while_a_run_is_recorded_loses_nothing(goog: Any, store: Any) -> None:
    """Ctrl-C between the entry and its run: the next call records it."""

    class Interrupting:
        calls = 0

        def __repr__(self) -> str:
            type(self).calls += 1
            if type(self).calls == 1:
                raise KeyboardInterrupt
            return "fine"

    note = Interrupting()

    def run_(data: Any, params: Any) -> Any:
        return {"sharpe": 1.0}, None, None

    run = cached_backtest("interrupted")(run_)
    # The repr of a parameter is asked for before the function runs.
    with use_settings(strict=False), pytest.raises(KeyboardInterrupt):
        run(None, {"note": Marked(note)})
    run(None, {"note": Marked(note)})
    assert get_backtest_cache().trial_count("interrupted") == 1


class Marked:
    """Keyed by its name alone, and shown by another's repr."""

    def __init__(self, shown: object) -> None:
        self.shown = shown

    def __afml_key__(self) -> object:
        return "marked"

    def __repr__(self) -> str:
        return repr(self.shown)


def test_threads_that_meet_at_one_run_record_it_once(goog: Any) -> None:
    run = cached_backtest("threads")(by_hand)
    barrier = threading.Barrier(8)
    results = []

    def call() -> None:
        barrier.wait()
        for window in (5, 6, 7):
            results.append(run(goog, {"window": window})[0]["return"])

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 24 and len(set(results)) == 3
    assert run.cache_info().computed == 3
    assert get_backtest_cache().trial_count("threads") == 3
    assert len(get_backtest_cache().runs("threads")) == 3
