"""Is a price running away? Supremum augmented Dickey-Fuller tests (AFML, chapter 17.4)."""

from ..cache import cacheable
import numpy as np
import pandas as pd


@cacheable
def sadf(
    close: pd.Series, shortest: int = 60, longest: int = 250, stride: int = 5, lags: int = 1
) -> pd.Series:
    """Largest Dickey-Fuller statistic over the windows that end at each bar (AFML, 17.4.2).

    Parameters
    ----------
    close : Series
        Positive prices.
    shortest, longest : int
        Bars in the shortest and in the longest window.
    stride : int
        Bars by which windows that end at one bar differ.
    lags : int
        Lagged differences in each regression.

    Returns
    -------
    Series
        Of the length of ``close``; NaN before the first ``shortest`` bars.
    """
    logs = np.log(close.to_numpy())
    largest = np.full(len(logs), np.nan)
    for last in range(shortest, len(logs) + 1):
        widths = range(shortest, min(longest, last) + 1, stride)
        largest[last - 1] = max(explosiveness(logs[last - width : last], lags) for width in widths)
    return pd.Series(largest, index=close.index, name="sadf")


def explosiveness(logs: np.ndarray, lags: int) -> float:
    """t-statistic of the level in the regression of changes on level and lagged changes."""
    changes = np.diff(logs)
    rows = len(changes) - lags
    design = np.empty((rows, lags + 2))
    design[:, 0] = logs[lags:-1] - logs[0]  # anchored at the first bar, for the condition number
    design[:, 1] = 1.0
    for lag in range(1, lags + 1):
        design[:, lag + 1] = changes[lags - lag : len(changes) - lag]
    target = changes[lags:]
    gram = design.T @ design
    inverse = np.linalg.inv(gram + 1e-12 * np.eye(lags + 2))
    slopes = inverse @ (design.T @ target)
    residuals = target - design @ slopes
    variance = residuals @ residuals / (rows - lags - 2)
    return float(slopes[0] / np.sqrt(variance * inverse[0, 0]))
