"""``--afml-record`` and ``--afml-compare``, whatever the way in which the tests are run."""

from __future__ import annotations

import json

import pytest

TESTS = """
    import pytest
    from features import labels, old_features

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_it(number):
        for _ in range(2):
            labels(number), old_features(number)

    def test_without_a_call():
        pass
"""

#: A change that no test of theirs notices: the result is another number of the same size.
EDIT = ("return helper(number) * window", "return float(helper(number) * window)")


def edit(pytester, old=EDIT[0], new=EDIT[1], file="features.py"):
    path = pytester.path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def recorded(pytester, file="before.json"):
    return json.loads((pytester.path / file).read_text())


def functions(pytester, test, file="before.json"):
    (name,) = [name for name in recorded(pytester, file)["tests"] if name.endswith(test)]
    return recorded(pytester, file)["tests"][name]["functions"]


def test_a_run_is_recorded_a_test_and_a_function(pytester, run_each_way):
    pytester.makepyfile(test_calls=TESTS)
    result = run_each_way("--afml-record=before.json")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["before.json: tests 4, cached calls 12"])
    whole = recorded(pytester)
    assert (whole["format"], whole["schema"]) == ("afml-record", 1)
    assert whole["mode"].split(" with ")[0] == "isolated"
    assert whole["exit_status"] == 0
    assert list(whole["tests"]) == [
        "test_calls.py::test_it[1]",
        "test_calls.py::test_it[2]",
        "test_calls.py::test_it[3]",
        "test_calls.py::test_without_a_call",
    ]
    labels = whole["tests"]["test_calls.py::test_it[2]"]["functions"]["features.labels"]
    assert (labels["hits"], labels["computed"], labels["reasons"]) == (1, 1, {"first_call": 1})
    assert labels["compute_seconds"] > 0
    assert labels["hit_seconds"] > 0
    (only,) = labels["results"]
    assert (only["times"], only["called_with"]) == (2, "number=2, window=20")
    assert whole["values"][only["digest"]] == {"type": "int", "repr": "40"}
    assert whole["tests"]["test_calls.py::test_without_a_call"]["functions"] == {}


def test_nothing_changed_is_exit_0(pytester, run_each_way):
    pytester.makepyfile(TESTS)
    run_each_way("--afml-record=before.json")
    result = run_each_way("--afml-compare=before.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "with before.json: 4 tests, 2 functions, 6 different results compared",
            "features.labels * 6 * 50 % * same",
            "features.old_features * 6 * 50 % * same",
        ]
    )


def test_a_changed_result_is_exit_1_and_is_named(pytester, run_in_process):
    pytester.makepyfile(test_calls=TESTS)
    run_in_process("--afml-record=before.json")
    edit(pytester)
    result = run_in_process("--afml-compare=before.json", "--afml-record=after.json", "-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "features.labels * 6 * 50 % * 3 CHANGED",
            "test_calls.py::test_it[[]1]",
            "  features.labels(number=1, window=20): the result was 20, is 20.0",
            "ERROR: since before.json, 3 results of 1 function changed",
        ]
    )
    assert all(
        len(line) <= 80 for line in result.outlines if "features" in line and "=" not in line
    )
    assert recorded(pytester, "after.json")["exit_status"] == 0, "the tests themselves passed"


@pytest.mark.slow
def test_two_sequential_recordings_are_the_same_but_for_times(pytester, run_in_process):
    pytester.makepyfile(TESTS)
    run_in_process("--afml-record=one.json")
    run_in_process("--afml-record=two.json", "-n", "2")

    def timeless(file):
        whole = recorded(pytester, file)
        del whole["mode"]  # it tells of workers
        for test in whole["tests"].values():
            for function in test["functions"].values():
                for times in ("compute_seconds", "hit_seconds", "saved_seconds"):
                    del function[times]
        return json.dumps(whole)

    assert timeless("one.json") == timeless("two.json")


def test_a_part_of_the_tests_is_compared_with_its_part_of_the_recording(pytester, run_each_way):
    pytester.makepyfile(test_calls=TESTS)
    run_each_way("--afml-record=before.json")
    result = run_each_way("--afml-compare=before.json", "-k", "test_it and 2")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["with before.json: 1 test, 2 functions, 2 different*", "3 tests in the recording, and *"]
    )


def test_a_hit_rate_that_fell_fails_within_no_tolerance(pytester, run):
    pytester.makepyfile(test_calls=TESTS)
    run("--afml-record=before.json")
    # Twice as many calls, each with its own argument: a quarter of them hits now.
    edit(
        pytester, "labels(number), old", "labels(number), labels(-number - _), old", "test_calls.py"
    )
    result = run("--afml-compare=before.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "features.labels * 6 -> 12 * 50 % -> 25 % *",
            "ERROR: since before.json, the hit rate of 1 function fell (--afml-compare-tolerance)",
        ]
    )
    assert run("--afml-compare=before.json", "--afml-compare-tolerance=0.3").ret == 0
    pytester.makeini("[pytest]\nafml_compare_tolerance = 0.3\n")
    assert run("--afml-compare=before.json").ret == 0


def test_a_red_run_is_recorded_and_exceptions_by_their_type(pytester, run):
    pytester.makepyfile(
        raising="""
            from afml_cache import robust_cacheable
            @robust_cacheable
            def f(x):
                raise KeyError(x)
            @robust_cacheable
            def g(x):
                return (n for n in x)
        """,
        test_red="""
            import pytest, raising
            def test_caught():
                with pytest.raises(KeyError):
                    raising.f(1)
            def test_red():
                raising.f(1)
            @pytest.mark.filterwarnings("ignore")
            def test_generator():
                raising.g((1,))
            @pytest.fixture
            def broken():
                raise RuntimeError
            def test_error(broken): pass
            @pytest.fixture
            def broken_later():
                yield
                raise RuntimeError
            def test_red_twice(broken_later): assert 0
            @pytest.mark.skip
            def test_skipped(): pass
            @pytest.mark.xfail
            def test_xfailed(): assert 0
        """,
    )
    assert run("--afml-record=before.json").ret == pytest.ExitCode.TESTS_FAILED
    whole = recorded(pytester)
    assert whole["exit_status"] == 1
    outcomes = {name.partition("_red.py::test_")[2]: t for name, t in whole["tests"].items()}
    assert {name: test["outcome"] for name, test in outcomes.items()} == {
        "caught": "passed",
        "red": "failed",
        "generator": "passed",
        "error": "error",
        "red_twice": "failed",
        "skipped": "skipped",
        "xfailed": "xfailed",
    }
    for test in ("caught", "red"):
        (result,) = outcomes[test]["functions"]["raising.f"]["results"]
        assert (result["raised"], result["digest"]) == ("builtins.KeyError", None)
    (result,) = outcomes["generator"]["functions"]["raising.g"]["results"]
    assert (result["undigested"], result["digest"]) == ("result is a generator", None)
    again = run("--afml-compare=before.json")
    again.stdout.fnmatch_lines(
        ["raising.f *same", "without a digest, so not compared: raising.g: result is a generator"]
    )
    again.stdout.no_fnmatch_line("ERROR: since*")


def test_a_result_that_is_changed_after_its_return_is_recorded_as_it_was(pytester, run):
    pytester.makepyfile(
        lists="""
            from afml_cache import cacheable
            @cacheable
            def f(x):
                return [x]
        """,
        test_it="""
            from lists import f
            def test_it():
                for _ in range(2):
                    f(1).append(2)
        """,
    )
    run("--afml-record=before.json")
    (result,) = functions(pytester, "test_it")["lists.f"]["results"]
    assert result["times"] == 2


def test_calls_of_fixtures_count_for_the_test_that_they_are_made_in(pytester, run):
    pytester.makepyfile("""
        import pytest
        from features import labels
        @pytest.fixture
        def made():
            yield labels(1)
            labels(2)
        def test_it(made):
            labels(3)
    """)
    run("--afml-record=before.json")
    found = functions(pytester, "test_it")["features.labels"]["results"]
    assert sorted(one["called_with"] for one in found) == [
        f"number={n}, window=20" for n in (1, 2, 3)
    ]


def test_the_last_run_of_a_test_counts(pytester, run):
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile("""
        from features import labels
        runs = []
        def test_it():
            runs.append(1)
            labels(len(runs))
            assert len(runs) == 3
    """)
    result = run("--afml-record=before.json", "--reruns=3")
    result.assert_outcomes(passed=1)
    (only,) = functions(pytester, "test_it")["features.labels"]["results"]
    assert only["called_with"] == "number=3, window=20"
    (test,) = recorded(pytester)["tests"].values()
    assert test["outcome"] == "passed"
    assert list(recorded(pytester)["values"]) == [only["digest"]]


CRASH = """
    import os, pytest
    from features import labels

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_it(number):
        labels(number)
        if number == 2 and os.environ.get("CRASH"):
            os._exit(1)
"""


@pytest.mark.slow
def test_a_test_that_crashed_its_worker_is_marked(pytester, run_in_process, monkeypatch):
    pytester.makepyfile(test_calls=CRASH)
    monkeypatch.setenv("CRASH", "1")
    run_in_process("--afml-record=before.json", "-n", "2")
    tests = recorded(pytester)["tests"]
    assert {name[-2]: test["outcome"] for name, test in tests.items()} == {
        "1": "passed",
        "2": "crashed",
        "3": "passed",
        "4": "passed",
    }
    monkeypatch.delenv("CRASH")
    result = run_in_process("--afml-compare=before.json", "-n", "2")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["1 test not compared, since their worker died: test_calls.py::test_it[[]2]"]
    )


def test_without_a_terminal_the_failure_is_told_on_stderr(pytester, run_in_process):
    pytester.makepyfile(TESTS)
    run_in_process("--afml-record=before.json", "-p", "no:terminal")
    edit(pytester)
    result = run_in_process("--afml-compare=before.json", "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines(["ERROR: since before.json, 3 results of 1 function changed"])


def test_a_comparison_of_nothing_fails(pytester, run):
    pytester.makepyfile(test_calls=TESTS)
    run("--afml-record=before.json")
    result = run("--afml-compare=before.json", "-k", "without_a_call")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: since before.json, no result could be compared, which *"])


def test_a_run_of_no_test_leaves_the_recording_alone(pytester, run):
    pytester.makepyfile(TESTS)
    run("--afml-record=before.json")
    before = (pytester.path / "before.json").read_bytes()
    result = run("--afml-record=before.json", "-k", "nothing_of_that_name")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(
        ["no test was run, or the run was cut short; before.json is as it was"]
    )
    assert (pytester.path / "before.json").read_bytes() == before


def test_the_file_is_written_in_one_step(pytester, run):
    pytester.makepyfile(TESTS)
    run("--afml-record=deep/before.json")
    written = [path.name for path in (pytester.path / "deep").iterdir()]
    assert written == ["before.json"]


def test_a_file_that_cannot_be_written_fails_the_run_and_says_so(pytester, run):
    pytester.makepyfile(test_calls=TESTS)
    result = run("--afml-record=test_calls.py/before.json")
    result.assert_outcomes(passed=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: *test_calls.py/before.json cannot be written (*"])


@pytest.mark.parametrize("mode", ["shared", "off", "readonly", "frozen"])
def test_every_mode_can_be_recorded(pytester, run, mode, store):
    pytester.makepyfile("""
        from features import labels, old_features
        def test_it():
            labels(1), old_features(1)
    """)
    run("--afml-cache", "--afml-cache-dir=kept").assert_outcomes(passed=1)
    kept = () if mode == "off" else ("--afml-cache-dir=kept",)
    options = (*kept, f"--afml-cache-mode={mode}")
    run(*options, "--afml-record=before.json").assert_outcomes(passed=1)
    found = functions(pytester, "test_it")
    served = (0, 1) if mode == "off" else (1, 0)
    for name in ("features.labels", "features.old_features"):
        assert (found[name]["hits"], found[name]["computed"]) == served
        assert found[name]["results"][0]["digest"]
    result = run("--afml-compare=before.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"hit rates are not judged: recorded in mode {mode}, run in *"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--afml-record=a.json", "--afml-compare=./a.json"],
            "--afml-record and --afml-compare name the same file, *a.json, which would be over*",
        ),
        (
            ["--afml-record=a.json", "--collect-only"],
            "--afml-record needs tests that run, and --c*",
        ),
        (["--afml-compare=a.json", "--setup-plan"], "--afml-compare needs tests that run, and *"),
        (["--afml-record=."], "--afml-record: * is a directory; name a file"),
        (["--afml-record="], "--afml-record is empty; name a file"),
        (
            ["--afml-compare=none.json"],
            "--afml-compare: *none.json cannot be read (No such file or directory); record first:*",
        ),
        (["--afml-compare=test_calls.py"], "--afml-compare: *cannot be used: it is not JSON*"),
        (["--afml-compare=newer.json"], "--afml-compare: *it has schema 99, and this version*"),
        (["--afml-compare=digests.json"], "--afml-compare: *its digests have format 0, those of*"),
        (["--afml-compare-tolerance=0.1"], "--afml-compare-tolerance does nothing without --afml*"),
        (
            ["--afml-compare=a.json", "--afml-compare-tolerance=5"],
            "--afml-compare-tolerance is 5.0; it has to be a share from 0 to 1, as 0.05",
        ),
    ],
)
def test_what_cannot_be_is_a_usage_error(pytester, run, arguments, message):
    pytester.makepyfile(test_calls=TESTS)
    plain = {"format": "afml-record", "digest_format": 1, "mode": "isolated", "exit_status": 0}
    plain |= {"versions": {}, "tests": {}, "values": {}}
    for name, changes in {
        "a": {"schema": 1},
        "newer": {"schema": 99},
        "digests": {"schema": 1, "digest_format": 0},
    }.items():
        (pytester.path / f"{name}.json").write_text(json.dumps({**plain, **changes}))
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_both_switch_isolation_on(pytester, run, store):
    pytester.makepyfile(TESTS)
    run("--afml-record=before.json").assert_outcomes(passed=4)
    assert [path for path in store.directory.rglob("*") if path.is_file()] == []


@pytest.mark.slow
def test_recording_changes_neither_hits_nor_misses(pytester, run_in_process):
    """joblib hashes pickles, which differ once an index was asked this or that."""
    pytester.makepyfile(
        frames="""
            from afml_cache import cacheable, robust_cacheable
            def total(frame):
                return float(frame.sum().sum())
            old, new = cacheable(total), robust_cacheable(total)
        """,
        test_frames="""
            import numpy as np, pandas as pd, pytest
            from frames import new, old

            INDEXES = [
                pd.date_range("2024-01-01", periods=3, tz="UTC"),
                pd.period_range("2024-01", periods=3, freq="M"),
                pd.MultiIndex.from_product([["a"], [1, 2, 3]]),
                pd.Index(["x", "y", "z"]),
                pd.RangeIndex(3),
            ]
            if pd.__version__.startswith("2."):
                del INDEXES[1]  # its pickle changes with the first look at it, whoever looks
            @pytest.mark.parametrize("index", INDEXES)
            @pytest.mark.parametrize("function", [old, new])
            def test_it(function, index):
                frame = pd.DataFrame({"a": np.arange(3.0)}, index=index)
                for _ in range(3):
                    function(frame)
                series = frame["a"]
                for _ in range(2):
                    function(series.rolling(2).mean().to_frame())
        """,
    )
    import pandas as pd

    count = 8 if pd.__version__.startswith("2.") else 10
    numbers = []
    for options in (["--afml-cache"], ["--afml-record=before.json"]):
        run_in_process(*options, "--afml-cache-json=n.json").assert_outcomes(passed=count)
        tests = recorded(pytester, "n.json")["tests"]
        numbers.append({name: (one["hits"], one["computed"]) for name, one in tests.items()})
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == count


@pytest.mark.slow
@pytest.mark.parametrize("cut", ["-k nothing", "-x", "a collection error"])
def test_a_run_that_was_cut_short_does_not_replace_a_recording(pytester, run_in_process, cut):
    pytester.makepyfile(
        test_calls="""
        from features import labels
        def test_one():
            labels(1)
        def test_two():
            labels(2)
        """
    )
    run_in_process("--afml-record=before.json").assert_outcomes(passed=2)
    whole = (pytester.path / "before.json").read_bytes()
    arguments = [] if cut == "a collection error" else cut.split()
    file = pytester.path / ("test_calls.py" if cut == "-x" else "test_broken.py")
    if cut != "-k nothing":
        file.write_text("def test_fails(): assert 0\n" if cut == "-x" else "import nothing_there\n")
    result = run_in_process("--afml-record=before.json", *arguments)
    result.stdout.fnmatch_lines(
        ["no test was run, or the run was cut short; before.json is as it was"]
    )
    assert (pytester.path / "before.json").read_bytes() == whole


@pytest.mark.slow
def test_texts_that_no_file_system_has_travel_between_workers(pytester, run_in_process):
    pytester.makepyfile(
        test_calls="""
        from afml_cache import robust_cacheable
        @robust_cacheable
        def odd(x):
            return {"\\ud800": x}
        def test_odd():
            odd("\\udc80")
        """
    )
    result = run_in_process("--afml-record=before.json", "-n", "1")
    assert result.ret == 0, result.stdout.str()


@pytest.mark.slow
def test_rates_of_runs_with_other_numbers_of_workers_are_not_judged(pytester, run_in_process):
    pytester.makepyfile(
        test_calls="""
        from features import labels
        def test_one():
            labels(1), labels(1)
        """
    )
    run_in_process("--afml-record=before.json", "-n", "2").assert_outcomes(passed=1)
    result = run_in_process("--afml-compare=before.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["hit rates are not judged: recorded in mode isolated with 2 workers*"]
    )
