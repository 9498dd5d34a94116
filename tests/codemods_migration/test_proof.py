"""What is said of a migrated function, and when that suffices for a success."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from codemods.evidence import Recorded
from codemods.matching import Matched
from codemods.migration import criteria
from codemods.migration.baseline import Baseline
from codemods.migration.criteria import Verified
from codemods.migration.document import document
from codemods.migration.health import Health
from codemods.migration.judge import Criterion, Holds, Name
from codemods.migration.ordering import names_of
from codemods.migration.page import page
from codemods.migration.proof import Proof, Proven, proof_of
from codemods.migration.recorded import (
    Again,
    Calls,
    Compared,
    Recheck,
    Recording,
    Speed,
    calls_of,
    recheck_of,
)
from codemods.migration.shown import in_words
from codemods.migration.told import Became, Outcome, Report, Row

WELL = Health("/cache", 3, 2, ())
SAME = Compared(1, 5, {}, {}, frozenset(), frozenset(), (), 0)
PAIRED = Speed(1e-3, 2e-4, 0.2, 0.1, 0.3, 40, "pass")

CHECKED = Recheck("quant.f", "test_f", "x=1", Again.SAME, (), PAIRED)
RAISED = Recheck("quant.f", "test_f", "x=0", Again.UNCHECKED, ("it raised builtins.ValueError",))
ASYNC = Recheck("quant.f", "test_f", "x=1", Again.UNCHECKED, ("it is async",), lasting=True)


def recording(functions: Mapping[str, Calls], *rechecks: Recheck) -> Recording:
    """One test, and what it called."""
    return Recording(
        Path("x"), "shared", {"test_f": "passed"}, {"test_f": functions}, functions, rechecks
    )


def seen(*rechecks: Recheck, migrated: str = "quant.f", hits: int = 4) -> Verified:
    """After the migration of one function."""
    after = recording({"quant.f": Calls(hits=hits)}, *rechecks)
    before = recording({"quant.f": Calls(hits=hits)})
    return Verified(before, after, SAME, (WELL, WELL), frozenset({migrated}), frozenset())


@pytest.mark.parametrize(
    ("rechecks", "holds", "told"),
    [
        ([CHECKED], Holds.YES, "1 of 1 same; 0 of 1 functions and 3 of 4 calls not checked"),
        (
            [RAISED],
            Holds.UNKNOWN,
            "0 of 0 same; 1 of 1 functions and 4 of 4 calls not checked",
        ),
        ([], Holds.UNKNOWN, "0 of 0 same; 1 of 1 functions and 4 of 4 calls not checked"),
        ([ASYNC], Holds.IDLE, "no call of 1 functions can ever be checked"),
        (
            [RAISED, CHECKED],
            Holds.YES,
            "1 of 1 same; 0 of 1 functions and 3 of 4 calls not checked",
        ),
        (
            [CHECKED, replace(ASYNC, function="quant.g")],
            Holds.YES,
            "1 of 1 same; 1 of 2 functions and 3 of 4 calls not checked",
        ),
        (
            [CHECKED, replace(RAISED, function="quant.g")],
            Holds.UNKNOWN,
            "1 of 1 same; 1 of 2 functions and 3 of 4 calls not checked",
        ),
    ],
)
def test_every_called_function_has_to_be_rechecked_unless_it_never_can(
    rechecks: list[Recheck], holds: Holds, told: str
) -> None:
    found = criteria.recheck(seen(*rechecks))
    assert (found.holds, found.told) == (holds, told)


def test_what_was_not_rechecked_is_named_with_the_reason() -> None:
    (whole,) = criteria.recheck(seen(RAISED)).gaps
    assert (whole.function, whole.what) == ("quant.f", "it raised builtins.ValueError")
    (some,) = criteria.recheck(seen(RAISED, RAISED, CHECKED)).gaps
    assert some.what == "2 calls not checked: it raised builtins.ValueError"
    assert not some.whole and not some.needed


def test_what_runs_under_a_name_that_is_not_known_is_somebodys_fault_and_not_dropped() -> None:
    differs = Recheck("pkg.q2.mom", "test_f", "x=1", Again.DIFFERS, ("was 2.0, is 3.0",))
    found = criteria.recheck(seen(CHECKED, differs))
    (fault,) = found.faults
    assert (fault.function, fault.what) == ("", "pkg.q2.mom(x=1): was 2.0, is 3.0")


def test_what_had_a_new_decorator_before_is_not_this_migrations() -> None:
    differs = Recheck("quant.old", "test_f", "x=1", Again.DIFFERS, ("was 2.0, is 3.0",))
    found = criteria.recheck(replace(seen(CHECKED, differs), already=frozenset({"quant.old"})))
    assert found.holds is Holds.YES


def test_a_name_of_several_functions_proves_none_of_them() -> None:
    found = criteria.recheck(replace(seen(CHECKED), shared=frozenset({"quant.f"})))
    assert found.holds is Holds.UNKNOWN
    assert "several functions may be meant" in found.gaps[0].what


def test_no_rechecks_are_no_proof() -> None:
    without = replace(seen(CHECKED), rechecks=False)
    for criterion in (criteria.recheck(without), criteria.speed(without)):
        assert criterion.holds is Holds.UNKNOWN
        assert criterion.told.startswith("--recheck 0")


def test_functions_that_no_test_calls_alone_are_no_proof() -> None:
    assert criteria.recheck(seen(migrated="quant.g")).holds is Holds.UNKNOWN


@pytest.mark.parametrize(
    ("recheck", "told", "gap"),
    [
        (CHECKED, "1 paired, the worst x 0.2 (0.1 to 0.3)", ""),
        (
            replace(CHECKED, speed=replace(PAIRED, decision="unsure", pairs=2)),
            "1 paired, the worst x 0.2 (0.1 to 0.3); 1 unsure",
            "unsure: x 0.2 (0.1 to 0.3) of 2 pairs",
        ),
        (
            replace(CHECKED, speed=None, unpaired="it is no hit when it is called again"),
            "no call of them could be timed in pairs",
            "not timed in pairs: it is no hit when it is called again",
        ),
    ],
)
def test_hits_that_could_not_be_compared_are_named(recheck: Recheck, told: str, gap: str) -> None:
    found = criteria.speed(seen(recheck))
    assert found.told == told
    assert [one.what for one in found.gaps] == ([gap] if gap else [])


def test_a_call_that_is_not_paired_is_counted_beside_one_that_is() -> None:
    other = replace(CHECKED, function="quant.g", speed=None, unpaired="it is no hit")
    assert criteria.speed(seen(CHECKED, other)).told.endswith("; 1 not paired")


def test_where_nothing_was_served_nothing_could_be_computed_again() -> None:
    found = criteria.not_computed_again(replace(seen(hits=0), before=recording({})))
    assert found.holds is Holds.IDLE
    assert found.told.startswith("the old decorator served none of them")


def test_a_cache_that_has_no_entry_is_not_called_healthy() -> None:
    empty = replace(WELL, entries=0)
    found = criteria.health(empty, empty)
    assert found.holds is Holds.IDLE
    assert found.told == "the tests have left no entry in /cache; 0 findings, 0 new"


@pytest.mark.parametrize(
    ("names", "maybe", "rechecks", "proof"),
    [
        (["quant.f"], "", [CHECKED], Proof.VERIFIED),
        (["q2.f", "quant.f"], "", [CHECKED], Proof.VERIFIED),
        (["quant.f"], "", [RAISED], Proof.NOT_RECHECKED),
        ([], "", [], Proof.NEVER_CALLED),
        ([], "quant.f", [CHECKED], Proof.NOT_RECHECKED),
    ],
)
def test_how_far_a_function_is_proven(
    names: list[str], maybe: str, rechecks: list[Recheck], proof: Proof
) -> None:
    made = recording({"quant.f": Calls(hits=1)}, *rechecks)
    assert proof_of(made, names, maybe, rechecks=True).proof is proof


def test_without_a_recording_or_rechecks_nothing_is_verified() -> None:
    assert proof_of(None, ["quant.f"], "", rechecks=True).proof is Proof.NOT_RECORDED
    made = recording({"quant.f": Calls(hits=1)})
    assert proof_of(made, ["quant.f"], "", rechecks=False).why == "--recheck 0"


def test_a_function_that_ran_under_two_names_has_both_and_the_calls_of_both() -> None:
    key = ("pkg/q2.py", "mom")
    both = Recorded("pkg.q2.mom", 1, 1, 0) + Recorded("q2.mom", 1, 1, 0)
    assert names_of(Matched({key: both})) == {key: ("pkg.q2.mom", "q2.mom")}
    calls = Calls(hits=1, computed=2, reasons=Counter(code=2))
    made = recording({"q2.mom": calls, "pkg.q2.mom": Calls(hits=3), "other": Calls(hits=9)})
    together = calls_of(made, ("pkg.q2.mom", "q2.mom"))
    assert together is not None
    assert (together.hits, together.computed, together.reasons["code"]) == (4, 2, 2)
    assert calls_of(made, ("q2.unknown",)) is None
    assert calls == Calls(hits=1, computed=2, reasons=Counter(code=2)), "and changes none of them"


def test_the_most_telling_recheck_is_the_one_that_is_shown() -> None:
    differs = Recheck("q2.f", "test_f", "x=2", Again.DIFFERS, ("the result was 1, is 2",))
    made = recording({}, RAISED, CHECKED, differs)
    assert recheck_of(made, ("quant.f",)) is CHECKED
    assert recheck_of(made, ("quant.f", "q2.f")) is differs
    assert recheck_of(made, ("other",)) is None


def test_what_is_rechecked_before_any_change_has_a_new_decorator_already() -> None:
    cold, warm = recording({}, RAISED), recording({}, replace(RAISED, function="quant.g"))
    assert Baseline(cold, warm, (), {}).already == {"quant.f", "quant.g"}
    assert Baseline(None, None, (), {}).already == frozenset()


def report(*proofs: Proven, strict: bool = False, holds: Holds = Holds.YES) -> Report:
    """A migration that was kept."""
    rows = [
        Row("quant.py", f"f{n}", "cacheable", "robust_cacheable", Became.MIGRATED, proven=one)
        for n, one in enumerate(proofs)
    ]
    told = (Criterion(Name.RECHECK, holds, "1 of 1 same"),)
    proven = holds is Holds.YES
    return Report("1", "/r", "pytest", Outcome.KEPT, proven, told, tuple(rows), strict=strict)


VERIFIED = Proven(Proof.VERIFIED)
NEVER = Proven(Proof.NEVER_CALLED, "no test calls it")


def test_only_what_is_verified_is_called_so() -> None:
    assert in_words(report(VERIFIED, VERIFIED)) == (
        "2 functions migrated and verified; every criterion holds."
    )
    assert in_words(report(VERIFIED, VERIFIED, NEVER)) == (
        "3 functions migrated: 2 verified, 1 never called; every criterion holds."
    )


def test_what_is_not_covered_fails_only_if_strictness_is_asked_for() -> None:
    assert report(VERIFIED, NEVER).code == 0
    strict = report(VERIFIED, NEVER, strict=True)
    assert strict.code == 1
    assert "--strict asks for all of it" in in_words(strict)
    assert report(VERIFIED, strict=True).code == 0
    assert report(VERIFIED, holds=Holds.UNKNOWN).code == 1


def test_what_is_not_covered_is_named_on_the_page_and_in_the_document() -> None:
    made = document(report(VERIFIED, NEVER))
    assert made["uncovered"] == ["quant.py::f1: never called, no test calls it"]
    assert made["functions"][1]["proof"] == {"proof": "never called", "why": "no test calls it"}
    assert "quant.py::f1: never called, no test calls it" in page(made)
