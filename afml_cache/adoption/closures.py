"""What a function closes over that joblib's key does not contain."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any


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
