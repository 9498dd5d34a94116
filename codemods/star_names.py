"""Which names ``from .module import *`` brings into a package, read from the module's file."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from codemods.exports import exports
from codemods.literals import assigned, strings_of
from codemods.module_names import ModuleNames
from codemods.source import Source, Unreadable

#: What a star import is written as -> the names; None where that cannot be told.
Brought = Mapping[str, frozenset[str] | None]


def written(statement: ast.ImportFrom) -> str:
    """The module of an import as it is written: ``..cache.legacy``."""
    return "." * statement.level + (statement.module or "")


def brought(file: Path, data: bytes) -> Brought:
    """The names that each star import of a file brings.

    Parameters
    ----------
    file : Path
        Where the file lies; relative imports are followed from there.
    data : bytes
        Its content.
    """
    try:
        stars = ModuleNames(Source(data).tree).stars
    except Unreadable:
        return {}
    return {written(star): _of(file, star, frozenset({file})) for star in stars}


def _of(file: Path, star: ast.ImportFrom, seen: frozenset[Path]) -> frozenset[str] | None:
    if not star.level:
        # Modules of others have no names of ours, but for the cache under one name or the other.
        top = (star.module or "").partition(".")[0]
        return None if top in ("afml", "afml_cache") else frozenset()
    folder = file.parents[star.level - 1]
    place = folder.joinpath(*(star.module or "").split("."))
    for found in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if found.is_file():
            return frozenset() if found in seen else _exported(found, seen | {found})
    return None


def _exported(file: Path, seen: frozenset[Path]) -> frozenset[str] | None:
    try:
        tree = Source(file.read_bytes()).tree
    except (OSError, Unreadable):
        return None
    names = ModuleNames(tree)
    if "__all__" in names.names:
        known = assigned(tree)
        listed = strings_of(known["__all__"], known) if "__all__" in known else None
        return None if listed is None else exports(tree).listed | set(listed)
    found = {name for name in names.names if not name.startswith("_")} - {"*"}
    for star in names.stars:
        more = _of(file, star, seen)
        if more is None:
            return None
        found |= more
    return frozenset(found)
