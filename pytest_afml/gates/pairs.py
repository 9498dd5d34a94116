"""Pairs of times, taken: the two arms in turn, until they decide or the effort is spent.

A round is `before`, `run_candidate`, `after`. The baseline runs before the candidate in even
rounds and after it in odd ones, so that neither is always the one that finds the caches cold.
That these are three steps, and the middle one is the candidate alone, is what lets
pytest-benchmark measure along.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

from pytest_afml.gates.verdict import (
    FEWEST_A_BLOCK,
    Decision,
    Doubt,
    Pair,
    Verdict,
    interval,
    judge,
    median,
)

#: An arm: called without arguments.
Arm = Callable[[], object]

#: An arm that is faster than this is called several times in a row, and the row is timed.
SHORT = 50e-6
#: How many pairs are taken between two looks at them.
STEP = 10
#: Where every pair so far is too slow, so many times `max_seconds` may be used to make sure of it.
OVERTIME = 4


@dataclass(frozen=True, slots=True)
class Effort:
    """How much may be measured for a verdict."""

    max_pairs: int = 100
    max_seconds: float = 30.0  #: a gate stops then, unless every pair so far is too slow
    pause_seconds: float = 0.5  #: between the two blocks
    confidence: float = 0.99  #: of the interval, however often it has been looked at

    @property
    def error_a_look(self) -> float:
        """What is left for one look if all of them together may err ``1 - confidence`` often."""
        return (1 - self.confidence) / max(1, self.max_pairs // STEP)


class Enough(BaseException):
    """No further round is needed. No `Exception`: nothing has gone wrong for who catches those."""


class Rounds:
    """Rounds of two arms, up to a verdict against a limit.

    Parameters
    ----------
    candidate, baseline : callable
        Called without arguments, as often as needed.
    limit : float
        The most that the candidate may take of the baseline's time.
    effort : Effort
    """

    def __init__(self, candidate: Arm, baseline: Arm, limit: float, effort: Effort) -> None:
        self._candidate, self._baseline = candidate, baseline
        self._limit, self._effort = limit, effort
        self._blocks: list[list[Pair]] = [[]]
        self._seconds = {"candidate": 0.0, "baseline": 0.0}  # of the round that is going on
        self._results: dict[str, object] = {}
        self._started: float | None = None
        self._collects = gc.isenabled()
        self.loops = (1, 1)  #: calls in a row of candidate and baseline

    def begin(self) -> None:
        """Let the time run: whatever is done from now on counts."""
        if self._started is None:
            self._started = time.perf_counter()

    def before(self) -> None:
        """Begin a round."""
        if not self._blocks[-1]:
            if len(self._blocks) == 1:
                self.begin()
                gc.collect()
                self.loops = loops_of(self._candidate, self._baseline)  # which warms up, too
            else:
                # Blocks have to be apart in time: what disturbs one may be over in the other.
                time.sleep(self._effort.pause_seconds)
                gc.collect()
                self._run_baseline()  # as a warm-up
                self.run_candidate()
        gc.disable()
        if len(self._blocks[-1]) % 2 == 0:
            self._run_baseline()

    def run_candidate(self) -> None:
        """The candidate's part of a round."""
        self._run("candidate", self._candidate, self.loops[0])

    def after(self) -> None:
        """End a round.

        Raises
        ------
        Enough
            The pairs decide, or the effort is spent.
        """
        block = self._blocks[-1]
        if len(block) % 2 == 1:
            self._run_baseline()
        self.close()
        block.append(Pair(**self._seconds))
        if len(self._blocks) == 1:
            if self._first_block_is_done():
                self._blocks.append([])
        elif self._is_done():
            raise Enough

    def close(self) -> None:
        """Let the garbage collector run again, if it did."""
        if self._collects:
            gc.enable()

    @property
    def results(self) -> tuple[object, object]:
        """What the last calls of candidate and baseline have returned."""
        return self._results["candidate"], self._results["baseline"]

    def verdict(self) -> Verdict:
        """What the pairs say."""
        return judge(self._blocks, self._limit, self._effort.error_a_look)

    def _run_baseline(self) -> None:
        self._run("baseline", self._baseline, self.loops[1])

    def _run(self, name: str, arm: Arm, loops: int) -> None:
        self._results.pop(name, None)  # so that there are never two large ones
        self._seconds[name], self._results[name] = timed(arm, loops)

    def _first_block_is_done(self) -> bool:
        """Whether it would decide by itself, or has used its half of the effort."""
        block = self._blocks[0]
        if len(block) >= self._effort.max_pairs // 2:
            return True
        if self._elapsed() > self._effort.max_seconds / 2:
            return len(block) >= FEWEST_A_BLOCK or not self._all_too_slow()
        if len(block) % STEP:
            return False
        low, high = interval([pair.ratio for pair in block], 1 - self._effort.confidence)
        return not low <= self._limit < high

    def _is_done(self) -> bool:
        """Whether both blocks decide, or the effort is spent."""
        first, second = self._blocks
        if len(first) + len(second) >= self._effort.max_pairs:
            return True
        if self._elapsed() > self._effort.max_seconds:
            return self._time_is_up()
        if len(second) % STEP:
            return False
        return self.verdict().decision is not Decision.UNSURE

    def _time_is_up(self) -> bool:
        """Not as long as a candidate would be let go for being too slow to be measured often."""
        if self.verdict().doubt is not Doubt.FEW or not self._all_too_slow():
            return True
        if len(self._blocks[1]) < FEWEST_A_BLOCK:
            return False
        return self._elapsed() > OVERTIME * self._effort.max_seconds

    def _all_too_slow(self) -> bool:
        return all(pair.ratio > self._limit for block in self._blocks for pair in block)

    def _elapsed(self) -> float:
        assert self._started is not None
        return time.perf_counter() - self._started


def measure(candidate: Arm, baseline: Arm, limit: float, effort: Effort) -> Verdict:
    """Take pairs without pytest-benchmark, until they decide or the effort is spent."""
    rounds = Rounds(candidate, baseline, limit, effort)
    try:
        while True:
            rounds.before()
            rounds.run_candidate()
            rounds.after()
    except Enough:
        return rounds.verdict()
    finally:
        rounds.close()


def timed(arm: Arm, loops: int) -> tuple[float, object]:
    """Seconds a call, of so many calls in a row, and what the last one returned."""
    turns = repeat(None, loops)
    result = None
    start = time.perf_counter()
    for _ in turns:
        result = arm()
    return (time.perf_counter() - start) / loops, result


def loops_of(candidate: Arm, baseline: Arm) -> tuple[int, int]:
    """How often to call each arm in a row, so that no row is shorter than ``SHORT``.

    Arms that are about as fast as each other are called equally often: what the row itself costs
    is then the same.
    """
    ours, theirs = _loops(candidate), _loops(baseline)
    if max(ours, theirs) <= 2 * min(ours, theirs):
        ours = theirs = max(ours, theirs)
    return ours, theirs


def _loops(arm: Arm) -> int:
    loops = 1
    while True:
        seconds, _ = timed(arm, loops)
        if seconds * loops < 100 * SHORT:  # else it is long, whatever disturbed it
            seconds = median([seconds, *(timed(arm, loops)[0] for _ in range(4))])
        if seconds * loops >= SHORT:
            return loops
        loops *= 2
