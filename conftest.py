"""Runs every Python block of the README and the documentation, a store of its own each page."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser


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
    setup=set_up,
    teardown=tear_down,
).pytest()
