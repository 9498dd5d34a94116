"""Values of the standard library whose own ``==`` is looser than what a program can notice."""

from __future__ import annotations

import array
import datetime
import decimal
import types
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

#: What tells two values of a type apart, subclasses included. All of it is compared in turn.
_PARTS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (decimal.Decimal, lambda value: tuple(value.as_tuple())),  # 1.0 is not 1.00, 0 is not -0
    (datetime.timedelta, lambda value: (value.days, value.seconds, value.microseconds)),
    (array.array, lambda value: (value.typecode, value.tolist())),
    (types.MappingProxyType, dict),
    (types.MethodType, lambda value: (value.__func__, value.__self__)),
    (slice, lambda value: (value.start, value.stop, value.step)),
    (range, lambda value: (value.start, value.stop, value.step)),
    (PurePath, str),  # the rest of a path are notes for its own use
)


def parts_of(value: object) -> Callable[[Any], object] | None:
    """How to take a value apart; None: of its type nothing is known here."""
    return next((parts for kind, parts in _PARTS if isinstance(value, kind)), None)
