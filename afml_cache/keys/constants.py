"""What a part of a fingerprint is: code, an object that changes in place, or a constant.

A constant may have the value that its source says, or one that a program has set: a sweep, an
environment variable. Only the former tells of an edit.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import sys
import time
import types
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, EnumMeta
from functools import lru_cache
from typing import Any

from afml_cache.keys.lookup import module_name
from afml_cache.keys.parsing import syntax_tree
from afml_cache.keys.source import text_of

#: Constants whose value a literal in the source can give.
_CONSTANTS = (int, float, complex, str, bytes, tuple, frozenset, types.NoneType)
#: What else does not change unless it is replaced.
_LASTING = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)

_NOTHING = object()

#: Seconds after which a file that was edited is told from what it was by its time and size.
_STILL = 2.0
#: Files of which it is remembered what they say.
_FILES = 256
_still: dict[str, tuple[tuple[int, ...], Mapping[str, object]]] = {}


class Kind(Enum):
    """What a part is."""

    CODE = "code"
    CONSTANT = "constant"  #: with the value that its source says
    SET = "set"  #: a constant with another value, or one that its source computes
    STATE = "state"


#: What the sources of some modules say, by the ``id`` of their namespaces; None: no source.
Said = dict[int, Mapping[str, object] | None]


def set_by_program(names: Iterable[str]) -> list[str]:
    """Of the parts with these names, the constants that have not the value of their source."""
    said: Said = {}
    return [name for name in names if _kind_of(name, said) is Kind.SET]


def kinds_of(names: Iterable[str]) -> dict[str, Kind]:
    """What parts, ``module.NAME`` or ``module.Class.NAME``, are, as they are loaded now."""
    said: Said = {}
    return {name: _kind_of(name, said) for name in names}


def _kind_of(name: str, said: Said) -> Kind:
    if "<closure>" in name:
        return Kind.STATE
    space, path = _place_of(name)
    holder: Any = None
    value: Any = space.get(path[0], _NOTHING) if path else _NOTHING
    for attribute in path[1:]:
        holder = value
        value = vars(holder).get(attribute, _NOTHING) if isinstance(holder, type) else _NOTHING
    if value is _NOTHING or isinstance(holder, EnumMeta):
        return Kind.CODE  # made inside of a function, or what a decorator was given
    # By the type itself: a proxy may fail at any other question, and this is asked at every miss.
    if issubclass(type(value), _CONSTANTS):
        return Kind.CONSTANT if _is_written(space, ".".join(path), value, said) else Kind.SET
    if issubclass(type(value), _LASTING) or _has(value, "__wrapped__"):
        return Kind.CODE
    if holder is not None and _has(value, "__get__"):
        return Kind.CODE  # a property, a classmethod
    return Kind.STATE


def _has(value: object, name: str) -> bool:
    return inspect.getattr_static(value, name, _NOTHING) is not _NOTHING


def _place_of(name: str) -> tuple[Mapping[str, Any], list[str]]:
    """The namespace of the module of a name, and the way from there."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:length]))
        if isinstance(module, types.ModuleType):
            return vars(module), parts[length:]
    space = vars(sys.modules["__main__"])
    program = module_name(space)
    if name.startswith(f"{program}."):
        return space, name.removeprefix(f"{program}.").split(".")
    return {}, []


def _is_written(space: Mapping[str, Any], path: str, value: object, said: Said) -> bool:
    """Whether a constant has the value that its source gives it with a literal."""
    if id(space) not in said:
        said[id(space)] = _said_by(str(space.get("__file__", "<none>")), space)
    literals = said[id(space)]
    # Without a source it is a notebook's: there, setting a name is editing it.
    return literals is None or _is_same(literals.get(path, _NOTHING), value)


def _is_same(written: object, value: object) -> bool:
    if type(written) is not type(value):
        return False
    if isinstance(written, tuple) and isinstance(value, tuple):
        return len(written) == len(value) and all(map(_is_same, written, value))
    return isinstance(written, _CONSTANTS) and written == value


def _said_by(file: str, space: Mapping[str, Any]) -> Mapping[str, object] | None:
    """What a source says; one that has lain still for a while is not read again."""
    version: tuple[int, ...] = ()
    with contextlib.suppress(OSError):
        status = os.stat(file)  # noqa: PTH116 - at every miss
        if status.st_mtime < time.time() - _STILL:
            version = status.st_ino, status.st_size, status.st_mtime_ns
    known = _still.get(file)
    if version and known is not None and known[0] == version:
        return known[1]
    text = text_of(file, space)
    literals = None if text is None else _literals(text)
    if version and literals is not None:
        if len(_still) >= _FILES:
            _still.clear()
        _still[file] = version, literals
    return literals


@lru_cache(maxsize=32)
def _literals(text: str) -> Mapping[str, object]:
    """The literals that a source assigns at its top and in the bodies of its classes."""
    try:
        tree = syntax_tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return dict(_assigned(tree.body, ""))


def _assigned(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, object]]:
    """The names that are bound, in order, with their literals; without one, with nothing."""
    for statement in body:
        match statement:
            case ast.ClassDef(name=name, body=inner):
                yield from _assigned(inner, f"{prefix}{name}.")
            case ast.Assign(targets=targets, value=given):
                for target in targets:
                    if isinstance(target, ast.Name):
                        yield prefix + target.id, _literal(given)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as given):
                yield prefix + name, _literal(given)


def _literal(given: ast.expr) -> object:
    try:
        return ast.literal_eval(given)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NOTHING
