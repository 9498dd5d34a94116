"""How much each label is worth when labels overlap in time (AFML, chapter 4).

Labels are given by the bars at which they start and end, both inclusive. The first bar's
return is not part of the outcome, so a label is counted on the bars after its start.
"""

from afml.cache import cacheable as cached
import numpy as np


@cached
def average_uniqueness(starts: np.ndarray, ends: np.ndarray, bars: int) -> np.ndarray:
    """Mean over each label's bars of one over the labels alive there (AFML, 4.4)."""
    alive = concurrent_labels(starts, ends, bars)
    return np.array(
        [np.mean(1.0 / alive[start + 1 : end + 1]) for start, end in zip(starts, ends, strict=True)]
    )


@cached
def sequential_bootstrap(starts: np.ndarray, ends: np.ndarray, bars: int, seed: int) -> np.ndarray:
    """Resample labels so that a new draw overlaps little with the earlier ones (AFML, 4.5).

    Parameters
    ----------
    starts, ends : ndarray of int
        First and last bar of each label.
    bars : int
        Number of bars in all.
    seed : int
        Seed of the draws.

    Returns
    -------
    ndarray of int
        As many drawn label numbers as there are labels.
    """
    generator = np.random.default_rng(seed)
    spans = [range(start + 1, end + 1) for start, end in zip(starts, ends, strict=True)]
    drawn_alive = [0] * bars
    share = [1.0] * bars  # what a further label would own of each bar: 1 / (drawn + 1)
    uniqueness = np.ones(len(spans))
    touching = _labels_by_bar(spans, bars)
    draws = []
    for _ in spans:
        pick = int(generator.choice(len(spans), p=uniqueness / uniqueness.sum()))
        draws.append(pick)
        stale: set[int] = set()
        for bar in spans[pick]:
            drawn_alive[bar] += 1
            share[bar] = 1.0 / (drawn_alive[bar] + 1)
            stale.update(touching[bar])
        for label in stale:
            own = spans[label]
            uniqueness[label] = sum(share[own.start : own.stop]) / len(own)
    return np.array(draws)


@cached
def return_attribution(starts: np.ndarray, ends: np.ndarray, returns: np.ndarray) -> np.ndarray:
    """Weights by the absolute return that a label need not share with others (AFML, 4.6).

    Parameters
    ----------
    starts, ends : ndarray of int
        First and last bar of each label.
    returns : ndarray of float
        Log return of each bar.

    Returns
    -------
    ndarray of float
        One weight a label; they average one.
    """
    alive = concurrent_labels(starts, ends, len(returns))
    weights = np.array(
        [
            abs(sum(returns[bar] / alive[bar] for bar in range(start + 1, end + 1)))
            for start, end in zip(starts, ends, strict=True)
        ]
    )
    return weights / weights.mean()


def concurrent_labels(starts: np.ndarray, ends: np.ndarray, bars: int) -> np.ndarray:
    """How many labels are alive on each bar (AFML, 4.3)."""
    alive = np.zeros(bars)
    for start, end in zip(starts, ends, strict=True):
        alive[start + 1 : end + 1] += 1.0
    return alive


def _labels_by_bar(spans: list[range], bars: int) -> list[list[int]]:
    touching: list[list[int]] = [[] for _ in range(bars)]
    for label, span in enumerate(spans):
        for bar in span:
            touching[bar].append(label)
    return touching
