"""Recordings and what has changed between them, without pytest."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_afml.numbers import Counts
from pytest_afml.record.compare import Failure, compare, compare_files
from pytest_afml.record.file import read_recording, write_recording
from pytest_afml.record.recording import (
    Function,
    RecordedTest,
    Recording,
    RecordingError,
    Result,
)
from pytest_afml.record.words import WIDTH, Told, failure, lines_of


def call(result: str | None = "1", arguments: str | None = "a", **other) -> Result:
    """A call by its arguments and what it gave."""
    called_with = "" if arguments is None else f"x={arguments}"
    return Result(arguments=arguments, called_with=called_with, digest=result, **other)


def function(*results: Result, hits: int = 0, seconds: float = 1.0) -> Function:
    """Calls of one function, each computed but for the hits."""
    computed = len(results) - hits
    times = {one: results.count(one) for one in results}
    return Function(Counts(hits=hits, computed=computed, seconds=seconds), 0.1, times)


def recording(mode: str = "isolated", outcome: str = "passed", **tests) -> Recording:
    """Tests by name, each ``{function: calls}``."""
    recorded = {name: RecordedTest(outcome, dict(functions)) for name, functions in tests.items()}
    return Recording(mode=mode, digest_format=1, tests=recorded)


def of(*results: Result, **how) -> Recording:
    """One test of one function."""
    return recording(t={"m.f": function(*results, **how)})


def failures(before: Recording, after: Recording, tolerance: float = 0.0) -> list[Failure]:
    return list(compare(before, after, tolerance).failures)


THREE = (call("1", "a"), call("2", "b"), call("3", "c"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (THREE, THREE),
        (THREE, THREE[::-1]),
        ((call("1"), call("1")), (call("1"),)),
        ((call("1"),), (call("1"), call("2", "b"))),
        (THREE, THREE[:2]),
        (
            (call("1", None), call("2", None), call("3", None)),
            (call("3", None), call("1", None)),
        ),
        ((call("1", "a"),), (call("1", "other"),)),
        ((call(None, raised="E"),), (call(None, raised="E"),)),
        ((call("1"), call("2")), (call("2"), call("1"))),
    ],
    ids=[
        "the same",
        "in another order",
        "called less often",
        "called more often",
        "a call less",
        "calls without a digest of their arguments, one less",
        "other arguments, the same result",
        "the same exception",
        "two results of the same arguments",
    ],
)
def test_results_are_the_same(before, after):
    assert failures(of(*before), of(*after)) == []


@pytest.mark.parametrize(
    ("before", "after", "lacks", "has"),
    [
        ((call("1"),), (call("2"),), ["1"], ["2"]),
        (THREE, (*THREE[:2], call("9", "c")), ["3"], ["9"]),
        ((call("1"), call("1")), (call("1"), call("2")), [], ["2"]),
        ((call("1"), call("2")), (call("1"), call("1")), ["2"], []),
        ((call("1", None), call("2", None)), (call("1", None), call("3", None)), ["2"], ["3"]),
        ((call("1", None), call("2", None)), (call("9", None),), ["1", "2"], ["9"]),
        ((call("1", "a"),), (call("2", "other"),), ["1"], ["2"]),
        ((call("1"),), (call(None, raised="E"),), ["1"], [None]),
        ((call(None, raised="D"),), (call(None, raised="E"),), [None], [None]),
        ((call("1"),), (call(None, undigested="a generator"),), ["1"], [None]),
    ],
)
def test_a_changed_result_fails(before, after, lacks, has):
    found = compare(of(*before), of(*after))
    assert found.failures == (Failure.RESULTS,)
    (changed,) = found.changed
    assert [one.digest for one in changed.before] == lacks
    assert [one.digest for one in changed.after] == has
    assert (changed.test, changed.function) == ("t", "m.f")


def test_what_has_no_digest_is_said_and_proves_nothing():
    generator = call(None, undigested="result is a generator")
    found = compare(of(generator, generator), of(generator, generator))
    assert found.failures == (Failure.NOTHING,)
    ((test, name, why, times),) = [
        (one.test, one.function, one.why, one.times) for one in found.uncompared
    ]
    assert (test, name, why, times) == ("t", "m.f", "result is a generator", 2)
    assert failures(of(generator, call("1", "b")), of(generator, call("1", "b"))) == []


def test_a_fixture_that_moved_to_another_test_is_no_change_unless_its_result_is():
    load = {"m.load": function(call("1"))}
    own = {"m.f": function(call("2", "b"))}
    before = recording(t1={**load, **own}, t2=own)
    assert failures(before, recording(t1=own, t2={**load, **own})) == []
    other = {"m.load": function(call("9"))}
    found = compare(before, recording(t1=own, t2={**other, **own}))
    assert [(one.test, one.function) for one in found.changed] == [("t2", "m.load")]
    only_one_test = recording(t2={**load, **own})
    assert failures(before, only_one_test) == []


@pytest.mark.parametrize(
    ("hits", "tolerance", "fails"),
    [(2, 0.0, False), (3, 0.0, False), (1, 0.0, True), (1, 0.2, True), (1, 0.25, False)],
)
def test_a_hit_rate_that_fell_fails_beyond_the_tolerance(hits, tolerance, fails):
    calls = [call()] * 4
    found = failures(of(*calls, hits=2), of(*calls, hits=hits), tolerance)
    assert found == ([Failure.HIT_RATE] if fails else [])


def test_a_function_that_is_called_less_often_since_its_caller_is_served_has_not_lost():
    before = of(call(), call(), hits=1)
    assert failures(before, of(call(), hits=0)) == []
    assert failures(before, of(call(), call(), hits=0)) == [Failure.HIT_RATE]


def test_hit_rates_of_two_modes_are_not_judged():
    before = recording(mode="shared", t={"m.f": function(call(), call(), hits=2)})
    found = compare(before, of(call(), call()))
    assert found.failures == ()
    assert any(
        "hit rates are not judged" in line for line in lines_of(Told(found, before, of()), "")
    )


def test_times_never_fail():
    assert failures(of(call(), seconds=0.001), of(call(), seconds=100.0)) == []


def test_a_renamed_function_is_gone_and_new():
    before = recording(t={"m.old": function(call()), "m.f": function(call())})
    after = recording(t={"m.new": function(call()), "m.f": function(call())})
    found = compare(before, after)
    assert [(one.name, one.is_gone, one.is_new) for one in found.functions] == [
        ("m.f", False, False),
        ("m.new", False, True),
        ("m.old", True, False),
    ]
    assert found.failures == (Failure.LOST,)
    assert "m.old is not called any more" in failure(found, "before.json")


def test_a_function_whose_caller_is_served_now_is_not_lost():
    before = recording(t={"m.inner": function(call()), "m.outer": function(call())})
    served = recording(t={"m.outer": function(call(), hits=1)})
    found = compare(before, served)
    assert found.failures == ()
    account = " ".join(lines_of(Told(found, before, served), "before.json"))
    assert "since what called it is served now: m.inner" in account
    assert compare(before, recording(t={"m.outer": function(call())})).failures == (Failure.LOST,)


def test_a_function_that_another_test_calls_now_is_not_lost():
    before = recording(t={"m.f": function(call()), "m.g": function(call())}, u={})
    moved = recording(t={"m.g": function(call())}, u={"m.f": function(call())})
    assert failures(before, moved) == []


def test_when_every_function_is_gone_nothing_is_proven():
    assert failures(of(call()), recording(t={})) == [Failure.LOST, Failure.NOTHING]


def test_only_tests_that_both_have_are_compared():
    f = {"m.f": function(call())}
    other = {"m.f": function(call("9", "z"))}
    found = compare(recording(a=f, b=f), recording(b=f, c=other))
    assert (found.tests, found.new_tests, found.missing_tests) == (1, ("c",), ("a",))
    assert found.failures == ()


def test_a_test_whose_worker_died_is_not_compared():
    before, after = of(call("1")), of(call("2"))
    after.tests["t"].outcome = "crashed"
    found = compare(before, after)
    assert (found.crashed_tests, found.failures) == (("t",), (Failure.NOTHING,))


def test_a_test_that_ended_in_another_way_is_told():
    after = of(call())
    after.tests["t"].outcome = "failed"
    assert compare(of(call()), after).outcomes == (("t", "passed", "failed"),)


def test_other_versions_of_packages_are_told():
    before, after = of(call()), of(call())
    before.versions = {"pandas": "2.2.3", "numpy": "2.1"}
    after.versions = {"pandas": "3.0.0", "numpy": "2.1", "joblib": "1.5"}
    found = compare(before, after)
    assert found.versions == (("joblib", "", "1.5"), ("pandas", "2.2.3", "3.0.0"))
    lines = lines_of(Told(found, before, after), "before.json")
    assert lines[-2:] == ["joblib was not there, is 1.5", "pandas was 2.2.3, is 3.0.0"]


def test_a_recording_survives_the_disk_and_is_the_same_in_every_order(tmp_path):
    made = recording(b={"m.g": function(*THREE), "m.f": function(call())}, a={})
    made.values["1"] = {"type": "int", "repr": "1"}
    other = recording(a={}, b={"m.f": function(call()), "m.g": function(*THREE[::-1])})
    other.values["1"] = {"type": "int", "repr": "1"}
    write_recording(tmp_path / "deep" / "one.json", made)
    write_recording(tmp_path / "other.json", other)
    texts = [(tmp_path / name).read_text() for name in ("deep/one.json", "other.json")]
    assert texts[0] == texts[1]
    assert read_recording(tmp_path / "deep" / "one.json") == made
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["one.json"]
    assert compare_files(tmp_path / "deep" / "one.json", tmp_path / "other.json").failures == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not a recording of --afml-record"),
        ('{"schema": 1, "total": 3}', "it is not a recording of --afml-record"),
        ('{"format": "afml-record", "schema": 2}', "it has schema 2, and this version reads up"),
        ('{"format": "afml-record", "schema": 1}', "it is a damaged recording (KeyError: 'mode')"),
        ('{"format": "afml-record", "schema": "x"}', "it has schema x"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(tmp_path, text, message):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(RecordingError) as caught:
        read_recording(path)
    assert str(caught.value).startswith(f"{path} cannot be used: {message}")


@pytest.mark.parametrize("damage", ["hits", "results", "tests"])
def test_a_damaged_recording_is_refused(tmp_path, damage):
    plain = of(call()).plain()
    if damage == "tests":
        plain["tests"] = ["t"]
    else:
        plain["tests"]["t"]["functions"]["m.f"][damage] = "many"
    (tmp_path / "file.json").write_text(json.dumps(plain))
    with pytest.raises(RecordingError, match="damaged recording"):
        read_recording(tmp_path / "file.json")


def test_digests_of_another_format_are_not_compared():
    before = of(call())
    before.digest_format = 0
    with pytest.raises(RecordingError, match="its digests have format 0"):
        compare(before, of(call()))


def test_a_comparison_is_plain_for_other_tools():
    plain = json.loads(json.dumps(compare(of(call("1")), of(call("2"))).plain()))
    assert plain["failures"] == ["results"]
    assert plain["changed"][0]["function"] == "m.f"


def test_comparing_needs_neither_pytest_nor_the_cache():
    code = (
        "import sys; from pytest_afml.record import compare, file; "
        "print({'pytest', 'afml_cache', 'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_table_keeps_within_80_columns():
    name = "quant.features.labels.triple_barrier_labels_with_a_long_name"
    many = [call(str(n), str(n)) for n in range(1234)]
    before = recording(t={name: function(*many, hits=617), "m.f": function(call())})
    after = recording(
        t={name: function(*many[:1233], call("x", "1233")), "m.f": function(call("2"))}
    )
    for number in range(20):
        before.tests[f"other_{number}"] = RecordedTest()
        after.tests[f"new_{number}"] = RecordedTest()
    found = compare(before, after)
    lines = lines_of(Told(found, before, after), "before.json")
    assert all(len(line) <= WIDTH for line in lines), lines
    rows = [line.split() for line in lines]
    at = rows.index([name])
    assert " ".join(rows[at + 1]) == "1234 50 % -> 0 % x 0.5 - 1 CHANGED"
    assert failure(found, "before.json") == (
        "since before.json, 2 results of 2 functions changed; the hit rate of 1 function fell "
        "(--afml-compare-tolerance)"
    )


def test_what_changed_is_told_in_words():
    before = of(call("1", "a"), call("2", "b"), call(None, "c", raised="builtins.ValueError"))
    after = of(call("9", "a"), call("2", "b"), call("2", "b"), call("3", "c"))
    before.values = {"1": {"type": "float", "repr": "0.5"}, "2": {"type": "str", "length": 3}}
    after.values = {"9": {"type": "int", "repr": "1"}, "3": {"type": "pandas.Series"}}
    lines = lines_of(Told(compare(before, after), before, after), "before.json")
    assert "  m.f(x=a): the result was 0.5, is 1" in lines
    assert "  m.f(x=c): gave ValueError, gives pandas.Series" in lines


def test_a_test_that_is_skipped_now_is_told_and_not_compared():
    before = recording(t={"m.f": function(call())}, u={"m.g": function(call())})
    after = recording(t={}, u={"m.g": function(call())})
    after.tests["t"].outcome = "skipped"
    found = compare(before, after)
    assert found.failures == () and found.tests == 1
    assert found.outcomes == (("t", "passed", "skipped"),)


def test_hit_rates_of_a_part_of_the_tests_are_not_judged():
    before = recording(
        t={"m.f": function(call(), hits=0)}, u={"m.f": function(call(), call(), hits=2)}
    )
    after = recording(u={"m.f": function(call(), call(), hits=1)})
    found = compare(before, after)
    assert found.failures == ()
    assert any(
        "hit rates are not judged" in line for line in lines_of(Told(found, before, after), "")
    )


def test_results_swapped_between_calls_are_changed():
    before = of(call("1", "goog"), call("-1", "eur"))
    assert failures(before, of(call("-1", "goog"), call("1", "eur"))) == [Failure.RESULTS]
