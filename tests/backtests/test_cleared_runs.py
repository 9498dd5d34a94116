"""What was moved aside is brought back, or stays where it is: never a third."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from afml_cache import (
    BacktestCache,
    CacheWarning,
    ClearingError,
    cached_backtest,
    get_backtest_cache,
    use_store,
)
from afml_cache.backtests import cleared_runs
from afml_cache.backtests.cleared_runs import ClearedRuns
from tests.backtests.strategies import by_hand
from tests.backtests.test_faults import somebody_who_may_only_read

PRICES = pd.Series([10.0, 11.0, 10.5], index=pd.date_range("2024-01-01", periods=3), name="close")


@pytest.fixture
def cache() -> BacktestCache:
    return get_backtest_cache()


@pytest.fixture
def aside(store: Any) -> Path:
    folder: Path = store.directory / "records" / "cleared_runs"
    return folder


def sizes(count: int) -> pd.DataFrame:
    return pd.DataFrame({"size": range(count)})


def test_trades_that_differ_from_those_recorded_since_stay_and_can_be_had(
    goog: Any, cache: BacktestCache, aside: Path
) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 20})
    (run_id,) = cache.runs()["run_id"]
    cache.cache_trades(run_id, sizes(7))
    cache.clear_old_runs(0)
    run(goog, {"window": 20})  # a hit records it again, with the trades of the result
    computed = len(cache.get_cached_trades(run_id))
    with pytest.warns(CacheWarning, match=r"1 run .*recorded again since.*replace=True"):
        assert cache.restore_runs() == 0
    assert len(cache.get_cached_trades(run_id)) == computed
    assert len(list(aside.iterdir())) == 1
    assert cache.restore_runs(replace=True) == 1
    assert len(cache.get_cached_trades(run_id)) == 7
    assert len(list(aside.iterdir())) == 1  # now the other ones lie there
    assert cache.restore_runs(replace=True) == 1
    assert len(cache.get_cached_trades(run_id)) == computed


def test_a_run_by_hand_that_was_recorded_again_costs_the_cleared_one_nothing(
    cache: BacktestCache,
) -> None:
    run_id = cache.cache_backtest("h", {"k": 1}, PRICES, {"s": 1.0}, sizes(9))
    cache.clear_old_runs(0)
    cache.cache_backtest("h", {"k": 1}, PRICES, {"s": 2.0})
    with pytest.warns(CacheWarning, match="recorded again since"):
        assert cache.restore_runs() == 0
    assert cache.runs("h")["s"].tolist() == [2.0]
    assert cache.restore_runs(replace=True) == 1
    assert cache.runs("h")["s"].tolist() == [1.0]
    assert len(cache.get_cached_trades(run_id)) == 9


@pytest.mark.filterwarnings("error::afml_cache.CacheWarning")
def test_a_hit_that_records_a_run_again_takes_its_origin_from_the_cleared_one(
    goog: Any, cache: BacktestCache, aside: Path
) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 20})
    (run_id,) = cache.runs()["run_id"]
    before = cache.get_run_metadata(run_id)
    cache.clear_old_runs(0)
    run(goog, {"window": 20})
    assert cache.get_run_metadata(run_id).pid is None
    assert cache.restore_runs() == 0
    after = cache.get_run_metadata(run_id)
    assert (after.user, after.host, after.pid) == (before.user, before.host, before.pid)
    assert not list(aside.iterdir())


def test_trades_that_could_not_be_kept_again_come_from_the_cleared_run(
    goog: Any, cache: BacktestCache, store: Any, aside: Path
) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 20})
    (run_id,) = cache.runs()["run_id"]
    trades = len(cache.get_cached_trades(run_id))
    cache.clear_old_runs(0)
    frames = store.directory / "records" / "backtests" / "sma"
    for path in sorted(frames.rglob("*")):
        path.unlink()
    frames.rmdir()
    frames.write_text("in the way")
    with pytest.warns(CacheWarning, match="cannot be recorded in"):
        run(goog, {"window": 20})
    frames.unlink()
    assert cache.get_cached_trades(run_id) is None
    assert cache.restore_runs() == 0
    assert len(cache.get_cached_trades(run_id)) == trades
    assert not aside.exists() or not list(aside.iterdir())


def test_a_folder_that_is_not_of_ours_is_left_alone(cache: BacktestCache, aside: Path) -> None:
    theirs = aside / "my notes" / "why.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("as I cleared the runs of March")
    assert cache.restore_runs() == 0
    assert theirs.exists()


@pytest.fixture
def cleared_in_a_folder_that_may_only_be_read(
    goog: Any, cache: BacktestCache, store: Any
) -> Iterator[tuple[ClearedRuns, list[str]]]:
    run = cached_backtest("sma")(by_hand)
    for window in (10, 20):
        run(goog, {"window": window})
    frames = store.directory / "records" / "backtests"
    with warnings.catch_warnings(record=True) as told, use_store(store.directory):
        warnings.simplefilter("always", CacheWarning)
        for path in (store.directory, *store.directory.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        with somebody_who_may_only_read(frames):
            cleared = cache.clear_old_runs(0)
            texts = [str(one.message) for one in told]
            yield cleared, texts


def test_files_that_cannot_be_removed_do_not_fail_a_clearing(
    cleared_in_a_folder_that_may_only_be_read: tuple[ClearedRuns, list[str]],
    cache: BacktestCache,
    goog: Any,
) -> None:
    cleared, texts = cleared_in_a_folder_that_may_only_be_read
    assert cleared.runs == 2 and cleared.files == 4 and len(cache.runs()) == 0
    assert any("4 files" in text and "could not be removed" in text for text in texts)
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 10})
    assert len(cache.runs()) == 1
    assert cache.restore_runs() == 1
    for run_id in cache.runs()["run_id"]:
        assert len(cache.get_cached_trades(run_id)) > 0


def test_runs_are_recorded_again_after_a_clearing_that_failed_half_way(
    goog: Any, cache: BacktestCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches; the disk is full at the second."""
    monkeypatch.setattr(cleared_runs, "AT_ONCE", 1)
    run = cached_backtest("sma")(by_hand)
    for window in (10, 20):
        run(goog, {"window": window})
    link, seen = cleared_runs.link, []

    def link_while_there_is_room(path: Path, target: Path) -> bool:
        seen.append(path)
        if len(seen) == 3:  # the first file of the second run
            raise OSError(errno.ENOSPC, "no space left on device")
        return link(path, target)

    monkeypatch.setattr(cleared_runs, "link", link_while_there_is_room)
    with pytest.raises(ClearingError, match="not all"):
        cache.clear_old_runs(0)
    assert len(cache.runs()) == 1
    run(goog, {"window": 10})
    run(goog, {"window": 20})
    assert len(cache.runs()) == 2


def test_days_that_are_no_number_are_refused_in_words(cache: BacktestCache) -> None:
    for days in ("x", None, float("nan")):
        with pytest.raises(ValueError, match=r"days is .* it can be 0 or more"):
            cache.clear_old_runs(days)  # type: ignore[arg-type]
