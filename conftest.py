"""Runs every Python block of the README and the documentation, a store of its own each page."""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

pytest_plugins = ["pytester"]

_HAS_SKLEARN = find_spec("sklearn") is not None

#: What tests read, not run; and examples that need what is not installed.
collect_ignore = ["tests/data"]
if not _HAS_SKLEARN:
    collect_ignore += ["afml_cache/cv_cache.py", "afml_cache/cv_folds.py"]

# The documentation's examples are sealed with this, and leave the user's configuration alone.
os.environ.setdefault("AFML_CACHE_SECRET", "the documentation's secret")

#: The files with the longest tests: a worker that comes to them last keeps the others waiting.
_LONGEST = (
    "test_gates_pairs",
    "test_demo",
    "test_kills",
    "test_codemods_faults",
    "test_codemods_whole_repositories",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--share 2/3``: the second third of the selected tests, the same ones every time."""
    parser.addoption("--share", type=_share, help="run one part of the tests, as 2/3")


def _share(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part as 1/3, 2/3 or 3/3")
    return int(part), int(parts)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of the share; begin with what takes longest."""
    share: tuple[int, int] | None = config.getoption("--share")
    if share is not None:
        part, parts = share
        mine = {item for item in items if crc32(item.nodeid.encode()) % parts == part - 1}
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = [item for item in items if item in mine]
    items.sort(key=lambda item: item.path.stem not in _LONGEST)


@pytest.fixture(scope="session", autouse=True)
def doctest_path(
    doctest_namespace: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give the doctests of the packages a folder."""
    doctest_namespace["tmp_path"] = tmp_path_factory.mktemp("doctest")


def set_up(namespace: dict[str, Any]) -> None:
    from afml_cache import notices, use_store

    stack = ExitStack()
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    notices.forget_causes()
    stack.enter_context(use_store(folder / "cache"))
    namespace.update(__name__="page", tmp_path=folder, _page=stack)


def tear_down(namespace: dict[str, Any]) -> None:
    namespace["_page"].close()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()],
    patterns=["README.md", "docs/*.md"],
    excludes=[
        *([] if find_spec("watchfiles") else ["docs/reloading.md"]),
        *([] if _HAS_SKLEARN else ["docs/cross_validation.md"]),
        *([] if find_spec("backtesting") else ["docs/studies.md", "docs/tutorial.md"]),
        *([] if find_spec("mlflow") and _HAS_SKLEARN else ["docs/mlflow.md"]),
        *([] if find_spec("matplotlib") and find_spec("backtesting") else ["docs/plots.md"]),
    ],
    setup=set_up,
    teardown=tear_down,
).pytest()
