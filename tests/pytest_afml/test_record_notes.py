"""A recording on the user's own cache notes which entries of joblib are whose."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = () if entry_points(group="pytest11", name="afml") else ("-p", "pytest_afml.plugin")

QUANT = """
from afml_cache import cacheable


@cacheable
def spread(legs):
    return sum(price for leg in legs for price in leg)
"""
TEST = """
import quant


def test_spread():
    leg = [1.0, 2.0]
    assert quant.spread([leg, leg]) == 6.0  # one object twice: a part of joblib's hash
"""
USE = """
from afml_cache import watch_calls
from quant import spread

calls = []
with watch_calls(calls.append):
    spread([[1.0, 2.0], [1.0, 2.0]])
print(calls[0].outcome)
"""


@pytest.mark.parametrize(("mode", "outcome"), [("shared", "adopted"), ("isolated", "computed")])
def test_by_its_note_a_result_is_adopted_whatever_joblib_makes_of_the_arguments(
    pytester: pytest.Pytester, tmp_path: Path, mode: str, outcome: str
) -> None:
    environment = {**os.environ, "AFML_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    pytester.makepyfile(quant=QUANT, test_spread=TEST)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=pytester.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    options = (f"--afml-cache-mode={mode}", "--afml-record=before.json")
    run("-m", "pytest", "-q", *PLUGIN, *options)
    quant = pytester.path / "quant.py"
    quant.write_text(quant.read_text().replace("cacheable", "robust_cacheable"))
    assert run("-c", USE) == outcome
