"""Whether the Sharpe ratios of trials fit the returns of one of them: by their units, above all.

An engine annualises (about 16 times a daily ratio), and a variance of annualised ratios turns
evidence of skill into none. What does not fit is refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Days, business days, weeks and months a year, as ratios are annualised.
_PERIODS = (252, 365, 52, 12)

#: No ratio an observation is so high; it is what rounding leaves of returns that do not vary.
_NO_RATIO = 1e6


def check_trials(
    ratios: NDArray[np.float64], sharpe: float, periods_per_year: float | None
) -> NDArray[np.float64]:
    """The ratios of trials an observation, NaN left out.

    Parameters
    ----------
    ratios : ndarray, shape (N,)
        As they were given.
    sharpe : float
        Of the selected trial, an observation; NaN: it has none.
    periods_per_year : float or None
        The ratios are annualised by so many; None: they are said to be an observation.

    Raises
    ------
    ConfigurationError
        A ratio is none, or the selected trial is not among them.
    """
    import numpy as np

    scale = 1.0 if periods_per_year is None else _root(periods_per_year)
    known: NDArray[np.float64] = ratios[~np.isnan(ratios)] / scale
    if (abs(known) > _NO_RATIO).any():
        place = int(np.flatnonzero(abs(ratios) > _NO_RATIO * scale)[0])
        raise ConfigurationError(
            f"trial {place} has a Sharpe ratio of {ratios[place]:.2g}, which is what rounding "
            "makes of returns that do not vary; give NaN, as sharpe_ratio() does"
        )
    if not known.size or math.isnan(sharpe):
        return known
    if periods_per_year is None:
        _check_bare(known, sharpe)
    elif not _is_among(known, sharpe, 0.5):  # engines annualise in ways of their own
        hint = "give returns of one of the trials"
        if _is_among(known * scale, sharpe, 0.1):
            hint = "they are an observation already: give periods_per_year=1"
        raise ConfigurationError(
            f"the returns have a Sharpe ratio of {sharpe:.4f} an observation, and none of the "
            f"trials does, divided by the root of {periods_per_year:g} (the nearest has "
            f"{_nearest(known, sharpe):.4f}): {hint}"
        )
    return known


def _check_bare(known: NDArray[np.float64], sharpe: float) -> None:
    best = float(known.max())
    among = _is_among(known, sharpe, 0.1)
    periods = _periods_between(best, sharpe, 0.3 if not among else 0.15)
    if among and (periods is None or periods < 52):
        return
    if periods is not None:
        raise ConfigurationError(
            f"the returns have a Sharpe ratio of {sharpe:.4f} an observation, and the best of the "
            f"trials {best:.4f}, about the root of {periods} times as much: the trials' look "
            f"annualised; give periods_per_year={periods} (or 1, if they are not)"
        )
    raise ConfigurationError(
        f"the returns have a Sharpe ratio of {sharpe:.4f} an observation, and none of the trials "
        f"does (the nearest has {_nearest(known, sharpe):.4f}); give returns of one of the trials, "
        "and its ratio among theirs; for annualised ratios, give periods_per_year="
    )


def _root(periods_per_year: float) -> float:
    if not (periods_per_year > 0 and math.isfinite(periods_per_year)):
        raise ConfigurationError(
            f"periods_per_year={periods_per_year}: how many observations make a year, 252 for "
            "daily returns"
        )
    return math.sqrt(periods_per_year)


def _nearest(known: NDArray[np.float64], sharpe: float) -> float:
    return float(known[abs(known - sharpe).argmin()])


def _is_among(known: NDArray[np.float64], sharpe: float, tolerance: float) -> bool:
    # Logarithmic returns, a risk-free rate or ddof=0 make ratios a little other.
    return abs(_nearest(known, sharpe) - sharpe) <= tolerance * abs(sharpe) + 0.005


def _periods_between(best: float, sharpe: float, tolerance: float) -> int | None:
    if not sharpe or best / sharpe <= 1:
        return None
    off = {n: abs(best / sharpe / math.sqrt(n) - 1) for n in _PERIODS}
    periods = min(off, key=off.__getitem__)
    return periods if off[periods] <= tolerance else None
