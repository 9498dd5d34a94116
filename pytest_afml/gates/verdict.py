"""Pairs of times -> PASS, FAIL or UNSURE against a limit. Pure; knows no clock and no pytest.

What is judged is the median of the pairs' ratios: a pair is taken within a moment, so that what
slows the machine down slows both of its arms. The interval of the median is the one of the sign
test: order statistics, exact for every distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

#: Pairs that are too few for an interval decide where each is this many times beyond the limit,
#: and each block has so many.
PLAIN = 3.0
FEWEST_A_BLOCK = 2


class Decision(StrEnum):
    """What a gate has decided."""

    PASS = "pass"
    FAIL = "fail"
    UNSURE = "unsure"


class Doubt(StrEnum):
    """Why a gate is unsure."""

    FEW = "few pairs"  #: so few that they have no interval
    INTERVAL = "interval"  #: the interval contains the limit
    BLOCKS = "blocks"  #: pairs that were taken at another time say otherwise
    MINIMUM = "minimum"  #: the fastest calls say otherwise


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds a call of both arms, measured one right after the other."""

    candidate: float
    baseline: float

    @property
    def ratio(self) -> float:
        """The candidate's part of the baseline's time."""
        return self.candidate / self.baseline


#: Pairs that were taken in one go.
Block = Sequence[Pair]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision and what it stands on.

    Attributes
    ----------
    decision : Decision
    doubt : Doubt or None
        Why, if the decision is UNSURE.
    limit : float
        The most that the candidate may take of the baseline's time.
    ratio, low, high : float
        The median of the pairs' ratios and its interval; (0, inf) of too few pairs to have one.
    minimum_ratio : float
        The candidate's fastest call to the baseline's fastest.
    block_ratios : tuple of float
        The median of each block.
    pairs : int
    candidate, baseline : float
        Median seconds of a call.
    """

    decision: Decision
    doubt: Doubt | None
    limit: float
    ratio: float
    low: float
    high: float
    minimum_ratio: float
    block_ratios: tuple[float, ...]
    pairs: int
    candidate: float
    baseline: float


def judge(blocks: Sequence[Block], limit: float, error: float) -> Verdict:
    """The verdict on blocks of pairs.

    Parameters
    ----------
    blocks : sequence of blocks
        At least two, taken at different times, for any decision but UNSURE.
    limit : float
        The most that the candidate may take of the baseline's time; 1.05 is 5 % more.
    error : float
        How often at most the interval may miss the true median.

    Returns
    -------
    Verdict
        PASS or FAIL where the interval lies on one side of the limit, and the median of every
        block and the ratio of the fastest calls lie on the same; and where pairs that are too few
        for an interval all lie plainly on one side: beyond three times the limit, or below a
        third of it. Else UNSURE.
    """
    pairs = [pair for block in blocks for pair in block]
    if not pairs:
        raise ValueError("there is no pair to judge")
    ratios = [pair.ratio for pair in pairs]
    low, high = interval(ratios, error)
    block_ratios = tuple(median([pair.ratio for pair in block]) for block in blocks if block)
    minimum_ratio = min(p.candidate for p in pairs) / min(p.baseline for p in pairs)
    if high == math.inf:
        decision, doubt = _decide_by_few(limit, ratios, blocks)
    else:
        decision, doubt = _decide(limit, low, high, minimum_ratio, block_ratios)
    return Verdict(
        decision=decision,
        doubt=doubt,
        limit=limit,
        ratio=median(ratios),
        low=low,
        high=high,
        minimum_ratio=minimum_ratio,
        block_ratios=block_ratios,
        pairs=len(pairs),
        candidate=median([pair.candidate for pair in pairs]),
        baseline=median([pair.baseline for pair in pairs]),
    )


def _decide(
    limit: float, low: float, high: float, minimum_ratio: float, block_ratios: tuple[float, ...]
) -> tuple[Decision, Doubt | None]:
    if low <= limit < high:
        return Decision.UNSURE, Doubt.INTERVAL
    too_slow = low > limit
    if len(block_ratios) < 2 or any((ratio > limit) != too_slow for ratio in block_ratios):
        return Decision.UNSURE, Doubt.BLOCKS
    if (minimum_ratio > limit) != too_slow:
        return Decision.UNSURE, Doubt.MINIMUM
    return (Decision.FAIL if too_slow else Decision.PASS), None


def _decide_by_few(
    limit: float, ratios: Sequence[float], blocks: Sequence[Block]
) -> tuple[Decision, Doubt | None]:
    """A candidate that is so slow that there is no time for more pairs must not look unsure."""
    if len(blocks) >= 2 and all(len(block) >= FEWEST_A_BLOCK for block in blocks):
        if min(ratios) > PLAIN * limit:
            return Decision.FAIL, None
        if max(ratios) < limit / PLAIN:
            return Decision.PASS, None
    return Decision.UNSURE, Doubt.FEW


def interval(values: Sequence[float], error: float) -> tuple[float, float]:
    """The narrowest sign-test interval that misses the true median at most ``error`` often.

    Its ends are order statistics. So few values that even the smallest and the greatest one miss
    it more often have the interval (0, inf).

    >>> interval(range(1, 11), 0.05)
    (2, 9)
    """
    count = len(values)
    allowed = Fraction(error) * 2**count / 2  # exact; as a float it overflows from 1024 values on
    within = 0
    below = 1  # of 2**count ways, those in which at most `within` values lie below the median
    while below <= allowed:
        within += 1
        below += math.comb(count, within)
    if within == 0:
        return 0.0, math.inf
    ordered = sorted(values)
    return ordered[within - 1], ordered[count - within]


def median(values: Sequence[float]) -> float:
    """The value in the middle, or the mean of the two there.

    >>> median([3, 1, 2]), median([4, 1, 2, 3])
    (2, 2.5)
    """
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
