"""What a function takes from around it that joblib's key does not contain."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from afml_cache.keys.code import Fingerprint


def closed_over_names(function: Any) -> str:
    """What a function made inside another closes over and may be another for its siblings.

    Such functions share one folder of joblib's, whatever they close over. Not meant are modules,
    and functions that the same factory defines and that close over nothing of the kind.
    """
    factory = _factory_of(function)
    return "" if factory is None else ", ".join(_varying(function, factory, {id(function)}))


def _factory_of(function: Any) -> str | None:
    head, found, _ = str(getattr(function, "__qualname__", "")).rpartition(".<locals>")
    return head if found else None


def _varying(function: Any, factory: str, seen: set[int]) -> Iterator[str]:
    while isinstance(function, types.FunctionType):
        names, cells = function.__code__.co_freevars, function.__closure__ or ()
        for name, cell in zip(names, cells, strict=True):
            try:
                value: Any = cell.cell_contents
            except ValueError:
                continue
            value = getattr(value, "_wrapped", value)  # a cached function stands for its own
            if isinstance(value, types.ModuleType) or id(value) in seen:
                continue
            seen.add(id(value))
            is_sibling = isinstance(value, types.FunctionType) and _factory_of(value) == factory
            if not is_sibling or any(_varying(value, factory, seen)):
                yield name
        function = function.__dict__.get("__wrapped__")


#: How notebooks call packages, whatever else they may hold.
_CUSTOMARY = {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "sp": "scipy"}


def names_of_the_notebook(function: Any, own: Fingerprint) -> list[str]:
    """The names by which a function of a notebook reaches what another notebook may have otherwise.

    Not meant are packages under their own or their customary names.
    """
    code, space = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    if code is None:
        return ["code"]
    found = {name for name in _global_names(code) if name in space}
    found -= {name for name in found if _is_package(name, space[name])}
    found.discard(function.__name__)  # itself, if it is recursive
    return sorted(found | {part for part in own.parts if part != _own_part(function)})


def _own_part(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _is_package(name: str, value: object) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__ in (name, _CUSTOMARY.get(name))


def _global_names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _global_names(const)
