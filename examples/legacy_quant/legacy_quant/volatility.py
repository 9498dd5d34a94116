"""Volatility estimates that labels, features and position sizes share.

Nothing here is cached: these are cheap, and the functions that call them are the slow ones.
"""

import numpy as np
import pandas as pd


def bar_returns(close: pd.Series) -> pd.Series:
    """Simple return of each bar over the one before; the first is NaN."""
    return close / close.shift(1) - 1.0


def daily_returns(close: pd.Series) -> pd.Series:
    """Return of each bar over the last bar that is at least a day older.

    On daily bars that is the bar before, on intraday bars the one 24 hours ago or, over a
    weekend, the last one before it. Bars without such a predecessor are left out.
    """
    before = close.index.searchsorted(close.index - pd.Timedelta(days=1), side="right") - 1
    known = before >= 0
    values = close.to_numpy()
    returns = values[known] / values[before[known]] - 1.0
    return pd.Series(returns, index=close.index[known], name="return")


def daily_volatility(close: pd.Series, span: int = 50) -> pd.Series:
    """Exponentially weighted standard deviation of daily returns (AFML, chapter 3.3).

    Parameters
    ----------
    close : Series
        Closing prices on a DatetimeIndex, daily or finer.
    span : int
        Span of the weights, in bars; the first ``span // 2`` bars have no estimate.
    """
    returns = daily_returns(close)
    variance = returns.ewm(span=span, min_periods=span // 2).var()
    return np.sqrt(variance).reindex(close.index)
