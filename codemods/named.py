"""Which function a person means: ``module.function``, ``path::function``, or its name alone."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codemods.definitions import definitions
from codemods.files import Tree
from codemods.source import Source, Unreadable

_DEF = re.compile(rb"\b(?:def|class)[ \t\f\\]+((?:\w|[^\x00-\x7f])+)")
_PATH = re.compile(r"(?P<path>.+?\.py)::?(?P<name>[^:]+)\Z")


class UnknownNameError(Exception):
    """No function, or more than one, is called so; the message names those that are near."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A function in a file."""

    file: str  #: relative to the root
    line: int
    name: str  #: qualified


def find_named(tree: Tree, asked: Sequence[str], cwd: Path) -> dict[str, list[str]]:
    """The functions that are meant, by file.

    Parameters
    ----------
    tree : Tree
        The repository.
    asked : sequence of str
        Names as a person gives them.
    cwd : Path
        Where paths in them begin, if they are not relative to the root.

    Raises
    ------
    UnknownNameError
        A name means nothing, or several things.
    """
    found: dict[str, list[str]] = {}
    for text in asked:
        place = _one(tree, text, cwd)
        names = found.setdefault(place.file, [])
        if place.name not in names:
            names.append(place.name)
    return found


def _one(tree: Tree, text: str, cwd: Path) -> Place:
    match = _PATH.match(text)
    if match is not None:
        file = _file(tree, match["path"], cwd)
        wanted = _plain(match["name"])
        there = list(_places(tree, file))
        found = [place for place in there if _plain(place.name) == wanted]
        what = f"{file} has no function {match['name']}"
    else:
        there = list(_everywhere(tree, text.rpartition(".")[2]))
        found = _called(there, text)
        what = f"there is no function {text} in {tree.root}"
    files = {(place.file, place.name) for place in found}
    if len(files) == 1:
        return found[0]
    if files:
        listed = "".join(f"\n  {p.file}::{p.name} (line {p.line})" for p in sorted(found))
        raise UnknownNameError(f"{text} can mean several functions; name one of them:{listed}")
    if match is None:
        there = list(_everywhere(tree, None))
    raise UnknownNameError(what + _near(text if match is None else match["name"], there))


def _called(places: Iterable[Place], text: str) -> list[Place]:
    """The functions that ``text`` names; those whose whole module it names come first."""
    wanted = _plain(text)
    exact: list[Place] = []
    others: list[Place] = []
    for place in places:
        name, module = _plain(place.name), module_of(place.file)
        if f"{module}.{name}" == wanted or f"{module.removeprefix('src.')}.{name}" == wanted:
            exact.append(place)
        elif name == wanted or (
            f".{module}.{name}".endswith(f".{wanted}")
            and (len(wanted.split(".")) > len(name.split(".")))
        ):
            others.append(place)
    return exact or others


def module_of(file: str) -> str:
    """The dotted name of a file.

    >>> module_of("quant/features/__init__.py")
    'quant.features'
    """
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _plain(name: str) -> str:
    return name.replace(".<locals>.", ".")


def _file(tree: Tree, path: str, cwd: Path) -> str:
    for base in (cwd, tree.root):
        place = base / path
        if place.is_file():
            resolved = place.resolve()
            for file in tree.files:
                if (tree.root / file).resolve() == resolved:
                    return file
    raise UnknownNameError(
        f"there is no Python file {path} among those of {tree.root}; files that git ignores and"
        " stubs are not looked at"
    )


def _everywhere(tree: Tree, name: str | None) -> Iterator[Place]:
    """All functions, or those whose own name is ``name``."""
    wanted = name.encode() if name is not None else None
    for file in tree.files:
        if not file.endswith(".py"):
            continue
        try:
            data = (tree.root / file).read_bytes()
        except OSError:
            continue  # listed by git and not there, or not to be read: nothing can be meant in it
        if wanted is not None and data.isascii() and wanted not in _DEF.findall(data):
            continue
        yield from _in(data, file)


def _places(tree: Tree, file: str) -> Iterator[Place]:
    try:
        data = (tree.root / file).read_bytes()
    except OSError as error:
        raise UnknownNameError(f"{file} cannot be read: {error.strerror}") from error
    try:
        Source(data)
    except Unreadable as error:
        raise UnknownNameError(f"{file} {error.finding.text}") from error
    yield from _in(data, file)


def _in(data: bytes, file: str) -> Iterator[Place]:
    try:
        tree = Source(data).tree
    except Unreadable:
        return
    for definition in definitions(tree):
        yield Place(file, definition.node.lineno, definition.name)


def _near(text: str, places: Iterable[Place]) -> str:
    """A question with the names that look like ``text``."""
    last: dict[str, list[Place]] = {}
    for place in places:
        last.setdefault(place.name.rpartition(".")[2], []).append(place)
    near = difflib.get_close_matches(text.rpartition(".")[2], last, n=3, cutoff=0.6)
    found = sorted(place for name in near for place in last[name])[:6]
    if not found:
        return ". Write it as module.function, or as path/to/file.py::function"
    return ". Did you mean:" + "".join(f"\n  {place.file}::{place.name}" for place in found)
