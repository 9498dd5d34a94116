import numpy as np
import pandas as pd
import pytest

from legacy_quant.volatility import daily_returns, daily_volatility


def test_daily_returns_of_daily_bars_are_those_of_the_bar_before(google):
    expected = google.pct_change().dropna()
    np.testing.assert_allclose(daily_returns(google), expected, rtol=1e-12)


def test_daily_returns_of_hourly_bars_look_back_a_day():
    hours = pd.date_range("2024-01-01", periods=30, freq="h")
    close = pd.Series(np.arange(100.0, 130.0), index=hours)
    returns = daily_returns(close)
    assert returns.index[0] == hours[24]
    assert returns.iloc[0] == pytest.approx(124.0 / 100.0 - 1.0)


def test_volatility_is_that_of_an_exponentially_weighted_window(close):
    expected = daily_returns(close).ewm(span=50, min_periods=25).std()
    estimate = daily_volatility(close)
    np.testing.assert_allclose(estimate.dropna(), expected.dropna(), rtol=1e-12)
    assert estimate.index.equals(close.index)
