"""Two recordings compared, without a run: what changed, and what of it matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_afml.record import Recording, compare
from pytest_afml.record.recording import Seen, Test
from pytest_afml.record.wording import lines_of, table, verdict

A, B, C = "a" * 32, "b" * 32, "c" * 32
VALUES = {
    A: {"type": "int", "repr": "1"},
    B: {"type": "int", "repr": "2"},
    C: {"type": "int", "repr": "3"},
}


def seen(*results, hits=0, computed=None):
    counted = {result: results.count(result) for result in results}
    computed = len(results) - hits if computed is None else computed
    reasons = {"first_call": computed} if computed else {}
    return Seen(hits, 0, computed, 0.001 * hits, 0.01 * computed, reasons, counted)


def run(**tests):
    return Recording(
        tests={name: Test("passed", dict(functions)) for name, functions in tests.items()},
        values=VALUES,
    )


def kinds(before, now, **how):
    return [(c.kind, c.function, c.test) for c in compare(before, now, **how).changes]


def test_the_same_run_has_not_changed():
    one = run(t={"m.f": seen(A, A, hits=1)})
    found = compare(one, one)
    assert found.changes == () and not found.matters and found.compared == 1


def test_another_result_is_a_change_that_matters_and_is_described():
    found = compare(run(t={"m.f": seen(A, B)}), run(t={"m.f": seen(A, C)}))
    (change,) = found.changes
    assert (change.kind, change.matters, change.was, change.now) == ("results", True, 1, 1)
    assert change.differences == ("the result was 2, is 3",)


def test_results_count_with_how_often_they_came():
    assert kinds(run(t={"m.f": seen(A, A, B)}), run(t={"m.f": seen(A, B, B)})) == [
        ("results", "m.f", "t")
    ]


def test_calls_that_move_to_another_test_change_no_result():
    before = run(t={"m.f": seen(A)}, u={"m.f": seen(B, A)})
    now = run(t={"m.f": seen(A, B)}, u={"m.f": seen(A)})
    assert kinds(before, now) == [("calls", "m.f", "t"), ("calls", "m.f", "u")]


def test_a_result_that_no_test_knew_matters_though_the_number_of_calls_changed_too():
    before = run(t={"m.f": seen(A)})
    assert ("results", "m.f", "t") in kinds(before, run(t={"m.f": seen(A, C)}))


def test_a_function_that_moved_to_another_test_may_not_give_new_results_there():
    before = run(t={"m.f": seen(A)}, u={})
    assert kinds(before, run(t={}, u={"m.f": seen(A)})) == []
    assert kinds(before, run(t={}, u={"m.f": seen(C)})) == [("results", "m.f", "u")]


def test_a_function_that_is_not_cached_any_more_matters():
    found = compare(run(t={"m.f": seen(A), "m.g": seen(B)}), run(t={"m.g": seen(B)}))
    assert [(c.kind, c.function) for c in found.changes] == [("uncached", "m.f")]
    assert found.matters and verdict(found) == "m.f is not cached any more"


def test_a_function_that_is_cached_now_is_only_told():
    found = compare(run(t={}), run(t={"m.f": seen(A)}))
    assert [c.kind for c in found.changes] == ["new_function"] and not found.matters


@pytest.mark.parametrize(("tolerance", "matters"), [(0.0, True), (0.24, True), (0.25, False)])
def test_a_hit_rate_may_fall_by_the_tolerance(tolerance, matters):
    before = run(t={"m.f": seen(A, A, A, A, hits=3)})
    now = run(t={"m.f": seen(A, A, A, A, hits=2)})
    assert compare(before, now, tolerance).matters is matters


def test_hit_rates_are_judged_over_all_tests():
    before = run(t={"m.f": seen(A)}, u={"m.f": seen(A, hits=1)})
    assert kinds(before, run(t={"m.f": seen(A, hits=1)}, u={"m.f": seen(A)})) == []


def test_adopted_results_are_served_ones():
    now = run(t={"m.f": Seen(adopted=2, results={A: 2})})
    assert kinds(run(t={"m.f": seen(A, A, hits=1)}), now) == []


def test_only_tests_that_both_runs_have_finished_are_compared():
    before = run(t={"m.f": seen(A)}, u={"m.f": seen(A)}, v={"m.f": seen(A)})
    before.tests["u"].outcome = "unfinished"
    now = run(t={"m.f": seen(A)}, u={"m.f": seen(C)}, w={})
    found = compare(before, now)
    assert (found.compared, found.not_run) == (1, 1)
    assert [(c.kind, c.test) for c in found.changes] == [("new_test", "w")]


def test_what_has_no_digest_is_told_and_not_judged():
    what = "no digest: generator (UnkeyableArgumentError)"
    one = run(t={"m.f": seen(what)})
    found = compare(one, one)
    assert [c.kind for c in found.changes] == ["undigested"] and not found.matters


def test_an_exception_in_place_of_a_result_is_a_change():
    found = compare(run(t={"m.f": seen(A)}), run(t={"m.f": seen("raised: builtins.KeyError")}))
    assert found.changes[0].differences == ("it raised builtins.KeyError",)
    back = compare(run(t={"m.f": seen("raised: builtins.KeyError")}), run(t={"m.f": seen(A)}))
    assert back.changes[0].differences == ("it raised builtins.KeyError before, the result is 1",)


def test_what_matters_comes_first():
    before = run(t={"m.a": seen(A), "m.z": seen(A)})
    now = run(t={"m.a": seen(A, A), "m.z": seen(C)}, n={})
    assert [c.kind for c in compare(before, now).changes] == [
        "results", "calls", "new_test",
    ]  # fmt: skip


def test_the_table_fits_in_80_columns_whatever_the_names():
    name = "quant.features.triple_barrier.labels_of_a_very_long_name"
    pair = seen(A, A, hits=1), seen(A, A, B, hits=2)
    lines = [*table({name: pair, "m.f": pair})]
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == [
        "m.f",
        "2",
        ">",
        "3",
        "50%",
        ">",
        "66.6%",
        "10ms",
        "x1",
        "1ms",
        "x1",
    ]


def test_many_changes_are_cut_and_counted():
    before = run(**{f"t{n}": {"m.f": seen(A)} for n in range(50)})
    now = run(**{f"t{n}": {"m.f": seen(C)} for n in range(50)})
    lines = [*lines_of(compare(before, now), "before.json")]
    assert sum(line.startswith("CHANGED") for line in lines) == 20
    assert lines[-1] == "... and 30 more of results"


recordings = st.dictionaries(
    st.sampled_from("tuv"),
    st.dictionaries(
        st.sampled_from(["m.f", "m.g"]),
        st.lists(st.sampled_from([A, B, C]), min_size=1).map(lambda results: seen(*results)),
    ),
).map(lambda tests: run(**tests))


@given(recordings)
def test_no_run_differs_from_itself(one):
    assert compare(one, one).changes == ()


@given(recordings, recordings)
def test_a_result_that_the_earlier_run_never_gave_always_matters(before, now):
    known = {
        (function, result)
        for test in before.tests.values()
        for function, got in test.functions.items()
        for result in got.results
    }
    cached = {function for function, _ in known}
    new = {
        (function, result)
        for name in before.tests.keys() & now.tests.keys()
        for function, got in now.tests[name].functions.items()
        for result in got.results
        if function in cached and (function, result) not in known
    }
    found = compare(before, now)
    reported = {change.function for change in found.changes if change.kind == "results"}
    assert {function for function, _ in new} <= reported
