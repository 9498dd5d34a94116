"""Fractional differentiation: stationary series that remember their level (AFML, chapter 5)."""

from afml.cache import cacheable
import numpy as np
import pandas as pd


@cacheable
def fractional_difference(
    close: pd.Series, order: float, smallest_weight: float = 1e-4
) -> pd.Series:
    """Difference the logarithm of ``close`` ``order`` times, on a fixed window (AFML, 5.5).

    Parameters
    ----------
    close : Series
        Positive prices.
    order : float
        0 leaves the series as it is, 1 gives its log returns.
    smallest_weight : float
        Weights below it are cut off, which fixes the window.

    Returns
    -------
    Series
        Of the length of ``close``; NaN where the window is not full.
    """
    logs = np.log(close.to_numpy())
    weights = binomial_weights(order, smallest_weight, len(logs))
    width = len(weights)
    result = np.full(len(logs), np.nan)
    for bar in range(width - 1, len(logs)):
        result[bar] = weights @ logs[bar - width + 1 : bar + 1]
    return pd.Series(result, index=close.index, name="fracdiff")


@cacheable
def minimum_order(
    close: pd.Series,
    orders: tuple[float, ...],
    lags: int = 5,
    critical: float = -2.86,
    smallest_weight: float = 1e-4,
) -> float:
    """The smallest of ``orders`` whose series passes for stationary (AFML, 5.6).

    Parameters
    ----------
    close : Series
        Positive prices.
    orders : tuple of float
        Candidates, smallest first.
    lags : int
        Lagged differences in the augmented Dickey-Fuller regression.
    critical : float
        What its statistic has to stay under; -2.86 is the 5 % value for large samples.

    Returns
    -------
    float
        The last of ``orders`` when none passes.
    """
    for order in orders:
        series = fractional_difference(close, order, smallest_weight).dropna().to_numpy()
        if len(series) > 10 * lags and dickey_fuller(series, lags) < critical:
            return order
    return orders[-1]


def binomial_weights(order: float, smallest: float, longest: int) -> np.ndarray:
    """Coefficients of ``(1 - lag) ** order`` down to ``smallest``, oldest bar first."""
    weights = [1.0]
    while len(weights) < longest:
        following = -weights[-1] * (order - len(weights) + 1) / len(weights)
        if abs(following) < smallest:
            break
        weights.append(following)
    return np.array(weights[::-1])


def dickey_fuller(series: np.ndarray, lags: int) -> float:
    """t-statistic of the level in an augmented Dickey-Fuller regression with a constant."""
    changes = np.diff(series)
    rows = len(changes) - lags
    columns = [series[lags:-1], np.ones(rows)]
    columns += [changes[lags - lag : len(changes) - lag] for lag in range(1, lags + 1)]
    design = np.column_stack(columns)
    target = changes[lags:]
    inverse = np.linalg.pinv(design.T @ design)
    slopes = inverse @ design.T @ target
    residuals = target - design @ slopes
    variance = residuals @ residuals / (rows - design.shape[1])
    return float(slopes[0] / np.sqrt(variance * inverse[0, 0]))
