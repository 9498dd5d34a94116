"""Whose a module or a file is: the project's, an installed package's or Python's, or our own."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

#: Never reloaded: the cache must not lose what it knows.
_OURS = ("afml_cache", "afml.cache", "codemods", "pytest_afml")
_INSTALLED = frozenset({"site-packages", "dist-packages"})

#: The folder of Python's own modules.
_STANDARD = Path(os.__file__).resolve().parent


def is_ours(module: str) -> bool:
    """Whether a module is one of this package, by its name."""
    return any(module == ours or module.startswith(f"{ours}.") for ours in _OURS)


def is_below(path: Path, roots: Collection[Path]) -> bool:
    """Whether a path is one of the roots or lies in one, and not among installed packages."""
    for root in roots:
        if path == root:
            return True
        if path.is_relative_to(root):
            return _INSTALLED.isdisjoint(path.relative_to(root).parts)
    return False


def is_installed(path: Path) -> bool:
    """Whether a file belongs to an installed package or to Python itself."""
    return not _INSTALLED.isdisjoint(path.parts) or path.is_relative_to(_STANDARD)
