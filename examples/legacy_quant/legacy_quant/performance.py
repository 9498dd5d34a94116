"""Figures that judge a series of strategy returns (AFML, chapter 14)."""

from math import erf, sqrt

import pandas as pd


def sharpe_ratio(returns: pd.Series, periods_per_year: float) -> float:
    """Annualised mean over standard deviation; 0 for a strategy that never traded."""
    spread = returns.std()
    return float(returns.mean() / spread * sqrt(periods_per_year)) if spread > 0.0 else 0.0


def equity_curve(returns: pd.Series) -> pd.Series:
    """Wealth after each bar of one unit invested before the first."""
    return (1.0 + returns).cumprod()


def maximum_drawdown(returns: pd.Series) -> float:
    """Deepest fall below an earlier peak, as a positive fraction of that peak (AFML, 14.5)."""
    wealth = equity_curve(returns)
    return float((1.0 - wealth / wealth.cummax().clip(lower=1.0)).max())


def probabilistic_sharpe_ratio(returns: pd.Series, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio exceeds ``benchmark`` (AFML, 14.7.1).

    Both ratios are a bar's, not annualised; skewness and fat tails widen the uncertainty.
    """
    spread = returns.std()
    if not spread > 0.0:
        return 0.5
    sharpe = returns.mean() / spread
    doubt = 1.0 - returns.skew() * sharpe + (returns.kurt() + 2.0) / 4.0 * sharpe**2
    return normal_cdf((sharpe - benchmark) * sqrt((len(returns) - 1) / doubt))


def normal_cdf(value: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * (1.0 + erf(value / sqrt(2.0)))
