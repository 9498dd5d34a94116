"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["edits", "imports", "newer_syntax", "plan", "rules"])
def test_examples(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"codemods.{module}"))
    assert result.attempted and not result.failed
