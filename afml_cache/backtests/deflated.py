"""What luck alone finds in so many trials, and what a Sharpe ratio is worth beside it.

All ratios are per observation (per day for daily returns), not annualised, unless it says so.
Kurtosis is not in excess: that of a normal distribution is 3.

Sources: Bailey and Lopez de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management
40(5), 2014; Bailey, Borwein, Lopez de Prado and Zhu, "Pseudo-Mathematics and Financial
Charlatanism", Notices of the AMS 61(5), 2014.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.sharpe import (
    checked_returns,
    moments,
    probabilistic_sharpe_ratio,
    sharpe_ratio,
)
from afml_cache.backtests.trial_units import check_trials
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "DeflatedSharpe",
    "deflated_sharpe_ratio",
    "deflated_sharpe_report",
    "expected_maximum_sharpe",
    "minimum_backtest_length",
]

_NORMAL = NormalDist()
#: The Euler-Mascheroni constant.
_EULER = 0.57721566490153286


def expected_maximum_sharpe(n_trials: float, trial_variance: float, mean: float = 0.0) -> float:
    r"""The best Sharpe ratio to expect from trials of which none has skill.

    .. math::

        E[\max_n SR_n] \approx E[SR] + \sqrt{V[SR]}\left((1 - \gamma)
        \Phi^{-1}\left[1 - \frac{1}{N}\right] + \gamma
        \Phi^{-1}\left[1 - \frac{1}{N e}\right]\right)

    with the Euler-Mascheroni constant (Bailey and Lopez de Prado 2014). One trial
    has no maximum to choose: then it is the mean.

    Parameters
    ----------
    n_trials : float
        N, 1 at least; the number of independent trials, where they are correlated.
    trial_variance : float
        Variance of the Sharpe ratios among the trials, per observation.
    mean : float
        Their expectation; 0 under the hypothesis that none has skill.

    Raises
    ------
    ConfigurationError
        ``n_trials`` is below 1, or ``trial_variance`` negative or not finite.

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)  # the paper's example
    0.1132
    """
    if not (trial_variance >= 0 and math.isfinite(trial_variance)):
        raise ConfigurationError(f"trial_variance={trial_variance}: it is finite and not negative")
    return mean + math.sqrt(trial_variance) * _expected_maximum(n_trials)


def _expected_maximum(n_trials: float) -> float:
    """That of so many standard normal variables, as the papers approximate it."""
    if not (n_trials >= 1 and math.isfinite(n_trials)):
        raise ConfigurationError(f"n_trials={n_trials}: there was one trial at least")
    if n_trials == 1:
        return 0.0
    quantile = (1 - _EULER) * -_NORMAL.inv_cdf(1 / n_trials)
    quantile += _EULER * -_NORMAL.inv_cdf(1 / (n_trials * math.e))
    return max(0.0, quantile)  # between one trial and two the approximation falls below


def deflated_sharpe_ratio(
    sharpe: float,
    *,
    n_observations: int,
    n_trials: float,
    trial_variance: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """The probability that the best of many trials has skill.

    The probabilistic Sharpe ratio against the maximum that luck alone would find:
    ``PSR(expected_maximum_sharpe(n_trials, trial_variance))`` (Bailey and Lopez de Prado
    2014). Below 0.95, being the best of so many is no evidence.

    Parameters
    ----------
    sharpe : float
        Of the trial that was selected, per observation, not annualised.
    n_observations : int
        Its returns.
    n_trials : float
        How many were tried, all counted.
    trial_variance : float
        Variance of the Sharpe ratios among the trials, per observation: an annualised variance
        divided by the periods a year.
    skewness, kurtosis : float
        Of the selected trial's returns; kurtosis not in excess.

    Returns
    -------
    float
        Between 0 and 1; NaN where ``sharpe`` is NaN.

    Raises
    ------
    ConfigurationError
        As for :func:`probabilistic_sharpe_ratio` and :func:`expected_maximum_sharpe`.

    Examples
    --------
    The paper's example: an annualised ratio of 2.5 over five years of 250 days.

    >>> round(deflated_sharpe_ratio(2.5 / 250**0.5, n_observations=1250, n_trials=100,
    ...     trial_variance=0.5 / 250, skewness=-3, kurtosis=10), 4)
    0.9004
    """
    return probabilistic_sharpe_ratio(
        sharpe,
        expected_maximum_sharpe(n_trials, trial_variance),
        n_observations=n_observations,
        skewness=skewness,
        kurtosis=kurtosis,
    )


@dataclass(frozen=True, slots=True)
class DeflatedSharpe:
    """The best of many trials, reported as what it is.

    Parameters
    ----------
    sharpe : float
        Of the selected trial, per observation.
    expected_maximum : float
        What the best of so many trials without skill would show.
    probability : float
        The deflated Sharpe ratio.
    undeflated : float
        The probability that would be claimed had this been the only trial.
    n_trials : float
    trial_variance : float
    n_observations : int
    skewness, kurtosis : float
        Of the selected trial's returns; kurtosis not in excess.
    """

    sharpe: float
    expected_maximum: float
    probability: float
    undeflated: float
    n_trials: float
    trial_variance: float
    n_observations: int
    skewness: float
    kurtosis: float

    def __str__(self) -> str:
        if math.isnan(self.sharpe):
            return (
                f"of {self.n_trials:,g} trials, {self.n_observations:,} returns that do not vary: "
                "there is no Sharpe ratio to judge"
            )
        verdict = "evidence of skill" if self.probability >= 0.95 else "no evidence of skill"
        return (
            f"best of {self.n_trials:,g} trials, {self.n_observations:,} returns: Sharpe ratio "
            f"{self.sharpe:.4f} an observation,\n"
            f"luck alone would show {self.expected_maximum:.4f}; deflated Sharpe ratio "
            f"{self.probability:.1%}: {verdict}\n"
            f"(as the only trial it would be {self.undeflated:.1%}; "
            f"skewness {self.skewness:.2f}, kurtosis {self.kurtosis:.2f})"
        )


def deflated_sharpe_report(
    returns: ArrayLike,
    trial_sharpes: ArrayLike | Mapping[Any, float],
    *,
    n_trials: float | None = None,
    periods_per_year: float | None = None,
) -> DeflatedSharpe:
    """Judge the returns of the best trial by all trials that it was chosen from.

    Parameters
    ----------
    returns : array_like, shape (T,)
        Of the selected trial.
    trial_sharpes : array_like, shape (N,)
        The Sharpe ratios of all trials, the selected one among them, per observation. Trials
        without one (NaN: they never traded) count as trials and not in the variance. A dict or a
        Series by name will do.
    n_trials : float, optional
        How many independent trials there were; N by default, which is the most.
    periods_per_year : float, optional
        Where ``trial_sharpes`` are annualised, as those of most engines: by so many observations
        a year, 252 for daily returns.

    Raises
    ------
    ConfigurationError
        As for :func:`sharpe_ratio`; there are no trials, one of several has an infinite ratio, or
        none of several has any; the returns are of none of the trials, or the trials' ratios look
        annualised and ``periods_per_year`` does not say so.

    See Also
    --------
    deflated_sharpe_of : the same for the best run in the ledger of trials.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> trials = rng.normal(0, 0.01, (1000, 200))  # 200 strategies without skill
    >>> sharpes = trials.mean(axis=0) / trials.std(axis=0, ddof=1)
    >>> report = deflated_sharpe_report(trials[:, sharpes.argmax()], sharpes)
    >>> report.undeflated > 0.95, report.probability > 0.95
    (True, False)
    """
    import numpy as np

    values = checked_returns(returns)
    if isinstance(trial_sharpes, Mapping):
        trial_sharpes = list(trial_sharpes.values())
    ratios = np.asarray(trial_sharpes, dtype=float).ravel()
    if not ratios.size:
        raise ConfigurationError("there are no trials; the selected one is a trial, too")
    if np.isinf(ratios).any():
        raise ConfigurationError(
            f"trial {int(np.isinf(ratios).argmax())} has an infinite Sharpe ratio; where it never "
            "varied, give NaN"
        )
    sharpe = sharpe_ratio(values)
    counted = int((~np.isnan(ratios)).sum())
    if ratios.size > 1 and counted < 2:
        raise ConfigurationError(
            f"of {ratios.size:,} trials {counted} have a Sharpe ratio, which says nothing of "
            "their variance"
        )
    known = check_trials(ratios, sharpe, periods_per_year)
    variance = float(known.var(ddof=1)) if known.size > 1 else 0.0
    count = float(ratios.size if n_trials is None else n_trials)
    skewness, kurtosis = moments(values)
    about: dict[str, Any] = {
        "n_observations": values.size,
        "skewness": skewness,
        "kurtosis": kurtosis,
    }
    expected = expected_maximum_sharpe(count, variance)
    if math.isnan(sharpe):
        probability = undeflated = math.nan
    else:
        probability = probabilistic_sharpe_ratio(sharpe, expected, **about)
        undeflated = probabilistic_sharpe_ratio(sharpe, **about)
    return DeflatedSharpe(sharpe, expected, probability, undeflated, count, variance, **about)


def minimum_backtest_length(n_trials: float, target_sharpe: float = 1.0) -> float:
    r"""Years of data below which luck alone reaches a Sharpe ratio in so many trials.

    .. math::

        \mathrm{MinBTL} \approx \left(\frac{(1 - \gamma)\Phi^{-1}\left[1 - \frac{1}{N}\right]
        + \gamma\Phi^{-1}\left[1 - \frac{1}{N e}\right]}{E[\max_N]}\right)^2

    (Bailey, Borwein, Lopez de Prado and Zhu 2014, theorem on the minimum backtest length.) It is
    less than ``2 * log(n_trials) / target_sharpe**2``.

    Parameters
    ----------
    n_trials : float
        N, independent trials; 1 at least.
    target_sharpe : float
        The *annualised* Sharpe ratio that is taken for skill. Given per observation, the result
        is in observations.

    Returns
    -------
    float
        0 for one trial.

    Raises
    ------
    ConfigurationError
        ``n_trials`` is below 1, or ``target_sharpe`` not positive.

    Examples
    --------
    The paper's: with five years of data, try no more than 45 configurations.

    >>> minimum_backtest_length(45) < 5 < minimum_backtest_length(46)
    True
    """
    if not (target_sharpe > 0 and math.isfinite(target_sharpe)):
        raise ConfigurationError(f"target_sharpe={target_sharpe}: it has to be positive")
    return (_expected_maximum(n_trials) / target_sharpe) ** 2
