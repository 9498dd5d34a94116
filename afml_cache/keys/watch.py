"""Notices, at every call and in well under a microsecond, that a fingerprint no longer holds.

A fingerprint rests on *looks*: this namespace has this object under this name, this function has
this code object, this array has this digest. A :class:`Watch` collects the looks and compiles
them into one function, because a chain of ``a is b and c is d ...`` runs three times as fast as
a loop over the same comparisons.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import is_
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import Any, TypeAlias

from xxhash import xxh3_128, xxh3_128_digest

from afml_cache import settings

#: A file this young may change again without its time stamp showing it.
_RACY_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Name:
    """``space[name]`` is this very object. ``place`` identifies the namespace."""

    place: int
    space: Mapping[str, Any]
    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Absent:
    """``space`` has no such name: a builtin or a base class provides it."""

    place: int
    space: Mapping[str, Any]
    name: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A closure's variable is this very object."""

    cell: CellType
    value: object


@dataclass(frozen=True, slots=True)
class Function:
    """A function has this code and these defaults."""

    function: FunctionType
    code: CodeType
    defaults: tuple[object, ...] | None

    @classmethod
    def of(cls, function: FunctionType) -> Function:
        return cls(function, function.__code__, function.__defaults__)


@dataclass(frozen=True, slots=True)
class Items:
    """A list, dict, set or tuple holds these very objects."""

    container: Any
    members: tuple[object, ...]
    values: tuple[object, ...] | None  #: of a dict, whose members are its keys

    @classmethod
    def of(cls, container: Any) -> Items:
        is_mapping = isinstance(container, Mapping)
        return cls(container, tuple(container), tuple(container.values()) if is_mapping else None)


@dataclass(frozen=True, slots=True)
class Size:
    """A namespace has as many names as it had: none was added to a class or module."""

    space: Mapping[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """A value that can change in place still has its digest."""

    holds: Callable[[], bool]


class File:
    """A file, or a folder of files, has the content that it had.

    Its content is read again only when its size or times differ, or when they were so young
    that a second edit could have the same time stamp.
    """

    __slots__ = ("_is_racy", "_signature", "digest", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._signature: tuple[object, ...] = ()
        self._is_racy = True
        self.digest = self._read()

    def holds(self) -> bool:
        if not self._is_racy and _signature(self.path) == self._signature:
            return True
        return self._read() == self.digest

    def _read(self) -> bytes:
        signature = _signature(self.path)
        digest = file_digest(self.path)
        newest = max((entry[1] for entry in signature), default=0)
        self._is_racy = time.time_ns() - newest < _RACY_NS
        self._signature = signature
        return digest


Look: TypeAlias = Name | Absent | Size | Cell | Function | Items | Content | File


def file_digest(path: Path) -> bytes:
    """Digest of a file's content, or of the names and contents of all files in a folder."""
    if path.is_dir():
        whole = xxh3_128()
        for file in _files(path):
            name = file.relative_to(path).as_posix().encode("utf-8", "surrogateescape")
            whole.update(len(name).to_bytes(8, "little") + name + file_digest(file))
        return whole.digest()
    content = xxh3_128()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                content.update(chunk)
    except OSError:
        return xxh3_128_digest(b"there is no such file")
    return content.digest()


def _files(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [Path(parent, name) for name in files]
    return sorted(found)


def _signature(path: Path) -> tuple[tuple[int, ...], ...]:
    try:
        paths = _files(path) if path.is_dir() else [path]
        stats = [os.stat(p) for p in paths]  # noqa: PTH116 - twice as fast
    except OSError:
        return ()
    return tuple((s.st_ino, max(s.st_mtime_ns, s.st_ctime_ns), s.st_size) for s in stats)


def compile_looks(looks: Iterable[Look]) -> Callable[[], bool]:
    """One function that says whether all looks still hold (and the settings are the same)."""
    known: dict[str, object] = {"settings": settings, "s": settings.current, "is_": is_}
    names: dict[int, str] = {}
    cheap = ["settings.current is s"]
    dear: list[str] = []
    absent: dict[int, tuple[Mapping[str, Any], set[str]]] = {}
    seen: set[object] = set()

    def given(value: object) -> str:
        name = names.get(id(value))
        if name is None:
            name = names[id(value)] = f"v{len(known)}"
            known[name] = value  # also keeps it alive, so that its id stays its own
        return name

    spaces: dict[int, Mapping[str, Any]] = {}
    for look in looks:
        match look:
            case Name(place, space, name, value):
                if (place, name) not in seen:
                    seen.add((place, name))
                    space = spaces.setdefault(place, space)
                    cheap.append(f"{given(space)}[{name!r}] is {given(value)}")
            case Absent(place, space, name):
                absent.setdefault(place, (space, set()))[1].add(name)
            case Size(space, size):
                cheap.append(f"len({given(space)}) == {size}")
            case Cell(cell, value):
                cheap.append(f"{given(cell)}.cell_contents is {given(value)}")
            case Items(container, members, values):
                c = given(container)
                cheap.append(f"len({c}) == {len(members)}")
                cheap.append(f"all(map(is_, {c}, {given(members)}))")
                if values is not None:
                    cheap.append(f"all(map(is_, {c}.values(), {given(values)}))")
            case Function(function, code, defaults):
                if id(function) not in seen:
                    seen.add(id(function))
                    f = given(function)
                    cheap.append(f"{f}.__code__ is {given(code)}")
                    cheap.append(f"{f}.__defaults__ is {given(defaults)}")
            case _:
                dear.append(f"{given(look.holds)}()")
    for space, missing in absent.values():
        cheap.append(f"{given(space.keys())}.isdisjoint({given(frozenset(missing))})")
    checks = " and ".join([*dict.fromkeys(cheap), *dict.fromkeys(dear)])
    text = f"def holds():\n try:\n  return {checks}\n except gone:\n  return False"
    # A name that has gone (KeyError), an emptied cell (ValueError), a container that another
    # thread changes (RuntimeError): whatever it is, the fingerprint has to be made again.
    known["gone"] = Exception
    exec(text, known)
    holds: Callable[[], bool] = known["holds"]  # type: ignore[assignment]
    return holds
