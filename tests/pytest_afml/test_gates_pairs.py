"""Taking pairs: real arms, real clocks; and the gate's own proof."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from pytest_afml.gates.pairs import SHORT, STEP, Effort, Enough, Rounds, loops_of, measure
from pytest_afml.gates.verdict import Decision

QUICK = Effort(pause_seconds=0.05)


def work(turns: int) -> Callable[[], int]:
    def arm() -> int:
        total = 0
        for number in range(turns):
            total += number * number
        return total

    return arm


def rounds_of(arms: str, effort: Effort = QUICK, limit: float = 1.0) -> tuple[Rounds, list[str]]:
    """Rounds whose arms note down what runs."""
    ran: list[str] = []

    def arm(name: str) -> Callable[[], None]:
        def run() -> None:
            ran.append(name)
            time.sleep(2 * SHORT)  # one call a row

        return run

    return Rounds(arm(arms[0]), arm(arms[1]), limit, effort), ran


def take(rounds: Rounds) -> None:
    rounds.before()
    rounds.run_candidate()
    rounds.after()


def test_the_baseline_runs_before_the_candidate_in_even_rounds_and_after_it_in_odd_ones() -> None:
    rounds, ran = rounds_of("cb", Effort(pause_seconds=0.0, max_pairs=40), limit=1e9)
    take(rounds)
    ran.clear()
    take(rounds)
    take(rounds)
    take(rounds)
    assert "".join(ran) == "cb" + "bc" + "cb"


def test_the_garbage_collector_rests_inside_of_a_pair_and_runs_again_after_it() -> None:
    seen = []
    rounds = Rounds(lambda: seen.append(gc.isenabled()), lambda: None, 1.0, QUICK)
    rounds.before()
    seen.clear()
    rounds.run_candidate()
    rounds.after()
    assert not any(seen)
    assert gc.isenabled()


def test_the_garbage_collector_runs_again_where_an_arm_raises() -> None:
    def breaks() -> None:
        if not gc.isenabled():  # now it is inside of a pair
            raise RuntimeError("it broke")
        time.sleep(0.001)

    with pytest.raises(RuntimeError, match="it broke"):
        measure(breaks, lambda: time.sleep(0.001), 1.0, QUICK)
    assert gc.isenabled()


def test_a_garbage_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        measure(work(500), work(1500), 1.0, QUICK)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_short_arm_is_called_several_times_in_a_row_and_a_long_one_once() -> None:
    short, long = loops_of(lambda: None, lambda: time.sleep(0.001))
    assert short >= 64
    assert long == 1


def test_arms_that_are_equally_fast_are_called_equally_often() -> None:
    for _ in range(20):
        ours, theirs = loops_of(work(20), work(22))
        assert ours == theirs


def test_the_results_of_the_last_calls_are_there_to_be_compared() -> None:
    turns = iter(range(10**6))
    rounds = Rounds(lambda: next(turns), lambda: time.sleep(0.001), 1.0, QUICK)
    take(rounds)
    take(rounds)
    assert rounds.results == (next(turns) - 1, None)


def test_times_are_those_of_one_call() -> None:
    found = measure(lambda: None, lambda: time.sleep(0.001), 0.5, QUICK)
    assert found.decision is Decision.PASS
    assert found.candidate < 5e-6
    assert 0.001 <= found.baseline < 0.01


def test_a_clear_case_takes_the_least_pairs_that_there_can_be_in_two_blocks() -> None:
    found = measure(work(500), work(5000), 1.0, QUICK)
    assert (found.decision, len(found.block_ratios)) == (Decision.PASS, 2)
    assert 2 * STEP <= found.pairs <= 4 * STEP


@pytest.mark.slow
def test_the_two_blocks_are_apart_in_time() -> None:
    start = time.perf_counter()
    measure(work(500), work(5000), 1.0, Effort(pause_seconds=0.4))
    assert time.perf_counter() - start >= 0.4


def test_no_more_pairs_are_taken_than_allowed() -> None:
    turns = iter(range(10**6))

    def wavers() -> None:  # now half, now twice as long as the baseline: nobody can tell
        time.sleep(0.0002 if next(turns) // 2 % 2 else 0.0008)

    found = measure(wavers, lambda: time.sleep(0.0004), 1.0, Effort(40, pause_seconds=0.0))
    assert (found.decision, found.pairs) == (Decision.UNSURE, 40)


def test_slow_arms_end_when_the_time_is_up() -> None:
    effort = Effort(max_seconds=0.4, pause_seconds=0.0)
    start = time.perf_counter()
    found = measure(lambda: time.sleep(0.02), lambda: time.sleep(0.02), 1.5, effort)
    assert time.perf_counter() - start < 3
    assert found.pairs < 20
    assert found.decision is Decision.UNSURE


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.03, 0.1])
def test_a_candidate_that_leaves_no_time_for_many_pairs_fails(seconds: float) -> None:
    """The slower, the surer: even where one call takes all the time that there is."""
    effort = Effort(max_seconds=0.1, pause_seconds=0.0)
    found = measure(lambda: time.sleep(seconds), lambda: time.sleep(0.001), 1.05, effort)
    assert found.decision is Decision.FAIL
    assert found.pairs == 4


@pytest.mark.slow
def test_a_candidate_that_is_a_little_too_slow_gets_the_time_for_an_interval() -> None:
    effort = Effort(max_seconds=1.4, pause_seconds=0.0)  # 5.6 s at most; it takes 1.1 s alone
    # 20 ms apart: a loaded machine leaves no pair in which they look alike.
    found = measure(lambda: time.sleep(0.06), lambda: time.sleep(0.04), 1.05, effort)
    assert (found.decision, found.pairs) == (Decision.FAIL, 11)


@pytest.mark.slow
def test_that_time_ends_too() -> None:
    effort = Effort(max_seconds=0.05, pause_seconds=0.0)
    found = measure(lambda: time.sleep(0.03), lambda: time.sleep(0.02), 1.05, effort)
    assert (found.decision, found.pairs) == (Decision.UNSURE, 4)


def test_what_is_done_before_the_first_pair_counts_as_time() -> None:
    rounds, _ = rounds_of("cb", Effort(max_seconds=0.1, pause_seconds=0.0), limit=1e9)
    rounds.begin()
    time.sleep(0.1)
    take(rounds)
    with pytest.raises(Enough):
        take(rounds)


def test_enough_is_no_error_for_who_catches_those() -> None:
    assert not issubclass(Enough, Exception)


@pytest.fixture
def two_busy_processes() -> Iterator[None]:
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("turns", "gates"),
    [
        pytest.param(500, 10, id="20 us, 10 gates"),
        pytest.param(6_000, 50, marks=pytest.mark.whole, id="300 us, 50 gates"),
    ],
)
def test_beside_two_busy_processes_15_percent_fail_and_the_same_code_never_does(
    two_busy_processes: None,
    record_property: Callable[[str, object], None],
    turns: int,
    gates: int,
) -> None:
    """The gate's own proof. A limit of 5 % lies between the two."""
    same, slower = Counter[str](), Counter[str]()
    for _ in range(gates):
        same[measure(work(turns), work(turns), 1.05, QUICK).decision.value] += 1
        planted = measure(work(turns * 115 // 100), work(turns), 1.05, QUICK)
        slower[planted.decision.value] += 1
    record_property("the same code", dict(same))
    record_property("15 % slower", dict(slower))
    print(f"the same code: {dict(same)}; 15 % slower: {dict(slower)}")
    assert same["fail"] == 0
    assert slower["pass"] == 0
    # Not by being unsure, either; a machine that has still more to do leaves some of them so.
    assert same["pass"] >= 0.6 * gates
    assert slower["fail"] >= 0.8 * gates
