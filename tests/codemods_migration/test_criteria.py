"""Criteria, judged from values: what breaks one, whose fault it is, and what is no success."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from codemods.migration import criteria
from codemods.migration.criteria import Verified
from codemods.migration.health import Health, Trouble
from codemods.migration.judge import Criterion, Holds, Name, idle
from codemods.migration.recorded import Again, Calls, Compared, Recheck, Recording, Speed

WELL = Health("/cache", 3, 2, ())
SAME = Compared(1, 5, {}, {}, frozenset(), frozenset(), (), 0)


def recording(calls: Calls, outcome: str = "passed", *rechecks: Recheck) -> Recording:
    """A run of one test that calls one function."""
    functions = {"quant.f": calls}
    return Recording(
        Path("x"), "shared", {"test_f": outcome}, {"test_f": functions}, functions, rechecks
    )


def again(verdict: Again = Again.SAME, decision: str = "pass", high: float = 0.2) -> Recheck:
    """A call that was checked."""
    what = () if verdict is Again.SAME else ("the result was 1, is 2",)
    speed = Speed(1e-3, 2e-4, 0.2, 0.1, high, 40, decision)
    return Recheck("quant.f", "test_f", "x=1", verdict, what, speed)


BEFORE = recording(Calls(hits=4))
AFTER = recording(Calls(hits=3, adopted=1), "passed", again())
GOOD = Verified(BEFORE, AFTER, SAME, (WELL, WELL), frozenset({"quant.f"}), frozenset())


def broken(seen: Verified) -> dict[Name, Criterion]:
    """The criteria that do not hold."""
    found = criteria.judge(seen, idle(Name.MLFLOW, "not used"))
    return {one.name: one for one in found if one.holds is Holds.NO}


def test_a_good_migration_breaks_nothing_and_is_told_in_numbers() -> None:
    found = {one.name: one for one in criteria.judge(GOOD, idle(Name.MLFLOW, "not used"))}
    assert {one.holds for one in found.values()} == {Holds.YES, Holds.IDLE}
    assert found[Name.NOT_COMPUTED_AGAIN].told == "0 recomputed; 1 adopted, 3 hits"
    assert found[Name.RECHECK].told == (
        "1 of 1 same; 0 of 1 functions and 3 of 4 calls not checked"
    )
    assert found[Name.SPEED].told == "1 paired, the worst x 0.2 (0.1 to 0.2)"


HASHED_ANEW = replace(
    GOOD,
    after=recording(Calls(hits=3, computed=1, reasons=Counter(argument=1)), "passed"),
    compared=replace(SAME, fell=frozenset({"quant.f"})),
    migrated=frozenset(),
)
REAL = {
    "it was migrated": replace(HASHED_ANEW, migrated=frozenset({"quant.f"})),
    "for another reason": replace(
        HASHED_ANEW, after=recording(Calls(hits=3, computed=1, reasons=Counter(code=1)))
    ),
    "a result is another": replace(HASHED_ANEW, compared=replace(
        HASHED_ANEW.compared, changed={"quant.g": ("g(1): 1, 2",)}
    )),
}  # fmt: skip


def test_what_joblib_hashes_anew_of_a_function_that_is_left_to_it_is_told_and_no_fault() -> None:
    assert Name.HIT_RATES not in broken(HASHED_ANEW)
    (told,) = [
        one.told
        for one in criteria.judge(HASHED_ANEW, idle(Name.MLFLOW, "not used"))
        if one.name is Name.HIT_RATES
    ]
    assert "1 not migrated, whose equal arguments joblib hashes anew" in told


@pytest.mark.parametrize("why", REAL)
def test_any_other_fall_of_a_hit_rate_is_a_fault(why: str) -> None:
    assert Name.HIT_RATES in broken(REAL[why])


FAULTS = {
    Name.TESTS: replace(GOOD, after=recording(Calls(hits=4), "failed", again())),
    Name.RESULTS: replace(GOOD, compared=replace(SAME, changed={"quant.f": ("f(1): 1, 2",)})),
    Name.SPEED: replace(GOOD, after=recording(Calls(hits=4), "passed", again(decision="fail"))),
    Name.HEALTH: replace(
        GOOD, health=(WELL, replace(WELL, troubles=(Trouble("k", "tampered", function="quant.f"),)))
    ),
    Name.RECHECK: replace(GOOD, after=recording(Calls(hits=4), "passed", again(Again.DIFFERS))),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_breaks_its_criterion_alone_and_names_the_function(name: Name) -> None:
    found = broken(FAULTS[name])
    assert set(found) == {name}
    assert [fault.function for fault in found[name].faults] == ["quant.f"]


def test_a_call_that_was_served_and_is_computed_breaks_two_criteria() -> None:
    calls = Calls(hits=3, computed=1, reasons=Counter(unkeyable=1))
    seen = replace(
        GOOD,
        after=recording(calls, "passed", again()),
        compared=replace(SAME, fell=frozenset({"quant.f"})),
    )
    found = broken(seen)
    assert set(found) == {Name.HIT_RATES, Name.NOT_COMPUTED_AGAIN}
    (fault,) = found[Name.NOT_COMPUTED_AGAIN].faults
    assert fault.what == "quant.f ran 1 times where it was served before (unkeyable)"


def test_what_its_own_decorator_has_cleared_is_told_and_no_fault() -> None:
    fell = replace(SAME, fell=frozenset({"quant.f"}))
    stays = replace(GOOD, compared=fell, migrated=frozenset(), rechecks=False)
    assert set(broken(stays)) == {Name.HIT_RATES}
    excused = replace(stays, cleared=frozenset({"quant.f"}))
    assert not broken(excused)
    found = {one.name: one.told for one in criteria.judge(excused, idle(Name.MLFLOW, ""))}
    assert "1 cleared by their own smart_cacheable" in found[Name.HIT_RATES]


def test_a_backtest_that_runs_again_is_nobodys_fault_yet() -> None:
    calls = Calls(hits=2, computed=2, reasons=Counter(code=2))
    seen = replace(GOOD, after=recording(calls, "passed", again()), migrated=frozenset())
    seen = replace(seen, backtests=frozenset({"quant.f"}), rechecks=False)
    (fault,) = broken(seen)[Name.BACKTESTS].faults
    assert (fault.function, fault.what) == (
        "",
        "quant.f ran 2 backtests again that were reused (code)",
    )


def test_a_test_that_does_not_run_any_more_breaks_the_first_criterion() -> None:
    found = broken(replace(GOOD, compared=replace(SAME, missing=("test_g",))))
    assert [fault.what for fault in found[Name.TESTS].faults] == ["test_g ran, and does not now"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("passed", "failed", "test_f passed, and failed now"),
        ("passed", "error", "test_f passed, and has an error now"),
        ("passed", "skipped", "test_f passed, and is skipped now"),
        ("passed", "xfailed", "test_f passed, and is expected to fail now"),
        ("skipped", "failed", "test_f was skipped, and failed now"),
        ("passed", "passed", ""),
        ("skipped", "skipped", ""),
        ("xfailed", "skipped", ""),
        ("xfailed", "passed", ""),
    ],
)
def test_only_a_test_that_passes_has_passed(before: str, after: str, told: str) -> None:
    seen = replace(
        GOOD,
        before=recording(Calls(hits=4), before),
        after=recording(Calls(hits=3, adopted=1), after, again()),
    )
    found = criteria.tests(seen)
    assert [fault.what for fault in found.faults] == ([told] if told else [])


def test_a_test_that_was_skipped_before_is_not_counted_as_one_that_passes() -> None:
    skipped = replace(GOOD, before=recording(Calls(hits=4), "skipped"))
    found = criteria.tests(skipped)
    assert found.told == "0 of 0 pass; 1 skipped or expected to fail before already"


def test_a_command_that_ends_otherwise_though_all_its_tests_pass_is_a_fault_of_somebody() -> None:
    found = broken(replace(GOOD, code=7))
    (fault,) = found[Name.TESTS].faults
    assert (fault.function, fault.suspects) == ("", frozenset())
    assert fault.what == "the command ended with exit code 0, and ends with 7"
    assert found[Name.TESTS].told == "1 of 1 pass; exit code 7"


def test_a_test_that_fails_explains_the_exit_code() -> None:
    failed = replace(GOOD, after=recording(Calls(hits=4), "failed", again()), code=1)
    assert [fault.function for fault in broken(failed)[Name.TESTS].faults] == ["quant.f"]


def test_what_was_wrong_before_is_no_fault_of_the_migration() -> None:
    ill = replace(WELL, troubles=(Trouble("disk", "9 % are free"),))
    later = replace(WELL, troubles=(Trouble("disk", "8 % are free"),))
    assert not broken(replace(GOOD, health=(ill, later)))
    changed = {"quant.f": ("f(1): 1, 2",)}
    seen = replace(GOOD, compared=replace(SAME, changed=changed), unsteady=frozenset({"quant.f"}))
    assert not broken(seen)


def test_what_was_not_measured_is_not_known_to_hold() -> None:
    seen = replace(GOOD, after=recording(Calls()), compared=replace(SAME, compared=0))
    found = {one.name: one.holds for one in criteria.judge(seen, idle(Name.MLFLOW, "not used"))}
    assert found[Name.RESULTS] is found[Name.SPEED] is found[Name.RECHECK] is Holds.UNKNOWN


def test_too_few_pairs_have_no_interval() -> None:
    seen = replace(
        GOOD, after=recording(Calls(hits=4), "passed", again(decision="unsure", high=inf))
    )
    found = {one.name: one for one in criteria.judge(seen, idle(Name.MLFLOW, "not used"))}
    assert found[Name.SPEED].told == "1 paired, the worst x 0.2; 1 unsure"
