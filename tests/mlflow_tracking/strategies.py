"""A strategy for the tests."""

from __future__ import annotations

import pandas as pd

PRICES = pd.DataFrame(
    {"close": [float(100 + n % 5) for n in range(20)]},
    index=pd.date_range("2024-01-01", periods=20),
)


def crossing(data, params):
    if not params["window"]:
        raise ValueError("a window has at least one bar")
    equity = data["close"].rolling(params["window"], min_periods=1).mean() / 100
    trades = pd.DataFrame({"entry": [data.index[0]], "pnl": [1.0]})
    return {"return": 0.05, "window_used": params["window"]}, trades, equity


def plain(data, params):
    return crossing(data, params)
