"""A small project is recorded, migrated by the real codemod, and compared: what has changed?"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

PROJECT = {
    "quant/__init__.py": "",
    "quant/prices.py": """
import numpy as np
import pandas as pd


def closes(days=60):
    index = pd.date_range("2024-01-01", periods=days, tz="UTC", freq="D", name="time")
    steps = np.sin(np.arange(days) * 0.7) * 0.01
    return pd.Series(100.0 * np.exp(np.cumsum(steps)), index=index, name="close")
""",
    "quant/features.py": """
import numpy as np
import pandas as pd

from afml_cache import cacheable


def log_returns(close):
    return np.log(close).diff().dropna()


@cacheable
def volatility(close: pd.Series, span: int = 10) -> pd.Series:
    return log_returns(close).ewm(span=span).std().dropna()


@cacheable
def features(close: pd.Series, spans=(5, 10)) -> pd.DataFrame:
    columns = {f"vol_{span}": volatility(close, span) for span in spans}
    return pd.DataFrame(columns).dropna()


@cacheable(ignore=["verbose"])
def labels(close: pd.Series, start: str, end: str, verbose: bool = False) -> pd.Series:
    return np.sign(log_returns(close.loc[start:end])).astype("int8").rename("label")


@cacheable
def hit_ratio(number, total):
    if not total:
        raise ZeroDivisionError("no trades")
    return number / total
""",
    "test_quant.py": """
import pandas as pd
import pytest

from quant.features import features, hit_ratio, labels, volatility
from quant.prices import closes


@pytest.fixture(scope="module")
def close():
    return closes()


def test_volatility(close):
    for _ in range(2):
        assert (volatility(close, span=5) > 0).all()


def test_features(close):
    made = features(close)
    assert list(made) == ["vol_5", "vol_10"]
    assert features(closes()).equals(made)


def test_labels(close):
    made = labels(close, "2024-01-10", "2024-02-10")
    assert labels(close, "2024-01-10", "2024-02-10", verbose=True).equals(made)
    assert set(made) <= {-1, 0, 1}


def test_hit_ratio():
    for number in (3, 1, 2, 3):
        assert hit_ratio(number, 4) == number / 4
    with pytest.raises(ZeroDivisionError):
        hit_ratio(1, 0)
""",
}


@pytest.fixture
def project(pytester):
    for name, text in PROJECT.items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip("\n"))
    return pytester.path


@pytest.fixture
def migrate(project):
    """Run the real command on the project."""

    def apply():
        done = subprocess.run(
            [sys.executable, "-m", "codemods.cli", "apply", str(project / "quant")],
            cwd=project,
            env={**os.environ, "COLUMNS": "80"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Migrated 4 functions in 1 file." in done.stdout
        return (project / "quant" / "features.py").read_text()

    return apply


def test_a_migration_that_changes_nothing_is_exit_0(project, migrate, run_in_process):
    run_in_process("--afml-record=before.json").assert_outcomes(passed=4)
    migrated = migrate()
    assert "@cacheable" not in migrated
    assert "@robust_cacheable" in migrated
    assert "@time_aware_cacheable" in migrated
    result = run_in_process("--afml-compare=before.json", "-n", "2")
    assert result.ret == 0, result.stdout.str()
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "with before.json: 4 tests, 4 functions, 9 different results compared",
            "quant.features.features * same",
            "quant.features.hit_ratio * 5 * 20 % * same",
            "quant.features.labels * same",
            "quant.features.volatility * 6 -> 4 * same",
        ]
    )


WRONG = {
    "a dtype": (
        '.astype("int8").rename("label")',
        '.astype("int16").rename("label")',
        "test_quant.py::test_labels",
        "quant.features.labels(",
        "dtype was int8, is int16",
    ),
    "a value": (
        "ewm(span=span).std()",
        "ewm(span=span + 1).std()",
        "test_quant.py::test_volatility",
        "quant.features.volatility(",
        "values differ",
    ),
    "a name": (
        '.rename("label")',
        '.rename("labels")',
        "test_quant.py::test_labels",
        "quant.features.labels(",
        "the result: name was label, is labels",
    ),
    "the exception": (
        'ZeroDivisionError("no trades")',
        'ValueError("no trades")',
        "test_quant.py::test_hit_ratio",
        "quant.features.hit_ratio(number=1, total=0): gave ZeroDivisionError, gives ValueError",
        "",
    ),
}


@pytest.mark.parametrize("planted", WRONG)
def test_a_migration_that_changes_a_result_is_exit_1_and_named(
    project, migrate, run_in_process, planted
):
    old, new, test, function, what = WRONG[planted]
    run_in_process("--afml-record=before.json").assert_outcomes(passed=4)
    migrated = migrate()
    assert old in migrated
    (project / "quant" / "features.py").write_text(migrated.replace(old, new))
    result = run_in_process("--afml-compare=before.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    account = result.stdout.str().partition("afml compare")[2]
    flat = " ".join(account.split())
    assert test in flat
    assert function in flat
    assert what in flat
    assert "ERROR: since before.json, " in flat
    name = function.partition("(")[0]
    (row,) = [row for row in account.splitlines() if row.startswith(f"{name}  ")]
    assert row.endswith("CHANGED")
    if planted != "the exception":
        result.assert_outcomes(passed=4)  # no test of the project's own has noticed


def test_a_function_that_lost_its_decorator_fails_the_run(project, migrate, run_in_process):
    run_in_process("--afml-record=before.json")
    migrated = migrate()
    lost = migrated.replace("@robust_cacheable\ndef hit_ratio", "def hit_ratio")
    assert lost != migrated
    (project / "quant" / "features.py").write_text(lost)
    result = run_in_process("--afml-compare=before.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "quant.features.hit_ratio * 5 -> 0 * gone",
            "ERROR: since before.json, quant.features.hit_ratio is not called any more: *",
        ]
    )
