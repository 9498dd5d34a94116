"""Runs that are recorded and compared, in a user's project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

QUANT = """
import numpy as np
import pandas as pd
from afml.cache import cacheable

def prices():
    days = pd.date_range("2024-01-01", periods=40, freq="B")
    return pd.Series(100.0 + np.sin(np.arange(40.0)), index=days, name="close")

@cacheable
def volatility(close, span=10):
    return close.pct_change().ewm(span=span).std()

@cacheable
def labels(start, end):
    close = prices().loc[start:end]
    return np.sign(close.diff().fillna(0.0)).astype("int8")
"""

TESTS = """
import pytest
import quant

@pytest.mark.parametrize("span", [5, 10])
def test_volatility(span):
    first = quant.volatility(quant.prices(), span)
    first.iloc[:] = 0.0
    assert quant.volatility(quant.prices(), span).sum() > 0

def test_labels():
    assert set(quant.labels("2024-01-02", "2024-01-31")) <= {-1, 0, 1}
"""


@pytest.fixture(autouse=True)
def project(pytester, monkeypatch):
    (pytester.path / "quant.py").write_text(QUANT)
    (pytester.path / "pyproject.toml").touch()
    pytester.makepyfile(test_quant=TESTS)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


def record(pytester, name="before.json"):
    return json.loads((pytester.path / name).read_text())


def edit(pytester, old, new):
    file = pytester.path / "quant.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def migrate(pytester):
    done = subprocess.run(
        [sys.executable, "-m", "codemods.cli", "apply", "--yes", "--no-pin"],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = (pytester.path / "quant.py").read_text()
    assert "@robust_cacheable" in text and "@time_aware_cacheable" in text


def test_a_recording_has_each_test_and_function(pytester, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=3)
    found = record(pytester)
    assert (found["format"], found["version"]) == ("afml-cache recording", 1)
    seen = found["tests"]["test_quant.py::test_volatility[5]"]["functions"]["quant.volatility"]
    assert (seen["hits"], seen["computed"], seen["reasons"]) == (1, 1, {"first_call": 1})
    assert seen["hit_seconds"] > 0 and seen["computed_seconds"] > 0
    ((digest, times),) = seen["results"].items()
    assert times == 2, "what the test does to a result is none of the result's"
    assert found["values"][digest]["type"] == "pandas.Series"
    assert found["made_with"]["pandas"]


def test_a_migration_changes_nothing(pytester, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=3)
    migrate(pytester)
    result = run_in_process("--afml-compare=before.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["*= afml comparison =*", "3 tests compared with before.json", "*quant.labels*", "nothing*"]
    )


def test_a_migration_that_changes_a_dtype_fails_and_says_where(pytester, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=3)
    migrate(pytester)
    edit(pytester, '"int8"', '"int64"')
    result = run_in_process("--afml-compare=before.json")
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "CHANGED: quant.labels: 1 result differs in test_quant.py::test_labels",
            "    the values of the result: dtype was int8, is int64",
            "ERROR: --afml-compare: results of quant.labels changed",
        ]
    )
    without = run_in_process("--afml-compare=before.json", "-p", "no:terminal")
    assert without.ret == pytest.ExitCode.TESTS_FAILED
    without.stderr.fnmatch_lines(["ERROR: --afml-compare: results of quant.labels changed"])


def test_a_decorator_that_was_lost_fails(pytester, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=3)
    edit(pytester, "@cacheable\ndef labels", "def labels")
    result = run_in_process("--afml-compare=before.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["CHANGED: quant.labels: 1 call before, and no cached call now; is its decorator gone?"]
    )


def test_a_hit_rate_that_fell_fails_unless_it_may(pytester, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=3)
    edit(pytester, "np.arange(40.0)", "np.arange(40.0) + 1e-13 * len(next_call)")
    edit(pytester, "def prices():", "next_call = []\ndef prices():\n    next_call.append(1)")
    result = run_in_process("--afml-compare=before.json", "--deselect=test_quant.py::test_labels")
    result.stdout.fnmatch_lines(["CHANGED: quant.volatility: hit rate 50 % before, 0 % now"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_selection_is_compared_with_its_part_of_the_recording(pytester, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=3)
    result = run_in_process("--afml-compare=before.json", "-k", "labels")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 test compared with before.json; 2 of it did not run"])


def test_to_compare_no_test_at_all_fails(pytester, run_in_process):
    run_in_process("--afml-record=before.json", "-k", "labels")
    result = run_in_process("--afml-compare=before.json", "-k", "volatility")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: --afml-compare: no test of before.json was run*"])


def test_a_red_run_is_recorded_and_a_test_whose_worker_died_is_unfinished(pytester, run_in_process):
    pytester.makepyfile(
        test_more="""
        import os, quant
        def test_dies():
            quant.labels("2024-01-02", "2024-01-31")
            os._exit(1)
        def test_fails():
            quant.labels("2024-01-02", "2024-01-31")
            assert 0
        """
    )
    result = run_in_process("--afml-record=before.json", "-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    outcomes = {name: test["outcome"] for name, test in record(pytester)["tests"].items()}
    assert outcomes.pop("test_more.py::test_dies") == "unfinished"
    assert outcomes.pop("test_more.py::test_fails") == "failed"
    assert set(outcomes.values()) == {"passed"} and len(outcomes) == 3


def test_workers_record_what_one_process_does(pytester, run_in_process):
    run_in_process("--afml-record=one.json").assert_outcomes(passed=3)
    run_in_process("--afml-record=two.json", "-n", "2").assert_outcomes(passed=3)
    one, two = record(pytester, "one.json"), record(pytester, "two.json")
    for found in (one, two):
        for test in found["tests"].values():
            for seen in test["functions"].values():
                seen["hit_seconds"] = seen["computed_seconds"] = 0.0
    assert one == two


def test_the_last_run_of_a_test_counts(pytester, run_in_process):
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile(
        test_quant="""
        import quant
        tries = []
        def test_labels():
            tries.append(quant.labels("2024-01-02", "2024-01-31"))
            assert len(tries) == 2
        """
    )
    run_in_process("--afml-record=before.json", "--reruns=2")
    (test,) = record(pytester)["tests"].values()
    assert test["outcome"] == "passed" and test["functions"]["quant.labels"]["computed"] == 1


def test_results_without_a_digest_and_exceptions_are_recorded(pytester, run_in_process):
    pytester.makepyfile(
        test_quant="""
        import pytest
        from afml_cache import robust_cacheable
        @robust_cacheable
        def odd(x):
            if x:
                raise KeyError(x)
            return object()
        def test_odd():
            odd(0)
            with pytest.raises(KeyError):
                odd(1)
        """
    )
    run_in_process("--afml-record=before.json", "-W", "ignore").assert_outcomes(passed=1)
    ((seen,),) = (test["functions"].values() for test in record(pytester)["tests"].values())
    assert sorted(seen["results"]) == [
        "no digest: object (UnkeyableArgumentError)",
        "raised: builtins.KeyError",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--afml-compare=none.json"], "*--afml-compare: *none.json cannot be read*"),
        (["--afml-compare=quant.py"], "*quant.py is no recording: it is not JSON*"),
        (["--afml-record=x.json", "--afml-compare=x.json"], "*name the same file; record to*"),
        (["--afml-compare-tolerance=0.1"], "*does nothing without --afml-compare; add it"),
    ],
)
def test_what_cannot_be_is_a_usage_error(pytester, run_in_process, arguments, message):
    result = run_in_process(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_only_collecting_writes_nothing(pytester, run_in_process):
    assert run_in_process("--afml-record=before.json", "--collect-only").ret == 0
    assert not (pytester.path / "before.json").exists()


def test_the_behaviour_is_the_same_in_every_way_of_running(pytester, run_each_way):
    assert run_each_way("--afml-record=before.json").ret == 0
    result = run_each_way("--afml-compare=before.json", "--afml-record=after.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["3 tests recorded in *after.json", "3 tests compared with *"])
