"""The migration guide's code blocks run unchanged, and cost nobody a result.

Each file in ``snippets`` is one block of the guide, byte for byte. It is run in a process of its
own, as a job of its own, on the cache of a user who has results in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SNIPPETS = Path(__file__).with_name("snippets")
ROOT = Path(__file__).resolve().parents[2]

#: What the user had computed before they met the guide.
HOURS = """
import sys
import pandas as pd
from afml.cache import cacheable, robust_cacheable, restore_cleared

ran = []

@cacheable
def labels(close, horizon):
    ran.append("labels")
    return close.shift(-horizon) > close

@robust_cacheable
def features(close, window):
    ran.append("features")
    return close.rolling(window).mean()

if "restore" in sys.argv:
    restored = restore_cleared()
    print(restored.entries, restored.joblib_entries, restored.conflicts)
close = pd.Series(range(5_000), dtype="float64")
for parameter in (5, 10, 20):
    labels(close, parameter)
    features(close, parameter)
print(ran)
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run Python in the user's folder; returns the finished process."""

    def run_(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **environment},
            start_new_session=True,  # a shell gives every command a job of its own
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run_


@pytest.fixture
def snippet(tmp_path: Path) -> Callable[..., str]:
    """Put a block of the guide where the guide says; returns its name there."""

    def place(name: str, folder: str = ".", before: str = "", after: str = "") -> str:
        target = tmp_path / folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_text(before + (SNIPPETS / name).read_text("utf-8") + after, "utf-8")
        return str(target.relative_to(tmp_path))

    return place


@pytest.fixture
def hours(run: Run, tmp_path: Path) -> str:
    """The user's own program, whose results are in the cache."""
    (tmp_path / "hours.py").write_text(HOURS)
    assert run("hours.py").stdout == f"{['labels', 'features'] * 3}\n"
    assert run("hours.py").stdout == "[]\n"
    return "hours.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("-m", "pytest", "tests/test_cache_migration.py", "-v"),
        ("-m", "pytest", "tests/test_cache_migration.py", "-v", "-W", "error"),
        ("tests/test_cache_migration.py",),
    ],
    ids=["as the guide says", "warnings are errors", "as a program"],
)
def test_the_test_suite_passes_and_the_users_results_come_back(command, run, snippet, hours):
    snippet("test_cache_migration.py", "tests")
    done = run(*command)
    names = re.findall(r"::(test_\w+) PASSED", done.stdout)
    assert names == [
        "test_existing_cacheable_still_works",
        "test_robust_cacheable_with_dataframes",
        "test_time_aware_cacheable",
        "test_cache_monitoring",
    ]
    assert "4 passed" in done.stdout and "warning" not in done.stdout
    told, ran = run(hours, "restore").stdout.splitlines()
    assert ran == "[]"  # not one of the user's results has to be computed again
    entries, joblib_entries, conflicts = told.split(" ", 2)
    assert (int(entries) >= 3, int(joblib_entries) >= 3, conflicts) == (True, True, "()")


def test_nothing_breaks(run, snippet, hours):
    done = run(snippet("test_backward_compatibility.py"))
    assert done.stdout == "✅ Backward compatibility verified\n" and done.stderr == ""
    assert run(hours).stdout == "[]\n"


ASK = """
from afml.cache import get_cache_summary, list_cleared
summary = get_cache_summary()
print(summary["hits"], summary["misses"], summary["entries"], summary["joblib_entries"])
print([(one.entries, one.joblib_entries) for one in list_cleared()])
"""


@pytest.mark.slow
def test_the_benchmark_computes_once_and_hits_once_with_each_decorator(run, snippet, hours):
    done = run(snippet("benchmark_migration.py"))
    assert "CACHE DECORATOR BENCHMARK" in done.stdout and done.stderr == ""
    first = re.findall(r"First call: +([0-9.]+) ms", done.stdout)
    assert len(first) == 2 and all(float(time) >= 100 for time in first)
    assert len(re.findall(r"Speedup: +[0-9]+x", done.stdout)) == 2
    now, cleared = run("-c", ASK).stdout.splitlines()
    assert now == "1 1 1 0"
    assert cleared == "[(3, 3), (0, 1)]"  # the user's, and what @cacheable stored
    assert run(hours, "restore").stdout.splitlines()[1] == "[]"


@pytest.mark.slow
def test_clear_and_rebuild_shows_a_clean_state_and_how_to_undo_it(run, snippet, hours):
    done = run(snippet("issue_4_clear_and_rebuild.py"))
    summary = eval(done.stdout)  # the guide prints it
    assert (summary["entries"], summary["joblib_entries"], summary["total_calls"]) == (0, 0, 0)
    assert summary["hit_rate"] == 0.0 and summary["functions_tracked"] == 0
    assert summary["cleared_bytes"] > 3 * 5_000 * 8
    assert "3 entries and 3 of joblib" in done.stderr
    assert "afml_cache.restore_cleared() brings it back" in done.stderr
    assert run(hours, "restore").stdout == "3 3 ()\n[]\n"


@pytest.mark.slow
def test_a_rollback_can_be_rolled_back(run, snippet, hours):
    done = run(snippet("rollback_step_3.py"))
    assert "afml_cache.restore_cleared() brings it back" in done.stderr
    assert run(hours, "restore").stdout == "3 3 ()\n[]\n"


def before_and_after(name: str, tmp_path: Path, imports: str, use: str) -> tuple[str, str]:
    """A pattern's two halves as two states of one program."""
    before, after = (SNIPPETS / name).read_text("utf-8").split("# AFTER")
    for state, code in (("before", before), ("after", "# AFTER" + after)):
        (tmp_path / state).mkdir()
        (tmp_path / state / "research.py").write_text(imports + code + use, "utf-8")
    return "before/research.py", "after/research.py"


IMPORTS = """
import pandas as pd
from afml.cache import cacheable, robust_cacheable, time_aware_cacheable

close = pd.DataFrame({"close": range(1_000)}, index=pd.date_range("2024-01-01", periods=1_000))
"""


def test_pattern_1_equal_frames_hit(run, tmp_path):
    use = """
for frame in (close, close.copy(), pd.DataFrame({"close": range(1_000)}, index=close.index.copy())):
    assert process_dataframe(frame, 5).equals(close.rolling(5).mean())
info = process_dataframe.cache_info()
print(info.computed, info.hits)
"""
    before, after = before_and_after("pattern_1_dataframes.py", tmp_path, IMPORTS, use)
    run(before, AFML_CACHE=str(tmp_path / "before" / "cache"))
    assert run(after).stdout == "1 2\n"
    assert run(after).stdout == "1 5\n"


def test_pattern_2_date_ranges_are_told_apart(run, tmp_path):
    use = """
for prices in (close[:500], close[500:], close[:500].copy()):
    assert compute_indicators(prices, 20).equals(prices.rolling(20).mean())
info = compute_indicators.cache_info()
print(info.computed, info.hits)
"""
    before, after = before_and_after("pattern_2_time_series.py", tmp_path, IMPORTS, use)
    run(before, AFML_CACHE=str(tmp_path / "before" / "cache"))
    assert run(after).stdout == "2 1\n"


def test_pattern_3_labels_are_computed_once(run, tmp_path):
    # The guide leaves the computation to the reader: both halves return a global `labels`.
    imports = IMPORTS + "labels = close['close'].diff().gt(0)\n"
    use = "\nfor _ in range(3):\n    assert triple_barrier_labels(close, [2, 1]).equals(labels)\n"
    before, after = before_and_after("pattern_3_labeling.py", tmp_path, imports, use)
    run(before, AFML_CACHE=str(tmp_path / "before" / "cache"))
    with (tmp_path / "after" / "research.py").open("a") as file:
        file.write("info = triple_barrier_labels.cache_info()\nprint(info.computed, info.hits)\n")
    assert run(after).stdout == "1 2\n"
    assert run(after).stdout == "1 5\n"


@pytest.mark.parametrize(
    "name", ["pattern_1_dataframes.py", "pattern_2_time_series.py", "pattern_3_labeling.py"]
)
def test_a_pattern_runs_as_one_block(name, run, snippet):
    run(snippet(name, before=IMPORTS))


# -- monitoring, as the guide's first two phases and its troubleshooting use it


def test_phase_1_shows_the_health_of_what_is_there_without_a_change(run, snippet, hours):
    out = run(snippet("phase_1_monitoring.py")).stdout
    assert out.startswith("Cache health: good\n")
    assert "50.0 % hit rate: 6 hits and 6 misses in 12 calls" in out
    assert run(hours).stdout == "[]\n"


def test_phase_2_lists_the_functions_by_their_calls(run, snippet, hours, tmp_path):
    after = "\nprint(df.dtypes['calls'], list(df.sort_values('calls')['calls']))\n"
    out = run(snippet("phase_2_efficiency.py", after=after)).stdout
    assert "hours.labels" in out and "hours.features" in out
    assert out.endswith("int64 [6, 6]\n")


def test_issue_3_names_the_functions_with_low_hit_rates(run, snippet, tmp_path):
    nothing = run(snippet("issue_3_performance.py"))
    assert nothing.stdout == ""
    (tmp_path / "study.py").write_text(
        "from afml.cache import cacheable\n\n@cacheable\ndef score(x):\n    return x\n\n"
        "for x in range(15):\n    score(x)\nscore(1)\n"
    )
    run("study.py")
    told = run(snippet("issue_3_performance.py")).stdout
    assert told == "Functions with low hit rates:\n  study.score: 6.2%\n"


def test_patterns_are_reported_for_an_issue(run, snippet, hours):
    told = eval(run(snippet("help_report_patterns.py")).stdout)  # the guide prints it
    assert told["miss_reasons"] == {"argument": 4, "first_call": 2}
    assert told["high_miss_rate_functions"] == []


# -- backtests, as the guide's fourth phase and its fifth pattern use them

BACKTEST = """
import os, sys
import pandas as pd
from afml.cache import cached_backtest, get_backtest_cache

data = pd.DataFrame({"close": range(1_000)}, index=pd.date_range("2024-01-01", periods=1_000))
metrics = {"sharpe": 1.5}
trades = pd.DataFrame({"price": [10.0, 11.0]})
equity = data["close"].astype(float)
param_grid = [{"window": window} for window in range(1 + int(sys.argv[1]), 1, -1)]
results = []

def run_backtest(data, params):
    return {"sharpe": float(params["window"])}
"""


def test_phase_4_wraps_an_existing_backtest(run, snippet):
    use = """
for params in param_grid * 2:
    told, deals, curve = run_my_backtest(data, params)
    assert told == metrics and deals.equals(trades) and curve.equals(equity)
info = run_my_backtest.cache_info()
print(info.computed, info.hits, get_backtest_cache().trial_count("my_strategy"))
"""
    program = snippet("phase_4_backtests.py", before=BACKTEST, after=use)
    assert run(program, "2").stdout == "2 2 2\n"
    assert run(program, "3").stdout == "3 7 3\n"


@pytest.mark.slow
def test_pattern_5_only_new_parameters_are_computed_and_a_crash_costs_the_run_in_flight(
    run, snippet
):
    use = """
from afml.cache import watch_calls
assert results == [{"sharpe": float(params["window"])} for params in param_grid]
calls = []
with watch_calls(calls.append):
    for params in param_grid:
        if params["window"] == int(os.environ.get("CRASH", -1)):
            print(sum(not call.was_served for call in calls), flush=True)
            os.kill(os.getpid(), 9)
        run_backtest(data, params)
print(sum(not call.was_served for call in calls), get_backtest_cache().trial_count())
"""
    program = snippet("pattern_5_parameter_optimization.py", before=BACKTEST, after=use)
    with pytest.raises(AssertionError):
        run(program, "5", CRASH="3")  # after three of five
    assert run(program, "5").stdout == "2 5\n"
    assert run(program, "7").stdout == "2 7\n"  # two parameters more
    assert run(program, "7").stdout == "0 7\n"
