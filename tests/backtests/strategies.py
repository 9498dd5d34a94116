"""Backtests as users write them: one by hand, one with the library backtesting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import SMA


def by_hand(data: pd.DataFrame, params: dict[str, Any], fee: float = 0.001) -> Any:
    """Long above the moving average: metrics, trades and equity curve."""
    close = data["Close"]
    held = (close > close.rolling(params["window"]).mean()).astype(float).shift(1, fill_value=0.0)
    turns = held.diff().fillna(0.0)
    returns = close.pct_change().fillna(0.0) * held - fee * turns.abs()
    equity = (1 + returns).cumprod().rename("equity")
    changed = np.flatnonzero(turns)
    trades = pd.DataFrame(
        {
            "time": data.index[changed],
            "side": np.where(turns.iloc[changed] > 0, "buy", "sell"),
            "price": close.iloc[changed].to_numpy(),
        }
    )
    metrics = {
        "sharpe": np.float64(returns.mean() / returns.std() * np.sqrt(252)),
        "return": float(equity.iloc[-1] - 1),
        "trades": len(trades),
    }
    return metrics, trades, equity


class SmaCross(Strategy):
    """Two moving averages that cross."""

    fast = 10
    slow = 30

    def init(self) -> None:
        self.short = self.I(SMA, self.data.Close, self.fast)
        self.long = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        if crossover(self.short, self.long):
            self.buy(size=0.5)
        elif crossover(self.long, self.short):
            self.position.close()


def with_engine(data: pd.DataFrame, params: dict[str, Any], fee: float = 0.001) -> Any:
    """What the library backtesting returns."""
    return Backtest(data, SmaCross, commission=fee, finalize_trades=True).run(**params)
