"""The reference has every public name."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

import afml_cache
import pytest_afml
from afml_cache import errors

REFERENCE = Path(__file__).parents[2] / "docs" / "reference.md"


@pytest.mark.parametrize("package", [afml_cache, pytest_afml], ids=lambda module: module.__name__)
def test_every_public_name_stands_in_the_reference(package: ModuleType) -> None:
    text = REFERENCE.read_text("utf-8")
    assert ".. automodule:: afml_cache.errors" in text
    public = [name for name in package.__all__ if not name.startswith("_")]
    missing = [
        name
        for name in public
        if not hasattr(errors, name) and not re.search(rf"\b{package.__name__}\.{name}\b", text)
    ]
    assert public and missing == []
