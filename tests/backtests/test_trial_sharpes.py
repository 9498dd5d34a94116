"""From the ledger of trials to the deflated Sharpe ratio, in one call."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    ConfigurationError,
    cached_backtest,
    deflated_sharpe_of,
    deflated_sharpe_report,
    get_backtest_cache,
)
from tests.backtests.strategies import by_hand, with_engine


def test_the_best_of_the_engines_runs_is_judged_by_all_trials(goog: Any) -> None:
    run = cached_backtest("led")(with_engine)
    stats = {fast: run(goog[:1000], {"fast": fast}) for fast in (5, 10, 15, 20)}
    best = max(stats.values(), key=lambda one: one["Sharpe Ratio"])
    ratios = [one["Sharpe Ratio"] for one in stats.values()]
    report = deflated_sharpe_of("led")
    returns = best["_equity_curve"].Equity.pct_change().dropna()
    expected = deflated_sharpe_report(returns, np.array(ratios) / math.sqrt(252))
    assert report == expected
    assert report.n_trials == 4
    column = get_backtest_cache().trials("led")["Sharpe Ratio"]
    assert deflated_sharpe_report(returns, column, periods_per_year=252) == expected
    with pytest.raises(ConfigurationError, match="look annualised"):
        deflated_sharpe_report(returns, column)


def test_cleared_runs_count_and_any_run_may_be_the_selected_one(goog: Any) -> None:
    run = cached_backtest("sma")(by_hand)
    for window in (10, 20, 50, 100):
        run(goog, {"window": window})
    cache = get_backtest_cache()
    best = deflated_sharpe_of("sma", "sharpe")
    [*_, worst] = cache.find_best_parameters("sma", "sharpe", top_n=4)
    assert deflated_sharpe_of("sma", "sharpe", run_id=worst.run_id).sharpe < best.sharpe
    equity = cache.get_cached_equity(cache.find_best_parameters("sma", "sharpe")[0].run_id)
    cache.clear_old_runs(days=0)
    with pytest.raises(ConfigurationError, match=r"restore_runs\(\)"):
        deflated_sharpe_of("sma", "sharpe")
    returns = equity.pct_change().dropna()
    assert deflated_sharpe_of("sma", "sharpe", returns=returns) == best
    assert best.n_trials == 4


def test_what_cannot_be_judged_says_why() -> None:
    cache = get_backtest_cache()
    with pytest.raises(ConfigurationError, match="no trial of 'none' is recorded"):
        deflated_sharpe_of("none")
    cache.cache_backtest("bare", {"window": 1}, None, {"sharpe": 1.0})
    with pytest.raises(ValueError, match="none of the runs has a metric 'Sharpe Ratio'"):
        deflated_sharpe_of("bare")
    with pytest.raises(ConfigurationError, match=r"has no equity curve.*returns="):
        deflated_sharpe_of("bare", "sharpe")
    with pytest.raises(ConfigurationError, match="no trial has a metric 'pnl'"):
        deflated_sharpe_of("bare", "pnl", returns=pd.Series([0.1, 0.2]))
