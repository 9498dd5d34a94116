"""Engines whose results are objects of their own: ``backtesting``, and vectorbt if installed."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from afml_cache import CacheWarning, cached_backtest, content_key, get_backtest_cache
from tests.backtests.strategies import SmaCross, with_engine


def test_stats_as_the_first_of_a_tuple_bring_their_parts_along(goog: Any) -> None:
    @cached_backtest("tuple")
    def run(data: pd.DataFrame, params: dict[str, Any]) -> Any:
        stats = with_engine(data, params)
        return stats, stats._trades.head(2)

    stats, some = run(goog, {"fast": 5, "slow": 20})
    cache = get_backtest_cache()
    (run_id,) = cache.runs("tuple")["run_id"]
    assert content_key(cache.get_cached_trades(run_id)) == content_key(some)
    assert content_key(cache.get_cached_equity(run_id)) == content_key(stats._equity_curve)


def test_a_run_of_the_engine_without_trades_is_recorded(goog: Any) -> None:
    run = cached_backtest("engine")(with_engine)
    stats = run(goog[:40], {"fast": 5, "slow": 30})
    assert stats["# Trades"] == 0 and len(stats._trades) == 0
    runs = get_backtest_cache().runs("engine")
    assert runs["# Trades"].tolist() == [0] and runs["Win Rate [%]"].isna().all()
    assert get_backtest_cache().find_best_parameters("engine", "Win Rate [%]") == []
    trades = get_backtest_cache().get_cached_trades(runs["run_id"][0])
    assert content_key(trades) == content_key(stats._trades)


def test_intraday_prices_of_a_currency(eurusd: Any) -> None:
    run = cached_backtest("engine")(with_engine)
    for _ in range(2):
        stats = run(eurusd, {"fast": 20, "slow": 60}, fee=0.0)
    result = get_backtest_cache().get_cached_backtest(
        "engine", {"fast": 20, "slow": 60, "fee": 0.0}, eurusd
    )
    assert result is not None and run.cache_info().hits == 1
    assert result.metadata.data[0].last == eurusd.index[-1]
    assert result.metrics["Return [%]"] == stats["Return [%]"] and len(result.trades) > 10


def test_stats_whose_strategy_cannot_be_pickled_arrive_and_are_recorded(goog: Any) -> None:
    """A class within a function has no name that pickle finds."""

    class Local(SmaCross):
        slow = 40

    @cached_backtest("local")
    def run(data: pd.DataFrame, params: dict[str, Any]) -> Any:
        from backtesting import Backtest

        return Backtest(data, Local, finalize_trades=True).run(**params)

    with pytest.warns(CacheWarning, match="cannot be pickled"):
        stats = run(goog, {"fast": 5})
    assert stats._strategy.slow == 40
    result = get_backtest_cache().get_cached_backtest("local", {"fast": 5}, goog)
    assert result is not None and result.metrics["# Trades"] == stats["# Trades"]
    assert content_key(result.trades) == content_key(stats._trades)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_portfolio_of_vectorbt_comes_back_and_is_recorded(goog: Any) -> None:
    vbt = pytest.importorskip("vectorbt", reason="vectorbt is not installed")

    def hold(data: pd.DataFrame, params: dict[str, Any]) -> Any:
        return vbt.Portfolio.from_holding(data["Close"], fees=params["fee"], freq="1D")

    run = cached_backtest("hold")(hold)
    first, again = run(goog, {"fee": 0.001}), run(goog, {"fee": 0.001})
    assert run.cache_info().hits == 1
    assert type(again) is vbt.Portfolio and again.total_return() == first.total_return()
    result = get_backtest_cache().get_cached_backtest("hold", {"fee": 0.001}, goog)
    assert result is not None
    assert result.metrics["Total Return [%]"] == first.stats()["Total Return [%]"]
    assert content_key(result.equity) == content_key(first.value())
    assert content_key(result.trades) == content_key(first.trades.records_readable)
