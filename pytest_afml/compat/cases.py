"""The arguments of one call, and the ways to write them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_afml.compat.difference import shown

#: How a call is written: ``args(...)``, a tuple of positional or a dict of named arguments.
Call = "Args | tuple[Any, ...] | dict[str, Any]"

_HOW = (
    "write a call as args(prices, window=20), as a tuple of its positional arguments, or as a "
    "dict of its named ones"
)


@dataclass(frozen=True)
class Args:
    """The arguments of one call; :func:`args` makes it."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def copied(self) -> Args:
        """Arguments of its own for a call, which may change them; what has no copy is shared."""
        try:  # in one go, so that one object given twice stays one
            return Args(*_pickled((self.args, self.kwargs)))
        except Exception:  # noqa: BLE001 - a value's own pickling may raise anything
            copies = {id(value): _copied(value) for value in self.values()}
        named = {name: copies[id(value)] for name, value in self.kwargs.items()}
        return Args(tuple(copies[id(value)] for value in self.args), named)

    def values(self) -> tuple[Any, ...]:
        """The arguments without their names."""
        return (*self.args, *self.kwargs.values())

    def __repr__(self) -> str:
        named = (f"{name}={shown(value)}" for name, value in self.kwargs.items())
        return f"args({', '.join([*map(shown, self.args), *named])})"


def args(*positional: Any, **named: Any) -> Args:
    """The arguments of one call, written as in the call itself.

    >>> args(1.5, window=20)
    args(1.5, window=20)
    """
    return Args(positional, named)


def as_args(call: object) -> Args:
    """A call as :class:`Args`, however it was written.

    >>> as_args((1.5,)), as_args({"window": 20})
    (args(1.5), args(window=20))

    Raises
    ------
    TypeError
        It is neither of the ways, as a frame that is meant to be the only argument.
    """
    if isinstance(call, Args):
        return call
    if type(call) is tuple:
        return Args(call)
    if type(call) is dict and all(isinstance(name, str) for name in call):
        return Args((), dict(call))
    raise TypeError(f"{shown(call)} is no call: {_HOW}")


def named_cases(cases: Sequence[Any] | Mapping[str, Any]) -> list[tuple[str, Args]]:
    """Cases with their names: the keys of a mapping, else ``case 1``, ``case 2``, ...

    Raises
    ------
    TypeError
        They are no list and no mapping, or one of them is no call.
    ValueError
        There are none, which would prove nothing.
    """
    if isinstance(cases, Args | str) or not isinstance(cases, Iterable):
        raise TypeError(f"cases is {shown(cases)}; give a list of calls: {_HOW}")
    if isinstance(cases, Mapping):
        found = [(f"case {name!r}", as_args(call)) for name, call in cases.items()]
    else:
        found = [(f"case {number}", as_args(call)) for number, call in enumerate(cases, 1)]
    if not found:
        raise ValueError("there are no cases, which proves nothing; give at least one call")
    return found


def _copied(value: Any) -> Any:
    # Pickled, since deep copies of frames share the index, whose freq and name can be set.
    for copied in (_pickled, copy.deepcopy):
        try:
            return copied(value)
        except Exception:  # noqa: BLE001 - a value's own copying may raise anything
            continue
    return value  # a lock, say: the function gets the one there is


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, protocol=5))
