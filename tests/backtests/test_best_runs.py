"""The best of so many trials: by which code, on which data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from afml_cache import BacktestCache, CacheWarning, cached_backtest, get_backtest_cache
from tests.backtests.strategies import by_hand


@pytest.fixture
def cache() -> BacktestCache:
    return get_backtest_cache()


PROGRAM = """
    import pandas as pd
    from afml_cache import cached_backtest, get_backtest_cache
    @cached_backtest("la")
    def run(data, params):
        return {"sharpe": params["w"] / LOOK_AHEAD}
    data = pd.Series([1.0, 2.0, 3.0], index=pd.bdate_range("2024-01-01", periods=3))
    for w in (5, 10, 50):
        run(data, {"w": w})
    cache = get_backtest_cache()
    print(cache.find_best_parameters("la", "sharpe", top_n=9)[0])
    print(len(cache.find_best_parameters("la", "sharpe", top_n=9)))
    print(cache.find_best_parameters("la", "sharpe", all_code=True)[0])
"""


def test_results_of_code_that_is_no_more_are_not_offered_unasked(
    run_python: Callable[..., str],
) -> None:
    window = "on 3 rows from 2024-01-01 to 2024-01-03"
    wrong, _, _ = run_python(PROGRAM.replace("LOOK_AHEAD", "1")).splitlines()
    assert wrong == f"sharpe 50, the best of 3 trials: w=50, {window}"
    right, count, any_code = run_python(PROGRAM.replace("LOOK_AHEAD", "10")).splitlines()
    assert right == (
        "sharpe 5, the best of 6 trials (3 of them by other code, which is not ranked): "
        f"w=50, {window}"
    )
    assert count == "3"
    assert any_code == (
        f"sharpe 50, the best of 6 trials: w=50, {window}; by code that has changed since"
    )


def test_each_says_on_which_data_and_data_can_be_asked_for(goog: Any, cache: BacktestCache) -> None:
    run = cached_backtest("sma")(by_hand)
    parts = {"all": goog, "late": goog[-300:], "early": goog[200:500]}
    for data in parts.values():
        for window in (5, 20):
            run(data, {"window": window})
    best = cache.find_best_parameters("sma", "sharpe", top_n=9)
    assert len(best) == 6
    for data in parts.values():
        first, *others = cache.find_best_parameters("sma", "sharpe", top_n=9, data=data.copy())
        assert len(others) == 1 and first.trials == 6
        (window,) = first.data
        assert (window.rows, window.first, window.last) == (
            len(data),
            data.index[0],
            data.index[-1],
        )
        assert f"on {len(data):,} rows from {data.index[0]:%Y-%m-%d}" in str(first)
    assert cache.find_best_parameters("sma", "sharpe", data=goog[:9]) == []


def test_runs_side_by_side_say_on_which_data_and_by_which_code(
    goog: Any, cache: BacktestCache
) -> None:
    run = cached_backtest("sma")(by_hand)
    run(goog, {"window": 5})
    run(goog[:300], {"window": 5})
    table = cache.compare_runs(cache.runs("sma")["run_id"], metrics=["sharpe"])
    assert table["rows"].tolist() == [len(goog), 300]
    assert table["last"].tolist() == [goog.index[-1], goog.index[299]]
    assert table["code"].tolist() == [run.fingerprint().code.hex()] * 2


def test_a_strategy_that_is_misspelt_is_told(cache: BacktestCache) -> None:
    cache.cache_backtest("momentum", {"k": 1}, pd.Series([1.0]), {"s": 1.0})
    with pytest.warns(CacheWarning, match="is it 'momentum'"):
        assert cache.find_best_parameters("Momentun", "s") == []
