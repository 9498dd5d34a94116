"""``BacktestCache``: runs as columns, the best of so many trials, cleared and brought back."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    BacktestCache,
    BacktestMetadata,
    BacktestRecordError,
    BacktestResult,
    ClearingError,
    UnkeyableArgumentError,
    UnknownRunError,
    cached_backtest,
    content_key,
    get_backtest_cache,
    use_settings,
    use_store,
)
from tests.backtests.strategies import by_hand, with_engine

PRICES = pd.Series([10.0, 11.0, 10.5], index=pd.date_range("2024-01-01", periods=3), name="close")


@pytest.fixture
def cache() -> BacktestCache:
    return get_backtest_cache()


def study(cache: BacktestCache, sharpes: dict[int, Any], strategy: str = "sma") -> dict[int, str]:
    """A run for each window; their ids."""
    return {
        window: cache.cache_backtest(strategy, {"window": window}, PRICES, {"sharpe": sharpe})
        for window, sharpe in sharpes.items()
    }


# -- recording by hand


def test_what_is_recorded_comes_back(cache: BacktestCache, goog: Any) -> None:
    metrics, trades, equity = by_hand(goog, {"window": 20})
    run_id = cache.cache_backtest("sma", {"window": 20}, goog, metrics, trades, equity, seconds=1.5)
    result = cache.get_cached_backtest("sma", {"window": 20}, goog.copy())
    assert isinstance(result, BacktestResult) and isinstance(result.metadata, BacktestMetadata)
    assert result.run_id == run_id and result.parameters == {"window": 20}
    assert content_key(result.metrics) == content_key(dict(metrics))
    assert content_key(result.trades) == content_key(trades)
    assert content_key(result.equity) == content_key(equity)
    assert result.metadata.seconds == 1.5 and result.metadata.data[0].rows == len(goog)
    assert cache.get_cached_backtest("sma", run_id=run_id) is not None


def test_only_the_same_strategy_parameters_and_data_are_found(cache: BacktestCache) -> None:
    cache.cache_backtest("sma", {"window": 20, "stop": 0.1}, PRICES, {"sharpe": 1.0})
    found = cache.get_cached_backtest("sma", {"stop": 0.1, "window": 20}, PRICES)
    assert found is not None
    for strategy, params, data in (
        ("ema", {"window": 20, "stop": 0.1}, PRICES),
        ("sma", {"window": 20}, PRICES),
        ("sma", {"window": 20.0, "stop": 0.1}, PRICES),
        ("sma", {"window": 20, "stop": 0.1}, PRICES * 1.01),
        ("sma", {"window": 20, "stop": 0.1}, PRICES[:2]),
        ("sma", {"window": 20, "stop": 0.1}, None),
    ):
        assert cache.get_cached_backtest(strategy, params, data) is None
    assert cache.get_cached_backtest("ema", run_id=found.run_id) is None


def test_a_run_of_a_decorated_function_is_found_by_all_its_parameters(
    cache: BacktestCache, goog: Any
) -> None:
    cached_backtest("sma")(by_hand)(goog, {"window": 20})
    assert cache.get_cached_backtest("sma", {"window": 20, "fee": 0.001}, goog) is not None
    assert cache.get_cached_backtest("sma", {"window": 20}, goog) is None


def test_recorded_again_it_is_one_run_and_one_trial(cache: BacktestCache) -> None:
    first = study(cache, {20: 1.0})[20]
    again = study(cache, {20: 2.0})[20]
    assert first == again and cache.runs()["sharpe"].tolist() == [2.0]
    assert cache.trial_count("sma") == 1
    assert cache.trials("sma")["sharpe"].tolist() == [1.0]  # as it was seen first


def test_results_of_an_engine_bring_their_trades_along(cache: BacktestCache, goog: Any) -> None:
    stats = with_engine(goog, {"fast": 5, "slow": 20})
    run_id = cache.cache_backtest("engine", {"fast": 5, "slow": 20}, goog, stats)
    assert content_key(cache.get_cached_trades(run_id)) == content_key(stats._trades)
    assert content_key(cache.get_cached_equity(run_id)) == content_key(stats._equity_curve)


def test_what_has_no_key_is_refused(cache: BacktestCache) -> None:
    with pytest.raises(UnkeyableArgumentError, match="generator"):
        cache.cache_backtest("sma", {"rule": (x for x in ())}, PRICES, {"sharpe": 1.0})
    with use_settings(mode="readonly"), pytest.raises(BacktestRecordError, match="readonly"):
        cache.cache_backtest("sma", {}, PRICES, {"sharpe": 1.0})


def test_trades_are_kept_and_replaced(cache: BacktestCache) -> None:
    run_id = study(cache, {20: 1.0})[20]
    assert cache.get_cached_trades(run_id) is None
    for size in (1, 2):
        trades = pd.DataFrame({"size": [size]})
        cache.cache_trades(run_id, trades)
        assert cache.get_cached_trades(run_id).equals(trades)
    with pytest.raises(UnknownRunError, match=r"no run 'sma-0'"):
        cache.cache_trades("sma-0", trades)


def test_walk_forward_splits_come_back_by_number(cache: BacktestCache, goog: Any) -> None:
    for split in range(3):
        train, test = goog[split * 500 : split * 500 + 1000], goog[split * 500 + 1000 :][:500]
        params = {"window": 10 + split}
        metrics, trades, equity = by_hand(test, params)
        cache.cache_walk_forward_split("wf", split, params, train, test, metrics, trades, equity)
    result = cache.get_walk_forward_split("wf", 1)
    assert result is not None and result.metadata.split == 1
    assert result.parameters == {"window": 11}
    (window,) = result.metadata.data
    assert (window.kind, window.rows) == ("2 x DataFrame", 1500)
    assert (window.first, window.last) == (goog.index[500], goog.index[1999])
    assert len(result.trades) > 0 and len(result.equity) == 500
    assert cache.get_walk_forward_split("wf", 1, {"window": 11}) is not None
    assert cache.get_walk_forward_split("wf", 1, {"window": 12}) is None
    assert cache.get_walk_forward_split("wf", 7) is None
    assert cache.trial_count("wf") == 3 and cache.runs("wf")["split"].tolist() == [0, 1, 2]


# -- runs as columns


def test_metrics_and_parameters_are_columns_that_can_be_queried(cache: BacktestCache) -> None:
    study(cache, {10: 0.5, 20: 1.5, 50: np.float64(2.5)})
    study(cache, {10: 9.0}, "another")
    runs = cache.runs("sma")
    assert runs["sharpe"].dtype == "float64" and runs["params.window"].dtype == "int64"
    assert runs.query("sharpe > 1")["params.window"].tolist() == [20, 50]
    assert runs.query("`params.window` < 50 and sharpe > 1")["params.window"].tolist() == [20]
    assert list(runs.columns[:4]) == ["run_id", "strategy", "created", "seconds"]
    assert runs["created"].dtype == "datetime64[us, UTC]"
    assert runs["first"].tolist() == [PRICES.index[0]] * 3
    assert len(cache.runs()) == 4


def test_columns_of_runs_that_differ_in_what_they_have(cache: BacktestCache) -> None:
    for number, metrics in enumerate(
        [
            {"n": 1, "d": Decimal("1.5"), "flag": True, "note": "a", "huge": 10**400},
            {"n": 2, "d": 2, "flag": False, "note": 7, "seconds": 3.0, "params.x": 1},
            {"d": None, "flag": None, "inf": math.inf, "strategy": 4},
        ]
    ):
        cache.cache_backtest("odd", {"k": number}, PRICES, metrics)
    runs = cache.runs("odd")
    assert runs["n"].dtype == "float64" and runs["n"].isna().tolist() == [False, False, True]
    assert runs["d"].tolist()[:2] == [1.5, 2.0]
    assert runs["flag"].isna().tolist() == [False, False, True]
    assert runs["note"].tolist()[:2] == ["a", 7]
    assert runs["huge"].tolist()[0] == math.inf
    assert runs["metrics.seconds"].tolist()[1] == 3.0 and (runs["seconds"] == 0.0).all()
    assert runs["metrics.strategy"].tolist()[2] == 4
    assert runs["metrics.params.x"].tolist()[1] == 1


def test_an_empty_cache_has_the_columns_and_no_rows(cache: BacktestCache, store: Any) -> None:
    assert len(cache.runs()) == 0 and "run_id" in cache.runs().columns
    assert len(cache.trials("sma")) == 0 and cache.trial_count() == 0
    assert cache.get_cached_backtest("sma", {"window": 1}, PRICES) is None
    assert cache.find_best_parameters("sma", "sharpe") == []
    assert cache.get_cache_stats()["runs"] == 0
    assert not (store.directory / "records").exists()  # asking makes nothing


def test_runs_are_compared_in_the_order_given(cache: BacktestCache) -> None:
    ids = study(cache, {10: 0.5, 20: 1.5, 50: 2.5})
    table = cache.compare_runs([ids[50], ids[10]])
    assert list(table.index) == [ids[50], ids[10]] and table.index.name == "run_id"
    assert table["sharpe"].tolist() == [2.5, 0.5] and table["params.window"].tolist() == [50, 10]
    assert list(cache.compare_runs([ids[10]], metrics=["sharpe"])) == [
        "strategy",
        "code",
        "rows",
        "first",
        "last",
        "params.window",
        "sharpe",
    ]
    assert len(cache.compare_runs([])) == 0
    with pytest.raises(UnknownRunError, match="no run 'nothing' is recorded"):
        cache.compare_runs([ids[10], "nothing"])
    with pytest.raises(ValueError, match=r"metric 'sharp' \(is it 'sharpe'\?\)"):
        cache.compare_runs([ids[10]], metrics=["sharp"])


def test_the_best_says_of_how_many_it_is_the_best(cache: BacktestCache) -> None:
    ids = study(cache, {5: math.nan, 10: 0.5, 20: 1.5, 50: np.float32(2.5), 90: None, 99: "high"})
    (best,) = cache.find_best_parameters("sma", "sharpe")
    assert (best.run_id, best.parameters, best.value) == (ids[50], {"window": 50}, 2.5)
    assert (best.rank, best.trials) == (1, 6)
    assert str(best) == "sharpe 2.5, the best of 6 trials: window=50, " + (
        "on 3 rows from 2024-01-01 to 2024-01-03"
    )
    worst = cache.find_best_parameters("sma", "sharpe", maximize=False, top_n=9)
    assert [one.value for one in worst] == [0.5, 1.5, 2.5]
    assert str(worst[1]).startswith("sharpe 1.5, number 2 of 6 trials: window=20, on 3 rows")
    with pytest.raises(ValueError, match="is it 'sharpe'"):
        cache.find_best_parameters("sma", "sharp")
    with pytest.raises(ValueError, match="top_n is 0"):
        cache.find_best_parameters("sma", "sharpe", top_n=0)


def test_the_best_may_be_infinite_or_a_decimal_and_metrics_may_be_called_anything(
    cache: BacktestCache,
) -> None:
    names = [
        "Return [%]",
        "# Trades",
        'a "quoted" one',
        "back\\slash",
        "dot.ted",
        "ä",
        "$",
        "'",
        "a\nb",
        "\udc80",
    ]
    for number, value in enumerate(
        [1.0, Decimal("2.5"), math.inf, -math.inf, np.float64("nan"), 2]
    ):
        metrics = dict.fromkeys(names, value)
        cache.cache_backtest("odd", {"n": number}, PRICES, metrics)
    for name in names:
        best = cache.find_best_parameters("odd", name, top_n=9)
        assert [one.value for one in best] == [math.inf, 2.5, 2.0, 1.0, -math.inf]
        (least,) = cache.find_best_parameters("odd", name, maximize=False)
        assert least.parameters == {"n": 3} and least.value == -math.inf


def test_the_metadata_of_no_run_is_an_error_that_says_so(cache: BacktestCache) -> None:
    for ask in (cache.get_run_metadata, cache.get_cached_trades, cache.get_cached_equity):
        with pytest.raises(UnknownRunError, match=r"runs\(\) lists those that are"):
            ask("sma-1")


# -- the ledger


def test_hits_are_no_trials_and_new_parameters_data_and_code_are(goog: Any) -> None:
    cache, run = get_backtest_cache(), cached_backtest("sma")(by_hand)
    for _ in range(3):
        run(goog, {"window": 20})
    assert cache.trial_count("sma") == 1
    run(goog, {"window": 21})
    run(goog[:-1], {"window": 20})
    assert cache.trial_count("sma") == 3
    cached_backtest("sma", version=2)(by_hand)(goog, {"window": 20})
    assert cache.trial_count("sma") == 4 == cache.trial_count()
    trials = cache.trials("sma")
    assert trials["params.window"].tolist() == [20, 21, 20, 20]
    assert trials["trial"].is_unique and trials["sharpe"].dtype == "float64"
    assert trials["code"].nunique() == 2


# -- clearing and figures


def test_old_runs_are_moved_aside_and_brought_back_and_trials_stay(
    goog: Any, cache: BacktestCache, store: Any
) -> None:
    run = cached_backtest("sma")(by_hand)
    for window in (10, 20, 30):
        run(goog, {"window": window})
    ids = cache.runs()["run_id"].tolist()
    nothing = cache.clear_old_runs(1)
    assert not nothing and str(nothing) == (
        "no run is as old as that; the ledger still counts 3 trials"
    )
    cleared = cache.clear_old_runs(0)
    assert cleared.runs == 3 and cleared.files == 6 and cleared.trials == 3
    assert cleared.path is not None and str(cleared.path) in str(cleared)
    assert "restore_runs() brings them back" in str(cleared)
    assert len(cache.runs()) == 0 and cache.trial_count("sma") == 3
    assert len(cache.trials("sma")) == 3
    assert not list((store.directory / "records" / "backtests").rglob("*.parquet"))
    assert cache.find_best_parameters("sma", "sharpe") == []
    run(goog, {"window": 20})  # a hit, and a run again
    assert cache.runs()["run_id"].tolist() == [ids[1]] and cache.trial_count("sma") == 3
    assert run.cache_info().computed == 3
    assert cache.restore_runs() == 2
    assert sorted(cache.runs()["run_id"]) == sorted(ids)
    for run_id in ids:
        assert (
            len(cache.get_cached_trades(run_id)) > 0 and cache.get_cached_equity(run_id) is not None
        )
    assert cache.restore_runs() == 0 and cache.get_cache_stats()["runs"] == 3
    assert not list((store.directory / "records" / "cleared_runs").iterdir())


def test_clearing_by_days_leaves_the_recent(cache: BacktestCache, store: Any) -> None:
    ids = study(cache, {10: 1.0, 20: 2.0})
    from afml_cache.backtests.book import book_of

    long_ago = (dt.datetime.now(dt.UTC) - dt.timedelta(days=40)).timestamp()
    book_of(store).write(
        lambda cursor: cursor.execute("UPDATE run SET created=? WHERE id=?", (long_ago, ids[10]))
    )
    assert cache.clear_old_runs(days=30).runs == 1
    assert cache.runs()["params.window"].tolist() == [20]
    with pytest.raises(ValueError, match="days is -1"):
        cache.clear_old_runs(-1)


def test_a_clearing_that_cannot_write_loses_nothing(cache: BacktestCache, store: Any) -> None:
    study(cache, {10: 1.0})
    (store.directory / "records" / "cleared_runs").write_text("in the way")
    with pytest.raises(ClearingError, match="nothing is lost"):
        cache.clear_old_runs(0)
    assert len(cache.runs()) == 1


def test_figures_of_what_is_recorded(cache: BacktestCache, goog: Any, store: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 10})
    run(goog, {"window": 20})
    study(cache, {10: 1.0}, "ema")
    stats = cache.get_cache_stats()
    assert (stats["runs"], stats["trials"]) == (3, 3)
    assert stats["strategies"] == {"ema": {"runs": 1, "trials": 1}, "sma": {"runs": 2, "trials": 2}}
    assert stats["bytes"] > 100_000 and stats["directory"] == str(store.directory / "records")


def test_a_cache_of_its_own_directory_follows_no_store(tmp_path: Path) -> None:
    own = BacktestCache(tmp_path / "own")
    study(own, {10: 1.0})
    with use_store(tmp_path / "elsewhere"):
        assert own.trial_count() == 1
    assert get_backtest_cache().trial_count() == 0
    with use_store(tmp_path / "own"):
        assert get_backtest_cache().trial_count() == 1
