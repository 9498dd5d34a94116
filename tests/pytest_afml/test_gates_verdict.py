"""The verdict on pairs: pure, so it is held against arithmetic, chance and the laws of both."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_afml.gates.pairs import STEP, Effort
from pytest_afml.gates.verdict import Block, Decision, Doubt, Pair, Verdict, interval, judge

ERROR = 0.001

times = st.floats(1e-7, 1e3)
pairs = st.builds(Pair, times, times)
two_blocks = st.tuples(st.lists(pairs, min_size=1), st.lists(pairs, min_size=1))
limits = st.floats(0.01, 100)


def block(ratio: float, count: int = 20) -> Block:
    return [Pair(ratio, 1.0)] * count


def test_a_faster_candidate_passes() -> None:
    found = judge([block(0.5), block(0.6)], 1.05, ERROR)
    assert (found.decision, found.doubt, found.pairs) == (Decision.PASS, None, 40)


def test_a_slower_candidate_fails() -> None:
    assert judge([block(1.15), block(1.2)], 1.05, ERROR).decision is Decision.FAIL


def test_a_candidate_that_is_just_as_fast_as_the_limit_passes() -> None:
    assert judge([block(1.0), block(1.0)], 1.0, ERROR).decision is Decision.PASS


@pytest.mark.parametrize(
    ("blocks", "doubt"),
    [
        ([block(0.6, 4), block(0.6, 4)], Doubt.FEW),
        ([block(2.9, 4), block(2.9, 4)], Doubt.FEW),
        ([block(4.0, 9)], Doubt.FEW),  # one block
        ([block(4.0, 8), block(4.0, 1)], Doubt.FEW),  # nothing agrees with a single pair
        ([block(4.0, 4), [*block(4.0, 4), Pair(2.9, 1.0)]], Doubt.FEW),
        ([block(0.9), block(1.1)], Doubt.INTERVAL),
        ([block(0.9, 40), block(1.1, 5)], Doubt.BLOCKS),
        ([block(1.1, 40), block(0.9, 5)], Doubt.BLOCKS),
        ([block(0.9, 40)], Doubt.BLOCKS),
        # Nearly all pairs are slow; the fastest call of the candidate is not.
        ([[*block(1.2), Pair(0.9, 1.0)], block(1.2)], Doubt.MINIMUM),
        ([[*block(0.8), Pair(0.4, 0.5)], [*block(0.8), Pair(0.8, 0.3)]], Doubt.MINIMUM),
    ],
)
def test_what_does_not_agree_is_unsure_and_says_what(blocks: list[Block], doubt: Doubt) -> None:
    found = judge(blocks, 1.0, ERROR)
    assert (found.decision, found.doubt) == (Decision.UNSURE, doubt)


@pytest.mark.parametrize(
    ("ratio", "decision"), [(100.0, Decision.FAIL), (3.2, Decision.FAIL), (0.3, Decision.PASS)]
)
def test_few_pairs_decide_where_each_of_them_is_far_on_one_side(
    ratio: float, decision: Decision
) -> None:
    found = judge([block(ratio, 2), block(ratio, 2)], 1.05, ERROR)
    assert (found.decision, found.doubt, found.high) == (decision, None, math.inf)


def test_nothing_at_all_has_no_verdict() -> None:
    with pytest.raises(ValueError, match="no pair"):
        judge([[], []], 1.0, ERROR)


@pytest.mark.parametrize(
    ("count", "error", "first", "last"),
    # From tables of the sign test.
    [(6, 0.05, 1, 6), (9, 0.05, 2, 8), (20, 0.05, 6, 15), (20, 0.01, 4, 17), (100, 0.05, 40, 61)],
)
def test_the_interval_is_that_of_the_sign_test(
    count: int, error: float, first: int, last: int
) -> None:
    values = list(range(1, count + 1))
    random.Random(5).shuffle(values)
    assert interval(values, error) == (first, last)


def test_five_values_have_no_interval_of_95_percent() -> None:
    assert interval([1, 2, 3, 4, 5], 0.05) == (0.0, math.inf)


@pytest.mark.parametrize("error", [0.2, 0.05, 0.01])
@pytest.mark.parametrize("count", [5, 8, 11])
def test_the_interval_misses_the_median_no_more_often_than_said_and_no_narrower_one_does(
    count: int, error: float
) -> None:
    """Every way in which so many values can lie below and above the true median, counted."""

    def missed(narrower: int) -> float:
        ways = 0
        for below in product([True, False], repeat=count):
            values = [-1.0 - i if low else 1.0 + i for i, low in enumerate(below)]
            low, high = interval(values, error)
            if narrower and high != math.inf:
                ordered = sorted(values)
                low, high = ordered[ordered.index(low) + 1], ordered[ordered.index(high) - 1]
            ways += high != math.inf and not low < 0 < high
        return ways / 2**count

    assert missed(narrower=0) <= error
    if interval(range(count), error)[1] != math.inf:
        assert missed(narrower=1) > error


@settings(deadline=None)  # sums of numbers with hundreds of digits
@given(st.integers(1, 1500), st.floats(1e-9, 0.5))
@example(1024, 0.01)  # as a float, 2**1024 overflows
def test_the_ends_are_the_innermost_ranks_that_binomial_sums_allow(
    count: int, error: float
) -> None:
    def misses(rank: int) -> Fraction:
        """How often fewer than ``rank`` of so many values lie on one side of the median."""
        return Fraction(2 * sum(math.comb(count, k) for k in range(rank)), 2**count)

    low, high = interval(range(count), error)
    rank = 0 if high == math.inf else int(low) + 1
    assert rank == 0 or high == count - rank
    assert misses(rank) <= error < misses(rank + 1)


@given(two_blocks, limits)
def test_a_decision_stands_on_every_measure(blocks: tuple[Block, Block], limit: float) -> None:
    found = judge(blocks, limit, ERROR)
    assert found.low <= found.ratio <= found.high
    measures = [found.ratio, found.minimum_ratio, *found.block_ratios]
    if found.high == math.inf:  # few pairs
        ratios = [pair.ratio for pair in itertools.chain(*blocks)] + measures
        far = min(ratios) > 3 * limit or max(ratios) < limit / 3
        assert far or found.decision is Decision.UNSURE
        measures += ratios
    else:
        measures += [found.low, found.high]
    if found.decision is Decision.PASS:
        assert all(measure <= limit for measure in measures)
    elif found.decision is Decision.FAIL:
        assert all(measure > limit for measure in measures)
    assert (found.doubt is None) == (found.decision is not Decision.UNSURE)


@given(two_blocks, limits, st.randoms())
def test_neither_the_order_of_pairs_nor_that_of_blocks_counts(
    blocks: tuple[Block, Block], limit: float, chance: random.Random
) -> None:
    mixed = [list(block) for block in reversed(blocks)]
    for some in mixed:
        chance.shuffle(some)
    one, other = judge(blocks, limit, ERROR), judge(mixed, limit, ERROR)
    assert (one.decision, one.doubt) == (other.decision, other.doubt)
    assert (one.ratio, one.low, one.high) == (other.ratio, other.low, other.high)


@given(two_blocks, limits, st.integers(-20, 20))
def test_the_unit_of_time_does_not_count(
    blocks: tuple[Block, Block], limit: float, power: int
) -> None:
    scaled = [
        [Pair(pair.candidate * 2.0**power, pair.baseline * 2.0**power) for pair in block]
        for block in blocks
    ]
    assert judge(scaled, limit, ERROR).decision is judge(blocks, limit, ERROR).decision


@given(two_blocks, limits, limits)
def test_what_passes_a_limit_does_not_fail_a_higher_one(
    blocks: tuple[Block, Block], one: float, other: float
) -> None:
    lower, higher = sorted([one, other])
    if judge(blocks, lower, ERROR).decision is Decision.PASS:
        assert judge(blocks, higher, ERROR).decision is not Decision.FAIL


@given(two_blocks, limits, st.floats(1.0, 1e3))
def test_a_candidate_that_is_slower_still_does_not_fare_better(
    blocks: tuple[Block, Block], limit: float, factor: float
) -> None:
    """A regression must not turn green by being worse."""
    slower = [[Pair(pair.candidate * factor, pair.baseline) for pair in some] for some in blocks]
    one, other = judge(blocks, limit, ERROR), judge(slower, limit, ERROR)
    if one.decision is Decision.FAIL:
        assert other.decision is Decision.FAIL
    assert other.decision is not Decision.PASS or one.decision is Decision.PASS


@given(st.lists(times, min_size=1), st.floats(1e-6, 0.5))
def test_who_wants_to_err_less_gets_a_wider_interval(values: list[float], error: float) -> None:
    low, high = interval(values, error)
    wider_low, wider_high = interval(values, error / 3)
    assert wider_low <= low
    assert high <= wider_high


def simulated(seed: int, factor: float, limit: float) -> Verdict:
    """A gate on a machine whose speed wanders and that is disturbed in every tenth call."""
    chance = random.Random(seed)
    effort = Effort()
    speed = 1.0

    def call(seconds: float) -> float:
        burst = chance.expovariate(0.5) if chance.random() < 0.1 else 0.0
        return seconds * speed * chance.lognormvariate(0, 0.02) * (1 + burst)

    blocks: list[list[Pair]] = [[], []]
    while True:
        for some in blocks:
            for _ in range(STEP // 2):
                speed *= chance.lognormvariate(0, 0.1)
                some.append(Pair(call(factor), call(1.0)))
        found = judge(blocks, limit, effort.error_a_look)
        if found.decision is not Decision.UNSURE or found.pairs >= effort.max_pairs:
            return found


@pytest.mark.parametrize(
    ("factor", "limit", "wanted"),
    [(1.0, 1.05, Decision.PASS), (1.15, 1.05, Decision.FAIL), (0.3, 0.5, Decision.PASS)],
)
def test_what_is_clearly_on_one_side_is_found_there_in_spite_of_noise(
    factor: float, limit: float, wanted: Decision
) -> None:
    found = [simulated(seed, factor, limit).decision for seed in range(200)]
    assert found.count(wanted) >= 194
    assert set(found) <= {wanted, Decision.UNSURE}


def test_a_true_ratio_on_the_limit_itself_seldom_fails() -> None:
    """The hardest case: half of all pairs lie above, and they are looked at ten times."""
    found = [simulated(seed, 1.0, 1.0).decision for seed in range(1000)]
    assert found.count(Decision.FAIL) <= 10  # at most (1 - 0.99) / 2 of them, and then some luck
    assert found.count(Decision.UNSURE) > 950


@pytest.mark.parametrize("pairs_a_block", [2, 3, 5])
def test_few_pairs_of_the_same_code_never_fail(pairs_a_block: int) -> None:
    """Also where half of all calls take two to three times as long."""
    for seed in range(5000):
        chance = random.Random(seed)

        def call(chance: random.Random = chance) -> float:
            burst = chance.uniform(1, 2) if chance.random() < 0.5 else 0.0
            return chance.lognormvariate(0, 0.02) * (1 + burst)

        blocks = [[Pair(call(), call()) for _ in range(pairs_a_block)] for _ in range(2)]
        assert judge(blocks, 1.05, ERROR).decision is not Decision.FAIL
