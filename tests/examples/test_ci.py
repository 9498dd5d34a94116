"""The CI files of ``examples/ci``: their commands run, in a project, as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")
pytest.importorskip("pytest_benchmark")

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "examples" / "ci"
FILES = ("github.yml", "gitlab-ci.yml")

#: What a line of a script begins with, other than a command.
SHELL = ("rate=", "if ", "fi", "#")

PROJECT = {
    "pyproject.toml": (
        '[tool.pytest.ini_options]\npythonpath = ["src"]\n\n[tool.afml.gates]\nfaster = 1.05\n'
    ),
    "src/features.py": """
from afml_cache import robust_cacheable

@robust_cacheable
def labels(prices, horizon=5):
    return [price * horizon for price in prices]
""",
    "tests/test_features.py": """
from features import labels

def test_labels():
    assert labels([1.0, 2.0]) == [5.0, 10.0]
""",
    "benchmarks/test_speed.py": """
def test_speed(afml_gate):
    afml_gate("faster", candidate=lambda: sum(range(10)), baseline=lambda: sum(range(1000)) and 45)
""",
}


def scripts(file: str) -> dict[str, list[str]]:
    """What the jobs of a file run, the installation left out."""
    found = yaml.safe_load((CI / file).read_text(encoding="utf-8"))
    if file == "github.yml":
        jobs = found["jobs"].items()
        return {
            name: [s["run"] for s in job["steps"] if "run" in s and s["name"] != "Install"]
            for name, job in jobs
        }
    return {name: job["script"] for name, job in found.items() if "script" in dict(job)} if (
        all(isinstance(job, dict) for name, job in found.items() if name != "stages")
    ) else {}
