"""What is never changed in place, so that it may be shared; NumPy and pandas count once loaded."""

from __future__ import annotations

import datetime
import decimal
import fractions
import functools
import re
import sys
import types
import uuid
from enum import Enum
from pathlib import PurePath
from typing import Any

#: Functions, classes and modules belong to the whole process: nobody changes a result by them.
_PLAIN: tuple[type, ...] = (
    *(str, bytes, int, float, complex, type(None), range, slice, Enum),
    *(types.EllipsisType, types.NotImplementedType, re.Pattern, re.Match, uuid.UUID, PurePath),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo),
    *(decimal.Decimal, fractions.Fraction),
    *(type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType),
)


def is_immutable(value: object) -> bool:
    """Whether a value, itself, is never changed in place.

    >>> is_immutable(datetime.date(2024, 1, 1)), is_immutable([])
    (True, False)
    """
    kind: Any = type(value)
    return _of_type(kind)


@functools.lru_cache(1024)
def _of_type(kind: type) -> bool:
    """Remembered: a list may have a million texts."""
    return issubclass(kind, (*_PLAIN, *_loaded("numpy"), *_loaded("pandas")))


@functools.cache
def _kinds(package: str) -> tuple[type, ...]:
    if package == "numpy":
        import numpy as np

        return (np.generic, np.dtype, np.ufunc)
    import pandas as pd

    scalars: list[Any] = [type(pd.NaT), type(pd.NA), pd.Period, pd.Interval, pd.offsets.BaseOffset]
    return (*scalars, pd.api.extensions.ExtensionDtype)


def _loaded(package: str) -> tuple[type, ...]:
    return _kinds(package) if package in sys.modules else ()
