"""Gates in small user projects, run by a pytest inside of pytest."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

pytest.importorskip("pytest_benchmark")

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = () if entry_points(group="pytest11", name="afml") else ("-p", "pytest_afml.plugin")

LIMITS = """
[tool.afml.gates]
pause-seconds = 0.0
max-pairs = 60
labels = 1.05
strict = { limit = 1.0, on-unsure = "fail" }
"""

#: Work that takes as long as it is told, in a loop: no clock decides.
WORK = """
import pytest

def work(turns, result=1):
    def arm():
        total = 0
        for number in range(turns):
            total += number * number
        return result
    return arm
"""

FASTER = """
def test_labels(afml_gate):
    afml_gate('labels', candidate=work(500), baseline=work(1500))
"""
SLOWER = """
def test_labels(afml_gate):
    afml_gate('labels', candidate=work(1500), baseline=work(500))
"""

#: Nobody can tell: half of the pairs lie far above the limit, half far below.
UNSURE = """
import itertools

def test_labels(afml_gate):
    turns = itertools.count()

    def wavers():
        return work(4000 if next(turns) // 2 % 2 else 250)()

    afml_gate({name!r}, candidate=wavers, baseline=work(1000))
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project with limits; the inner runs are no workers, whatever the outer one is."""
    for variable in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (pytester.path / "pyproject.toml").write_text(LIMITS)


@pytest.fixture
def run_gates(pytester: pytest.Pytester) -> Run:
    """Run a module of tests; in a new process where something is done to the interpreter."""

    def run(tests: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_speed=WORK + tests)
        if {"-W", "-p"} & set(arguments):
            return pytester.runpytest_subprocess(*PLUGIN, *arguments)
        return pytester.runpytest_inprocess(*PLUGIN, *arguments)

    return run


def verdicts(pytester: pytest.Pytester, name: str = "gates.json") -> list[dict[str, Any]]:
    written = json.loads((pytester.path / name).read_text())
    assert written["schema"] == 1
    gates: list[dict[str, Any]] = written["gates"]
    return gates


def test_a_faster_candidate_passes_and_the_table_says_by_how_much(run_gates: Run) -> None:
    result = run_gates(FASTER)
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines(
        [
            r"=+ benchmark gates =+",
            r"gate    ratio  interval        limit  pairs  verdict",
            r"labels  0\.\d{3}  0\.\d{3} to 0\.\d{3}  1\.050     \d\d  PASS",
        ],
        consecutive=True,
    )


def test_a_slower_candidate_fails_its_test_at_the_line_of_the_call(run_gates: Run) -> None:
    result = run_gates(SLOWER, "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.re_match_lines(
        [
            r">   +afml_gate\('labels', candidate=work\(1500\), baseline=work\(500\)\)",
            r"E   +Failed: gate 'labels' FAILED: the candidate takes [234]\.\d+ x the baseline's "
            r"time \(\d\.\d+ to \d\.\d+\), the limit is 1\.050",
            r"E +candidate .* us, baseline .* us a call; \d\d pairs, in two blocks .* and .*; "
            r"fastest calls .*",
            r"test_speed.py:\d+: Failed",
            r"labels .* FAIL",
        ]
    )
    assert "gate.py" not in result.stdout.str()
    suite = ElementTree.parse("junit.xml").getroot()[0]
    assert suite.attrib["failures"] == "1"


def test_an_unsure_gate_warns(run_gates: Run, pytester: pytest.Pytester) -> None:
    result = run_gates(UNSURE.format(name="labels"), "--afml-gates-json=gates.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*test_speed.py:*GateWarning: gate 'labels' is UNSURE, the interval contains*",
            "labels * UNSURE",
            "UNSURE labels: the interval contains the limit",
        ]
    )
    (found,) = verdicts(pytester)
    assert (found["verdict"], found["pairs"]) == ("unsure", 60)


def test_an_unsure_gate_fails_where_that_is_configured(run_gates: Run) -> None:
    result = run_gates(UNSURE.format(name="strict"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*gate 'strict' is UNSURE*", "E*raise max-pairs*"])


def test_different_results_fail_before_anything_is_measured(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    result = run_gates(
        """
def test_labels(afml_gate):
    ran = []
    candidate = lambda: ran.append(1) or [1, 2]
    try:
        afml_gate('labels', candidate=candidate, baseline=work(10, [1, 3]))
    finally:
        assert len(ran) == 1
""",
        "--afml-gates-json=gates.json",
        "--benchmark-json=benchmark.json",
        "-W",
        "error",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*gate 'labels' compares nothing: the result[[]1] is 2 of the candidate, 3 of the b*",
            "E*same=...*",
            "ERROR labels: the arms' results differ",
        ]
    )
    assert verdicts(pytester)[0]["verdict"] == "error"
    assert json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"] == []


def test_results_that_come_to_differ_while_measuring_fail(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    result = run_gates(
        """
def test_labels(afml_gate):
    results = iter([0])
    candidate = lambda: work(500, next(results, 999))()
    afml_gate('labels', candidate=candidate, baseline=work(1500, 0))
""",
        "--afml-gates-json=gates.json",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*gate 'labels' compares nothing: after * pairs, the result is 999 of the candidate, 0 *"]
    )
    (found,) = verdicts(pytester)
    assert (found["verdict"], found["reason"]) == ("error", "the arms' results differ")


@pytest.mark.parametrize(
    ("same", "words"),
    [
        ("lambda ours, theirs: None", "<lambda> returned None; it has to return True or False"),
        ("lambda ours, theirs: [ours]", "<lambda> returned [[]1]; it has to return True or False"),
        ("'close'", "same is 'close', and has to be a function of two results*"),
    ],
)
def test_a_comparison_that_does_not_say_yes_or_no_is_told_so(
    run_gates: Run, same: str, words: str
) -> None:
    result = run_gates(FASTER.replace("1500)", f"1500), same={same}"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*Failed: gate 'labels' compares nothing: *{words}*"])


def test_a_comparison_may_say_yes_as_numpy_does(run_gates: Run) -> None:
    same = "lambda ours, theirs: __import__('numpy').bool_(True)"
    run_gates(FASTER.replace("1500)", f"1500), same={same}")).assert_outcomes(passed=1)


@pytest.mark.parametrize("arm", ["candidate", "baseline"])
def test_an_arm_that_is_no_function_is_told_so(
    run_gates: Run, pytester: pytest.Pytester, arm: str
) -> None:
    result = run_gates(
        f"def test_labels(afml_gate):\n"
        f"    afml_gate('labels', **{{'candidate': work(1), 'baseline': work(2), {arm!r}: [1]}})\n",
        "--afml-gates-json=gates.json",
        "-W",
        "error",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"E*gate 'labels' compares nothing: {arm} is [[]1], and has to be a function without arg*"]
    )
    assert verdicts(pytester)[0]["verdict"] == "error"


def test_a_comparison_of_ones_own_decides_what_is_the_same(run_gates: Run) -> None:
    result = run_gates(
        """
def close(ours, theirs):
    return abs(ours - theirs) < 0.01

@pytest.mark.parametrize("result", [1.001, 2.0])
def test_labels(afml_gate, result):
    afml_gate('labels', candidate=work(500, result), baseline=work(1500, 1.0), same=close)
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E*close does not find the two results the same*"])


def test_frames_are_compared_as_frames(run_gates: Run) -> None:
    result = run_gates(
        """
import pandas as pd

@pytest.mark.parametrize("last", [2.0, float("nan")])
def test_labels(afml_gate, last):
    ours, theirs = pd.DataFrame({"a": [1.0, last]}), pd.DataFrame({"a": [1.0, float("nan")]})
    afml_gate('labels', candidate=work(500, ours), baseline=work(1500, theirs))
"""
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["E*1 of 2 values of the result[[]'a'] differ, the first at [[]1]: 2.0 of the cand*"]
    )


def test_an_exception_of_an_arm_is_the_tests(run_gates: Run, pytester: pytest.Pytester) -> None:
    result = run_gates(
        """
def test_labels(afml_gate):
    turns = iter(range(30))
    afml_gate('labels', candidate=lambda: next(turns) * 0, baseline=lambda: 0)
""",
        "--afml-gates-json=gates.json",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*StopIteration", "ERROR labels: an arm raised"])
    assert verdicts(pytester)[0]["verdict"] == "error"


def test_the_verdict_is_handed_to_the_test(run_gates: Run) -> None:
    run_gates(
        """
from pytest_afml import AfmlGate
from pytest_afml.gates import Decision, Verdict

def test_labels(afml_gate: AfmlGate):
    assert isinstance(afml_gate, AfmlGate)
    verdict = afml_gate('labels', candidate=work(500), baseline=work(1500))
    assert isinstance(verdict, Verdict)
    assert verdict.decision is Decision.PASS
    assert verdict.low <= verdict.ratio <= verdict.high < verdict.limit == 1.05
"""
    ).assert_outcomes(passed=1)


def test_the_json_file_has_every_gate_also_of_a_red_run(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    run_gates(FASTER + SLOWER.replace("test_labels", "test_slow"), "--afml-gates-json=out/g.json")
    faster, slower = verdicts(pytester, "out/g.json")
    assert faster["test"] == "test_speed.py::test_labels"
    assert (faster["gate"], faster["verdict"], slower["verdict"]) == ("labels", "pass", "fail")
    assert faster["low"] <= faster["ratio"] <= faster["high"] < 1.05 < slower["low"]
    assert len(faster["blocks"]) == 2
    assert faster["limit"] == 1.05
    assert faster["candidate"] < faster["baseline"]
    assert [path.name for path in (pytester.path / "out").iterdir()] == ["g.json"]


def test_the_json_of_pytest_benchmark_carries_the_verdicts_and_the_times_of_a_call(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    run_gates(
        "def test_labels(afml_gate):\n"
        "    afml_gate('labels', candidate=work(10), baseline=work(100))\n"
        + SLOWER.replace("test_labels", "test_slow"),
        "--benchmark-json=benchmark.json",
    )
    faster, slower = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert faster["extra_info"]["afml_gate"]["verdict"] == "pass"
    assert slower["extra_info"]["afml_gate"]["verdict"] == "fail"
    assert faster["stats"]["rounds"] == faster["extra_info"]["afml_gate"]["pairs"]
    assert faster["stats"]["iterations"] == faster["extra_info"]["afml_gate"]["loops"][0] > 1
    # What pytest-benchmark has timed itself agrees with what the gate has.
    assert faster["stats"]["median"] == pytest.approx(
        faster["extra_info"]["afml_gate"]["candidate"], rel=0.5
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-n", "1"], "pytest-xdist runs other tests beside this one; run the gates without -n"),
        (["--benchmark-disable"], "benchmarks are disabled; leave out --benchmark-disable"),
        (["-p", "no:benchmark"], "pytest-benchmark is not there; install it, or leave out -p no:*"),
        (["-p", "traced"], "coverage traces every line; run the gates without it"),
        (
            ["-p", "debugged"],
            "a debugger, tracer or profiler is attached (bdb.Bdb.trace_dispatch); *",
        ),
        (
            ["-p", "profiled"],
            "a debugger, tracer or profiler is attached (*); run the gates without",
        ),
    ],
    ids=["xdist", "disabled", "no benchmark", "coverage", "debugger", "profiler"],
)
def test_where_nothing_can_be_measured_a_gate_is_skipped_with_the_reason_or_fails_if_required(
    run_gates: Run, pytester: pytest.Pytester, arguments: list[str], reason: str
) -> None:
    start = "import sys\n{0}\ndef pytest_runtest_setup(item):\n    sys.{1}\n"
    pytester.makepyfile(
        # What coverage's own tracer looks like to a program.
        traced=start.format(
            "def tracer(*_): return None\ntracer.__module__ = 'coverage.pytracer'",
            "settrace(tracer)",
        ),
        debugged=start.format(
            "import bdb\nown = bdb.Bdb()\nown.reset()",
            "settrace(own.trace_dispatch)",
        ),
        profiled=start.format("import cProfile", "setprofile(lambda *_: None)"),
    )
    arguments = [*arguments, "-rs", "--afml-gates-json=gates.json", "-W", "error"]
    result = run_gates(FASTER, *arguments)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines_random(
        [f"SKIPPED *no gate can measure here: {reason}*", f"SKIPPED test_speed.py::*: {reason}*"]
    )
    (found,) = verdicts(pytester)
    assert (found["verdict"], found["gate"]) == ("skipped", None)

    result = run_gates(FASTER, *arguments, "--afml-gates=require")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E*no gate can measure here: {reason}*"])
    (found,) = verdicts(pytester)
    assert (found["verdict"], found["gate"]) == ("error", "labels")


def test_skipped_benchmarks_fail_if_gates_are_required(run_gates: Run) -> None:
    run_gates(FASTER, "--benchmark-skip").assert_outcomes(skipped=1)
    result = run_gates(FASTER, "--benchmark-skip", "--afml-gates=require")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*benchmarks are skipped; leave out --benchmark-skip*"])


def test_benchmark_only_runs_the_gates(run_gates: Run) -> None:
    result = run_gates(FASTER + "def test_other():\n    pass\n", "--benchmark-only")
    result.assert_outcomes(passed=1, skipped=1)


def test_a_test_that_never_calls_its_gate_fails_and_is_told_of(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    result = run_gates(
        "def test_labels(afml_gate):\n    pass\n"
        "def test_early(afml_gate):\n    assert False\n"
        "def test_skipped(afml_gate):\n    pytest.skip('not today')\n"
        "@pytest.fixture\ndef broken(afml_gate):\n    assert False\n"
        "def test_broken(broken):\n    pass\n",
        "--afml-gates-json=gates.json",
    )
    result.assert_outcomes(failed=2, skipped=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*the test asks for afml_gate and never calls it*",
            "ERROR test_speed.py::test_labels: afml_gate was not called",
        ]
    )
    assert [(gate["test"][15:], gate["verdict"]) for gate in verdicts(pytester)] == [
        ("test_labels", "error"),
        ("test_early", "error"),
        ("test_skipped", "skipped"),
        ("test_broken", "error"),
    ]


def test_a_test_with_a_benchmark_of_its_own_is_told_so(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    result = run_gates(
        FASTER.replace("afml_gate)", "benchmark, afml_gate)") + "    benchmark(work(1))\n"
        "@pytest.fixture\ndef timed(benchmark):\n    benchmark(work(1))\n"
        + FASTER.replace("labels(afml_gate)", "other(timed, afml_gate)"),
        "--afml-gates-json=gates.json",
    )
    result.assert_outcomes(errors=1, failed=1)
    words = "*afml_gate has pytest-benchmark measure the candidate, so its test cannot use benchma*"
    result.stdout.fnmatch_lines([words, words])
    result.stdout.no_fnmatch_line("*FixtureAlreadyUsed*")
    assert [gate["verdict"] for gate in verdicts(pytester)] == ["error", "error"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("candidate=work(1500), baseline=work(500)", "gate 'labels' FAILED: the candidate takes*"),
        ("candidate=work(1, 2), baseline=work(1, 3)", "gate 'labels' compares nothing: the res*"),
        (
            "candidate=lambda: 1 / 0, baseline=work(1)",
            "gate 'labels' has no verdict, and the test goes on: an arm raised",
        ),
    ],
)
@pytest.mark.parametrize("then", ["pass", "pytest.skip('not today')"])
def test_a_test_that_catches_what_its_gate_raises_fails_all_the_same(
    run_gates: Run, pytester: pytest.Pytester, call: str, words: str, then: str
) -> None:
    result = run_gates(
        f"""
def test_labels(afml_gate):
    try:
        afml_gate('labels', {call})
    except BaseException:
        pass
    {then}
""",
        "--afml-gates-json=gates.json",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{words}"])
    (found,) = verdicts(pytester)
    assert (found["verdict"] in ("fail", "error"), found["test_outcome"]) == (True, "failed")


@pytest.mark.parametrize(
    ("rest", "outcome"),
    [
        ("pass", "passed"),
        ("assert False", "failed"),
        ("pytest.skip('not today')", "skipped"),
        ("pytest.xfail('known')", "xfailed"),
        ("request.addfinalizer(lambda: 1 / 0)", "failed"),
    ],
)
def test_the_json_file_has_what_became_of_the_test_after_its_gate(
    run_gates: Run, pytester: pytest.Pytester, rest: str, outcome: str
) -> None:
    run_gates(
        FASTER.replace("afml_gate)", "afml_gate, request)") + f"    {rest}\n",
        "--afml-gates-json=gates.json",
    )
    (found,) = verdicts(pytester)
    assert (found["verdict"], found["test_outcome"]) == ("pass", outcome)


def test_a_test_has_one_gate(run_gates: Run) -> None:
    result = run_gates(FASTER + FASTER.splitlines()[2])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*afml_gate was called a second time; a test has one gate*"])


def test_a_gate_without_a_limit_fails_and_says_what_to_add(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    result = run_gates(FASTER.replace("'labels'", "'fit'"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*gate 'fit' has no limit; add one under [[]tool.afml.gates]*"])
    (pytester.path / "pyproject.toml").write_text("[tool.afml.gates]\nlabels = 'fast'\n")
    result = run_gates(FASTER)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E*labels under [[]tool.afml.gates] in *pyproject.toml is 'fast'*"]
    )


def test_the_ini_file_has_twins_of_the_options(run_gates: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nafml_gates = require\nafml_gates_json = gates.json\n")
    run_gates(FASTER, "--benchmark-disable").assert_outcomes(failed=1)
    assert verdicts(pytester)[0]["verdict"] == "error"
    run_gates(FASTER, "--benchmark-disable", "--afml-gates=auto").assert_outcomes(skipped=1)
    pytester.makeini("[pytest]\nafml_gates = always\n")
    result = run_gates(FASTER)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*afml_gates is 'always'; it can be one of auto, require"])


def test_a_wrong_choice_is_a_usage_error(run_gates: Run) -> None:
    assert run_gates(FASTER, "--afml-gates=always").ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    "arguments",
    [["-W", "error"], ["-p", "no:terminal"], ["-p", "no:cacheprovider"], ["--afml-cache"]],
    ids=str,
)
def test_gates_work_in_every_kind_of_run(
    run_gates: Run, pytester: pytest.Pytester, arguments: list[str]
) -> None:
    slow = SLOWER.replace("test_labels", "test_slow")
    result = run_gates(FASTER + slow, "--afml-gates-json=gates.json", *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [found["verdict"] for found in verdicts(pytester)] == ["pass", "fail"]


def test_a_run_without_gates_has_no_section_and_an_empty_file(
    run_gates: Run, pytester: pytest.Pytester
) -> None:
    result = run_gates("def test_other():\n    pass\n", "--afml-gates-json=gates.json")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*benchmark gates*")
    assert verdicts(pytester) == []


NO_GATE = "*ERROR: no test of this run had a gate, and --afml-gates=require asks for some*"


@pytest.mark.parametrize(
    "arguments", [[], ["-k", "nothing"], ["-n", "1"], ["-p", "no:terminal"]], ids=str
)
def test_a_run_that_requires_gates_and_has_none_fails(run_gates: Run, arguments: list[str]) -> None:
    tests = "def test_other():\n    pass\n"
    result = run_gates(tests, "--afml-gates=require", *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    shown = result.stderr if "-p" in arguments else result.stdout
    shown.fnmatch_lines([NO_GATE])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--collect-only", "--afml-gates=require"],
        ["--fixtures", "--afml-gates=require"],
        ["-o", "afml_gates=require"],  # of the whole project: most of its runs have no gates
    ],
    ids=str,
)
def test_what_requires_no_gate_to_be_there_stays_green(
    run_gates: Run, arguments: list[str]
) -> None:
    result = run_gates("def test_other():\n    pass\n", *arguments)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line(NO_GATE)


def test_a_red_run_without_gates_is_not_said_to_lack_them_too(run_gates: Run) -> None:
    result = run_gates("def test_other():\n    assert False\n", "--afml-gates=require")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.no_fnmatch_line(NO_GATE)


def test_limits_that_no_test_used_are_named_where_gates_are_required(run_gates: Run) -> None:
    note = "limits that no test of this run used: strict (is its test renamed, deleted, or n*"
    run_gates(FASTER).stdout.no_fnmatch_line(note)
    result = run_gates(FASTER, "--afml-gates=require")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([note])
    other = FASTER.replace("labels", "strict")
    result = run_gates(FASTER + other, "--afml-gates=require")
    result.stdout.no_fnmatch_line("*limits that no test*")
    result = run_gates(FASTER + other, "--afml-gates=require", "-k", "labels")
    result.stdout.no_fnmatch_line("*limits that no test*")
    result = run_gates("def test_a():\n    assert 0\n" + FASTER, "--afml-gates=require", "-x")
    result.stdout.no_fnmatch_line("*limits that no test*")


def test_gates_of_one_name_are_told_apart(run_gates: Run) -> None:
    result = run_gates(
        "@pytest.mark.parametrize('name', ['AAPL', 'MSFT'])"
        + FASTER.replace("gate)", "gate, name)")
    )
    result.stdout.re_match_lines([r"labels, AAPL +\d.* PASS", r"labels, MSFT +\d.* PASS"])


def test_a_gate_may_be_asked_for_while_the_test_runs(run_gates: Run) -> None:
    late = FASTER.replace("afml_gate)", "request)").replace(
        "    afml_gate(", "    request.getfixturevalue('afml_gate')("
    )
    run_gates(late, "-W", "error").assert_outcomes(passed=1)


def test_unsure_gates_can_be_errors_by_pytests_own_means(run_gates: Run) -> None:
    result = run_gates(UNSURE.format(name="labels"), "-W", "error::pytest_afml.GateWarning")
    result.assert_outcomes(failed=1)


def test_collecting_writes_no_file(run_gates: Run, pytester: pytest.Pytester) -> None:
    run_gates(FASTER, "--collect-only", "--afml-gates-json=gates.json")
    assert not (pytester.path / "gates.json").exists()


def test_the_fixture_describes_itself(run_gates: Run) -> None:
    result = run_gates("", "--fixtures")
    result.stdout.fnmatch_lines(["afml_gate -- *", "*Fail the test if a candidate is slower*"])
