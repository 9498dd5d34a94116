"""The Sharpe ratio, and how sure one can be of it.

All ratios are per observation (per day for daily returns), not annualised, unless it says so.
Kurtosis is not in excess: that of a normal distribution is 3.

Source: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2),
2012.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["probabilistic_sharpe_ratio", "sharpe_ratio"]

_NORMAL = NormalDist()


def sharpe_ratio(
    returns: ArrayLike, *, risk_free: float = 0.0, periods_per_year: float = 1.0
) -> float:
    """Mean excess return over its standard deviation.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Simple or log returns, one an observation.
    risk_free : float
        Return an observation that is free of risk.
    periods_per_year : float
        252 annualises daily returns (times its square root, as for independent returns).

    Returns
    -------
    float
        With the sample standard deviation (``ddof=1``). NaN where all returns are equal, but for
        rounding: a strategy that never trades, or is all in cash, has no Sharpe ratio.

    Raises
    ------
    ConfigurationError
        There are fewer than two returns, or some are NaN or infinite.

    Examples
    --------
    >>> round(sharpe_ratio([0.01, 0.03, -0.01, 0.02]), 4)
    0.7319
    """
    values = checked_returns(returns)
    if does_not_vary(values.min(), values.max()):
        return math.nan
    ratio = (float(values.mean()) - risk_free) / float(values.std(ddof=1))
    return ratio * math.sqrt(periods_per_year)


def probabilistic_sharpe_ratio(
    sharpe: float,
    benchmark: float = 0.0,
    *,
    n_observations: int,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    r"""The probability that the true Sharpe ratio exceeds a benchmark.

    .. math::

        \mathrm{PSR}(SR^*) = \Phi\left(\frac{(\widehat{SR} - SR^*)\sqrt{T - 1}}
        {\sqrt{1 - \gamma_3 \widehat{SR} + \frac{\gamma_4 - 1}{4}\widehat{SR}^2}}\right)

    (Bailey and Lopez de Prado 2012.)

    Parameters
    ----------
    sharpe, benchmark : float
        Estimated and compared-with Sharpe ratio, both per observation.
    n_observations : int
        T, 2 at least.
    skewness, kurtosis : float
        Of the returns; kurtosis not in excess.

    Returns
    -------
    float
        Between 0 and 1; NaN where ``sharpe`` is NaN.

    Raises
    ------
    ConfigurationError
        ``n_observations`` is below 2, or no distribution has such a skewness and kurtosis.

    Examples
    --------
    >>> round(probabilistic_sharpe_ratio(0.1, n_observations=250), 4)
    0.9423
    """
    if math.isinf(sharpe) or math.isinf(benchmark):
        raise ConfigurationError(
            f"sharpe={sharpe}, benchmark={benchmark}: give finite ratios; NaN where returns do not "
            "vary"
        )
    if not 2 <= n_observations < math.inf:
        raise ConfigurationError(
            f"n_observations={n_observations}: a Sharpe ratio needs two returns at least"
        )
    if math.isnan(sharpe) or math.isnan(benchmark):
        return math.nan
    # Pearson's inequality, with room for rounding; it keeps the root below positive, too.
    if not kurtosis >= (skewness**2 + 1.0) * (1 - 1e-9):
        raise ConfigurationError(
            f"skewness={skewness:.6g} with kurtosis={kurtosis:.6g}: the kurtosis is at least "
            "skewness**2 + 1; give it not in excess (3 for a normal distribution)"
        )
    spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if spread <= 0.0:  # two values only, and this very ratio: nothing is left to chance
        return 1.0 if sharpe > benchmark else 0.0
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(n_observations - 1) / math.sqrt(spread))


def checked_returns(returns: ArrayLike) -> NDArray[np.float64]:
    """Returns as an array of floats.

    Raises
    ------
    ConfigurationError
        They are no single series, fewer than two, or some are NaN or infinite.
    """
    import numpy as np

    values = np.asarray(returns, dtype=float)
    if values.ndim != 1:
        raise ConfigurationError(
            f"returns have the shape {values.shape}; give one series, of shape (T,)"
        )
    if values.size < 2:
        raise ConfigurationError(f"there are {values.size} returns; two are needed at least")
    if not np.isfinite(values).all():
        first = int((~np.isfinite(values)).argmax())
        raise ConfigurationError(
            f"returns[{first}] is {values[first]}; dropna() what is missing, for no return is not "
            "a return of 0"
        )
    return values


def does_not_vary(lowest: Any, highest: Any, absolute: float = 1e-15) -> Any:
    """Whether returns between these are equal but for rounding; numbers, or arrays of them.

    What ``pct_change()`` makes of cash that grows by 0.01 % a day differs in the last digits.
    """
    size = abs(lowest) * (abs(lowest) >= abs(highest)) + abs(highest) * (abs(highest) > abs(lowest))
    return highest - lowest <= 1e-10 * size + absolute


def moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """Skewness and kurtosis (not in excess) of a sample; NaN where it does not vary.

    The moments of the sample itself: ``m3 / m2**1.5`` and ``m4 / m2**2``.
    """
    if does_not_vary(values.min(), values.max(), 0.0):
        return math.nan, math.nan
    centred = values - values.mean()
    centred = centred / abs(centred).max()  # fourth powers of small returns would vanish
    second = float((centred**2).mean())
    return float((centred**3).mean()) / second**1.5, float((centred**4).mean()) / second**2
