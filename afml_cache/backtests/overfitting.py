"""How probable it is that the best strategy in sample is none out of sample: CSCV.

Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting", Journal of
Computational Finance 20(4), 2017: combinatorially symmetric cross-validation. What Sharpe ratios
are worth after many trials is in :mod:`afml_cache.backtests.deflated`.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.sharpe import does_not_vary
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["OverfittingProbability", "probability_of_backtest_overfitting"]

#: 24 blocks make 2.7 million combinations.
_MOST_BLOCKS = 24
#: Combinations that are looked at together.
_TOGETHER = 1024


@dataclass(frozen=True, slots=True, eq=False)
class OverfittingProbability:
    """What :func:`probability_of_backtest_overfitting` found; ``print()`` it.

    Parameters
    ----------
    pbo : float
        The share of combinations in which the strategy that was best in sample was no better
        than the median out of sample (a logit of 0 or less).
    logits : ndarray of float64, shape (C,)
        ``log(w / (1 - w))`` of its relative rank ``w`` out of sample, for each combination.
    selected : ndarray of intp, shape (C,)
        The column that was best in sample.
    in_sample, out_of_sample : ndarray of float64, shape (C,)
        Its performance in either half.
    slope, intercept : float
        Of the least-squares line of ``out_of_sample`` on ``in_sample``: the performance
        degradation. A negative slope: the better it looked, the worse it was. NaN where the
        performance in sample is always the same.
    probability_of_loss : float
        The share of combinations whose performance out of sample is negative.
    n_observations, n_trials, n_blocks : int
    names : tuple
        The columns.
    """

    pbo: float
    logits: NDArray[np.float64]
    selected: NDArray[np.intp]
    in_sample: NDArray[np.float64]
    out_of_sample: NDArray[np.float64]
    slope: float
    intercept: float
    probability_of_loss: float
    n_observations: int
    n_trials: int
    n_blocks: int
    names: tuple[Any, ...]

    def __str__(self) -> str:
        import numpy as np

        counts = np.bincount(self.selected, minlength=self.n_trials)
        favourite = int(counts.argmax())
        if self.pbo >= 0.5:
            verdict = "the selection is worth nothing"
        elif self.pbo > 0.05:
            verdict = "the selection is doubtful"
        else:
            verdict = "little sign of overfitting"
        return (
            f"probability of backtest overfitting: {self.pbo:.1%}: {verdict}\n"
            f"  {self.n_trials:,} trials, {self.n_observations:,} observations, "
            f"{self.logits.size:,} combinations of {self.n_blocks} blocks\n"
            f"  best in sample: {self.in_sample.mean():.4f} on average, out of sample "
            f"{self.out_of_sample.mean():.4f}; a loss in {self.probability_of_loss:.1%}\n"
            f"  degradation: out of sample = {self.intercept:.4f} + {self.slope:.3f} * in sample\n"
            f"  chosen most often: {self.names[favourite]} "
            f"({counts[favourite] / self.selected.size:.1%} of combinations)"
        )


def probability_of_backtest_overfitting(
    returns: Any,
    n_blocks: int = 16,
    *,
    performance: Callable[[NDArray[np.float64]], Any] | None = None,
) -> OverfittingProbability:
    """Estimate the probability of backtest overfitting by CSCV.

    The rows are cut into ``n_blocks`` blocks in time order. Each choice of half of them is once
    in sample, the other half, in the same order, out of sample. The strategy that performs best
    in sample has the relative rank ``w = rank / (N + 1)`` among the N out of sample, and the
    logit ``log(w / (1 - w))``; the probability is the share of logits that are 0 or less (Bailey
    et al. 2017, section on the CSCV procedure).

    Parameters
    ----------
    returns : DataFrame, dict of Series or array_like, shape (T, N)
        One row an observation in time order, one column a strategy: *all* that were tried.
    n_blocks : int
        An even number S from 2 to 24; there are ``C(S, S/2)`` combinations (12,870 for 16). Where
        T is no multiple of S, blocks differ by one row.
    performance : callable, optional
        Given the rows of one half, ndarray of shape (t, N), returns N numbers, more is better.
        By default the Sharpe ratio an observation; that of a strategy that earns exactly nothing
        in a half is 0.

    Returns
    -------
    OverfittingProbability
        Ties share the mean of their ranks out of sample; in sample the first column wins.

    Raises
    ------
    ConfigurationError
        There are fewer than two strategies or too few rows, values are missing, the number of
        blocks is odd or out of range, or the performance of a strategy is not defined.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(0, 0.01, (1000, 50))
    >>> skill = noise + np.where(np.arange(50) == 7, 0.002, 0.0)
    >>> round(probability_of_backtest_overfitting(skill, 10).pbo, 2)
    0.0
    >>> probability_of_backtest_overfitting(noise, 10).pbo > 0.3
    True
    """
    import numpy as np

    values, names = _matrix(returns)
    _check_blocks(n_blocks, len(values))
    blocks = np.array_split(np.arange(len(values)), n_blocks)
    half = n_blocks // 2
    measure: _Measure = (
        _sharpe_of_halves(values, blocks, names)
        if performance is None
        else _any_of_halves(values, blocks, performance)
    )
    logits, selected, inside, outside = [], [], [], []
    for chosen in _batches(n_blocks, half):
        in_sample, out_of_sample = measure(chosen), measure(~chosen)
        top = in_sample.max(axis=1)
        best = (in_sample >= (top - _rounding(top))[:, None]).argmax(axis=1)
        rows = np.arange(len(best))
        found = out_of_sample[rows, best]
        margin = _rounding(found)
        below = (out_of_sample < (found - margin)[:, None]).sum(axis=1)
        equal = (out_of_sample <= (found + margin)[:, None]).sum(axis=1) - below
        share = (below + (equal + 1) / 2) / (len(names) + 1)
        logits.append(np.log(share / (1 - share)))
        selected.append(best)
        inside.append(in_sample[rows, best])
        outside.append(found)
    logit, before, after = map(np.concatenate, (logits, inside, outside))
    slope, intercept = _line(before, after)
    return OverfittingProbability(
        # Half of a rank is exact in binary, so the logit of the median is 0 but for rounding.
        pbo=float((logit <= 1e-12).mean()),
        logits=logit,
        selected=np.concatenate(selected),
        in_sample=before,
        out_of_sample=after,
        slope=slope,
        intercept=intercept,
        probability_of_loss=float((after < 0).mean()),
        n_observations=len(values),
        n_trials=len(names),
        n_blocks=n_blocks,
        names=names,
    )


#: Which blocks are chosen, bool of shape (c, S) -> performance, float of shape (c, N).
_Measure = Callable[["NDArray[np.bool_]"], "NDArray[np.float64]"]


def _matrix(returns: Any) -> tuple[NDArray[np.float64], tuple[Any, ...]]:
    import numpy as np

    if isinstance(returns, Mapping):
        import pandas as pd

        returns = pd.DataFrame(dict(returns))
    columns = getattr(returns, "columns", None)
    index = getattr(returns, "index", None)  # a frame of polars has none
    if columns is not None and index is not None and not index.is_monotonic_increasing:
        raise ConfigurationError("the returns are not in time order; sort_index() first")
    values = np.asarray(returns, dtype=float)
    if values.ndim != 2 or values.shape[1] < 2:
        raise ConfigurationError(
            f"returns have the shape {values.shape}; it takes a row an observation and a column a "
            "strategy, two strategies at least: of a single trial none was selected"
        )
    names = tuple(range(values.shape[1])) if columns is None else tuple(columns)
    wrong = ~np.isfinite(values)
    if wrong.any():
        row, column = (int(place[0]) for place in np.nonzero(wrong))
        raise ConfigurationError(
            f"the return of {names[column]!r} in row {row:,} is {values[row, column]}; all "
            "strategies need a return for each observation: cut to what they share, or fill 0.0 "
            "where a strategy was not invested"
        )
    return values, names


def _check_blocks(n_blocks: int, n_rows: int) -> None:
    try:
        n_blocks = operator.index(n_blocks)
    except TypeError as error:
        raise ConfigurationError(f"n_blocks={n_blocks!r}: give an int, such as 16") from error
    if n_blocks % 2 or not 2 <= n_blocks <= _MOST_BLOCKS:
        raise ConfigurationError(
            f"n_blocks={n_blocks}: it has to be even, for half of the blocks are in sample, and "
            f"from 2 to {_MOST_BLOCKS}"
        )
    if n_rows < 2 * n_blocks:
        raise ConfigurationError(
            f"{n_rows:,} observations make no {n_blocks} blocks of two rows at least; give fewer "
            "blocks"
        )


def _batches(n_blocks: int, half: int) -> Iterator[NDArray[np.bool_]]:
    import numpy as np

    combinations = itertools.combinations(range(n_blocks), half)
    while batch := list(itertools.islice(combinations, _TOGETHER)):
        chosen = np.zeros((len(batch), n_blocks), dtype=bool)
        chosen[np.arange(len(batch))[:, None], batch] = True
        yield chosen


def _sharpe_of_halves(
    values: NDArray[np.float64], blocks: list[NDArray[np.intp]], names: tuple[Any, ...]
) -> _Measure:
    """Sharpe ratios from sums a block, so that no combination adds up rows again."""
    import numpy as np

    centre = values.mean(axis=0)  # taken off, or squares of small deviations would cancel
    centred = values - centre
    counts = np.array([len(block) for block in blocks], dtype=float)
    sums = np.stack([centred[block].sum(axis=0) for block in blocks])
    squares = np.stack([(centred[block] ** 2).sum(axis=0) for block in blocks])
    highest = np.stack([values[block].max(axis=0) for block in blocks])
    lowest = np.stack([values[block].min(axis=0) for block in blocks])
    #: Strategies that may be constant in some half: those that are in some block.
    suspects = np.flatnonzero(does_not_vary(lowest, highest).any(axis=0))

    def measure(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        weights = chosen.astype(float)
        count = (weights @ counts)[:, None]
        mean = (weights @ sums) / count
        variance = (weights @ squares - count * mean**2) / (count - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (mean + centre) / np.sqrt(variance)
        for column in suspects.tolist():
            top = np.where(chosen, highest[:, column], -math.inf).max(axis=1)
            bottom = np.where(chosen, lowest[:, column], math.inf).min(axis=1)
            constant = does_not_vary(bottom, top)
            paid = constant & (abs(top) > 1e-15)
            if paid.any():
                raise ConfigurationError(
                    f"the returns of {names[column]!r} are all {top[paid][0]:g} in half of the "
                    "blocks, as those of cash, where a Sharpe ratio is not defined; leave it out, "
                    "or give a performance= of your own"
                )
            ratio[constant, column] = 0.0
        if not np.isfinite(ratio).all():
            column = int((~np.isfinite(ratio)).any(axis=0).argmax())
            raise ConfigurationError(
                f"the returns of {names[column]!r} vary so little in half of the blocks that their "
                "Sharpe ratio is not defined; leave it out, or give a performance= of your own"
            )
        return ratio  # type: ignore[no-any-return]

    return measure


def _any_of_halves(
    values: NDArray[np.float64],
    blocks: list[NDArray[np.intp]],
    performance: Callable[[NDArray[np.float64]], Any],
) -> _Measure:
    import numpy as np

    def measure(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        measured = np.empty((len(chosen), values.shape[1]))
        for number, of_blocks in enumerate(chosen):
            rows = np.concatenate([blocks[block] for block in np.flatnonzero(of_blocks)])
            found = np.asarray(performance(values[rows]), dtype=float)
            if found.shape != (values.shape[1],) or not np.isfinite(found).all():
                raise ConfigurationError(
                    f"performance() returned {found!r} for {values.shape[1]} strategies; it has to "
                    "return one finite number for each"
                )
            measured[number] = found
        return measured

    return measure


def _rounding(performance: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far apart equal performances may be: strategies often hold the same for years."""
    return 1e-9 * abs(performance) + 1e-14


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept by least squares."""
    spread = x - x.mean()
    squared = float(spread @ spread)
    if squared <= 1e-24 * float(x @ x) * len(x) or squared == 0.0:
        return math.nan, math.nan
    slope = float(spread @ y) / squared
    return slope, float(y.mean()) - slope * float(x.mean())
