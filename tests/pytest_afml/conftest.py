"""Small user projects, run by a pytest inside of pytest, in several ways."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import afml_cache
import pytest_afml

# A pytest inside of pytest forgets what it has imported: half of a package would be there twice.
for _package in (afml_cache, pytest_afml):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        importlib.import_module(_module.name)

ROOT = Path(__file__).resolve().parents[2]

#: How the inner pytest finds the plugin; where it is installed it is there by itself.
#: Hypothesis imports LibCST at the end of every run, which takes longer than all the rest.
PLUGIN = (
    *(() if entry_points(group="pytest11", name="afml") else ("-p", "pytest_afml.plugin")),
    *("-p", "no:hypothesispytest"),
)

#: The ways in which each behaviour has to be the same.
WAYS = {
    "in process": (),
    "two workers": ("-n", "2"),
    "without benchmark": ("-p", "no:benchmark"),
    "warnings are errors": ("-W", "error"),
    "random order": ("-p", "shuffled"),
}

#: What a plugin for random order does; those that exist shuffle all tests of whoever has them.
SHUFFLED = """
import random

def pytest_collection_modifyitems(items):
    random.shuffle(items)
"""

#: A module of the user's project, decorated at import time.
FEATURES = """
from afml_cache import cacheable, robust_cacheable

FACTOR = 1
ran = []

def helper(number):
    return number * FACTOR

@robust_cacheable
def labels(number, window=20):
    ran.append(number)
    return helper(number) * window

@cacheable
def old_features(number):
    ran.append(number)
    return number + 1
"""


@pytest.fixture(autouse=True)
def user_project(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``features.py``, importable also in new processes."""
    (pytester.path / "features.py").write_text(FEATURES)
    (pytester.path / "shuffled.py").write_text(SHUFFLED)
    pytester.syspathinsert()
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{pytester.path}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))


@pytest.fixture
def plugin_arguments() -> tuple[str, ...]:
    """How a pytest of one's own finds the plugin."""
    return PLUGIN


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run the project's tests in this process, with the plugin."""

    def run_tests(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*PLUGIN, *arguments)

    return run_tests


@pytest.fixture
def run_in_process(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run the project's tests in a new process, with the plugin."""

    def run_tests(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*PLUGIN, *arguments)

    return run_tests


#: Starting processes takes seconds; tests of what is particular to them are not `slow`.
_SLOW = {"two workers", "warnings are errors"}


@pytest.fixture(
    params=[pytest.param(way, marks=pytest.mark.slow) if way in _SLOW else way for way in WAYS]
)
def run_each_way(
    request: pytest.FixtureRequest, pytester: pytest.Pytester
) -> Callable[..., pytest.RunResult]:
    """Run the project's tests in every one of the ways."""
    way = WAYS[request.param]

    def run_tests(*arguments: str) -> pytest.RunResult:
        if "error" in way:
            # Here the plugin may be imported already, and pytest warns that it cannot rewrite it.
            return pytester.runpytest_subprocess(*PLUGIN, *way, *arguments)
        return pytester.runpytest_inprocess(*PLUGIN, *way, *arguments)

    return run_tests
