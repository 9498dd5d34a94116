"""What a result and its arguments are taken for: nothing of them vanishes unsaid."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    BacktestCache,
    CacheWarning,
    cached_backtest,
    content_key,
    get_backtest_cache,
)
from afml_cache.backtests.parts import parts_of

PRICES = pd.Series([10.0, 11.0, 10.5], index=pd.date_range("2024-01-01", periods=3), name="close")
TRADES = pd.DataFrame({"size": [1, 2]})


@pytest.fixture
def cache() -> BacktestCache:
    return get_backtest_cache()


def made(cache: BacktestCache, result: Any) -> Any:
    """What is recorded of a run with this result."""

    @cached_backtest("made")
    def run(data: Any, params: Any) -> Any:
        return result

    run(PRICES, {})
    (run_id,) = cache.runs("made")["run_id"]
    return cache.get_cached_backtest("made", run_id=run_id)


# -- arguments


@pytest.mark.parametrize("name", ["params", "parameters", "config"])
def test_parameters_that_are_only_arrays_are_parameters(name: str, cache: BacktestCache) -> None:
    space: dict[str, Any] = {}
    exec(f"def run(data, {name}): return {{'sharpe': float({name}['weights'][0])}}", space)
    run = cached_backtest("weights")(space["run"])
    for x in (0.1, 0.9, 0.5):
        run(PRICES, {"weights": np.array([x, 1 - x])})
    (best,) = cache.find_best_parameters("weights", "sharpe")
    weights = best.parameters["weights"]
    assert content_key(weights) == content_key(np.array([0.9, 1 - 0.9]))
    assert "weights=[0.9 0.1]" in str(best)
    assert cache.runs("weights")["rows"].tolist() == [3, 3, 3]
    (data,) = best.data
    assert data.name == "data"
    assert cache.get_cached_backtest("weights", {"weights": weights}, PRICES) is not None
    assert len(cache.runs("weights")["params.weights"]) == 3


def test_data_of_arrays_without_labels_is_data(cache: BacktestCache) -> None:
    @cached_backtest("arrays")
    def run(data: Any, params: Any) -> Any:
        return {"sharpe": 1.0}

    run({"close": np.arange(50.0), "volume": np.ones(50)}, {"k": 1})
    (row,) = cache.runs("arrays").itertuples()
    assert row.rows == 100


ARRAYS = [
    np.array([0.5, float("nan"), float("inf")]),
    np.array([[1, 2], [3, 4]], dtype="int16"),
    np.array([True, False]),
    np.array([2**64 - 1], dtype="uint64"),
    np.array([1.5], dtype="float32"),
    np.zeros((2, 0)),
]


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_small_arrays_come_back_as_they_are(array: Any, cache: BacktestCache) -> None:
    cache.cache_backtest("arrays", {"a": array}, PRICES, {"m": array, "s": 1.0})
    found = cache.get_cached_backtest("arrays", {"a": array}, PRICES)
    assert found is not None
    for value in (found.parameters["a"], found.metrics["m"]):
        assert content_key(value) == content_key(array) and value.shape == array.shape


def test_a_run_of_two_arguments_of_data_is_found_by_their_names(cache: BacktestCache) -> None:
    @cached_backtest("two")
    def run(x: Any, y: Any, params: Any) -> Any:
        return {"sum": float((x - y).sum())}

    x, y = PRICES, PRICES * 2
    run(x, y, {"k": 1})
    run(y, x, {"k": 1})
    for data in ({"x": x, "y": y}, {"y": x, "x": y}):
        found = cache.get_cached_backtest("two", {"k": 1}, data)
        assert found is not None and found.metrics["sum"] == float((data["x"] - data["y"]).sum())
    assert cache.get_cached_backtest("two", {"k": 1}, {"x": x, "z": y}) is None
    (best,) = cache.find_best_parameters("two", "sum", data={"x": x, "y": y})
    assert best.value == float((x - y).sum())


# -- results


def test_trades_and_equity_that_are_no_frames_are_kept(cache: BacktestCache) -> None:
    trades, equity = [{"px": 1.0, "qty": 2}, {"px": 2.0, "qty": 1}], [1.0, 1.1, 1.2]
    result = made(cache, ({"s": 1.0}, trades, equity))
    assert result.trades == trades and result.equity == equity
    assert result.metadata.kept == {"trades": "sealed", "equity": "sealed"}


def test_trades_by_name_are_kept_too(cache: BacktestCache) -> None:
    each = {"AAPL": TRADES, "MSFT": TRADES}
    result = made(cache, {"s": 1.0, "trades": each, "equity": [1.0, 1.1]})
    assert content_key(result.trades) == content_key(each) and result.equity == [1.0, 1.1]
    assert result.metrics == {"s": 1.0}


@dataclasses.dataclass
class Outcome:
    sharpe: float
    trades: Any
    equity: Any


@pytest.mark.parametrize(
    "result",
    [
        ({"sharpe": 1.5}, TRADES, PRICES),
        [{"sharpe": 1.5}, TRADES, PRICES],
        (pd.DataFrame({"sharpe": [1.5]}), TRADES, PRICES),
        (pd.Series({"sharpe": 1.5}), TRADES, PRICES),
        Outcome(1.5, TRADES, PRICES),
    ],
    ids=["tuple", "list", "frame of one row", "series", "dataclass"],
)
def test_metrics_are_found_in_whatever_a_strategy_returns(
    result: Any, cache: BacktestCache
) -> None:
    found = made(cache, result)
    assert found.metrics == {"sharpe": 1.5}
    assert len(found.trades) == 2 and len(found.equity) == 3


def test_a_result_without_metrics_is_told_once(cache: BacktestCache) -> None:
    @cached_backtest("bare")
    def run(data: Any, params: Any) -> Any:
        return TRADES if params["bare"] else None

    with pytest.warns(CacheWarning, match="without metrics.*DataFrame") as told:
        run(PRICES, {"bare": True})
        run(PRICES, {"bare": True, "again": 1})
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(PRICES, {"bare": False})  # it returns nothing, and knows


def test_returns_by_date_are_no_metrics() -> None:
    assert not parts_of(PRICES.pct_change()).metrics


def test_metrics_of_one_name_are_told_apart(cache: BacktestCache) -> None:
    metrics = {"a.b": 1, "a": {"b": 2}, 1: 3, "1": 4}
    assert made(cache, metrics).metrics == {"a.b": 1, "a.b (2)": 2, "1": 3, "1 (2)": 4}


def test_what_is_no_number_among_metrics_leaves_an_account(cache: BacktestCache) -> None:
    deep = {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}
    by_day = pd.Series([0.1, 0.2], index=pd.date_range("2024", periods=2))
    result = made(cache, {"s": 1.0, "by_day": by_day, "deep": deep, "trades": TRADES})
    assert result.metrics["by_day"].text == "Series 2"
    assert result.metrics["by_day"].digest == content_key(by_day)
    assert result.metrics["deep.a.b.c.d"] == {"e": {"f": 1}}
    assert set(result.metrics) == {"s", "by_day", "deep.a.b.c.d"}
    assert len(result.trades) == 2
    assert cache.runs("made")["by_day"].tolist() == ["Series 2"]


def test_more_metrics_than_are_recorded_are_told(cache: BacktestCache) -> None:
    with pytest.warns(CacheWarning, match=r"1,500 metrics.* the first 1,000"):
        result = made(cache, {f"m{n}": n for n in range(1500)})
    assert len(result.metrics) == 1000


def test_names_with_half_a_character_do_not_fail_the_others(cache: BacktestCache) -> None:
    half = "caf\udce9"
    cache.cache_backtest("half", {half: 1}, PRICES, {half: 2.0})
    cache.cache_backtest("half", {"k": 1}, PRICES, {"s": 2.0})
    for frame in (cache.runs("half"), cache.runs(), cache.trials("half")):
        assert len(frame) == 2
        assert {"params.caf\\udce9", "caf\\udce9", "s"} <= set(frame)
    table = cache.compare_runs(cache.runs("half")["run_id"], metrics=[half])
    assert table["caf\\udce9"].tolist()[0] == 2.0
