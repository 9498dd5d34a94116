"""Parameters and metrics <-> JSON, with their types kept.

A number, text, truth value or None is written as itself, so that plain SQL and other programs
can read it. What JSON has no word for is written as ``{"type": ..., "value": ...}``; of named
values the types lie beside the values. What cannot be brought back at all leaves a short account
of itself and the digest of its content.
"""

from __future__ import annotations

import datetime
import decimal
import math
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import content

#: Longest account of a value that is not written out.
LONGEST = 120
#: Values that one parameter may consist of before an account has to do, and their depth.
_MOST, _DEEPEST = 1000, 8
#: Bits of an integer that is written out; Python refuses to print a far longer one.
_LARGEST = 4096
_NO_NUMBERS = ("nan", "inf", "-inf")


@dataclass(frozen=True, slots=True)
class Account:
    """What is left of a value that a record cannot bring back.

    Attributes
    ----------
    text : str
        A short account of it.
    type : str
        Its type, ``module.qualname``.
    digest : str or None
        The key (32 hex digits) of its content; None where it has none.
    """

    text: str
    type: str
    digest: str | None

    def __str__(self) -> str:
        return self.text


def to_plain(value: object) -> Any:
    """A value as JSON knows it; never raises for a value that misbehaves.

    Parameters
    ----------
    value : object
        Numbers, texts, dates, Decimals, numpy scalars, lists, tuples, sets and dicts of them, and
        small arrays of numbers come back from :func:`from_plain` as they are; others as an
        :class:`Account`.
    """
    budget = [_MOST]
    try:
        return _plain(value, budget, _DEEPEST)
    except (_TooMuchError, _NotPlainError):
        return _account(value)


def from_plain(plain: Any) -> Any:
    """The value that :func:`to_plain` was given, or an :class:`Account` of it.

    Raises
    ------
    ValueError
        No version of the cache has written this.
    """
    if isinstance(plain, list):
        return [from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    try:
        return _READERS[plain["type"]](plain["value"])
    except (KeyError, TypeError, ValueError, ArithmeticError, ImportError) as error:
        raise ValueError(f"a record holds {plain!r}, which cannot be read ({error})") from error


def apart(named: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Named values as :func:`to_plain` makes them -> bare values, and the types of some of them.

    >>> apart({"window": 20, "sharpe": {"type": "numpy.float64", "value": 1.5}})
    ({'window': 20, 'sharpe': 1.5}, {'sharpe': 'numpy.float64'})
    >>> together(*apart({"beta": {"type": "float", "value": "nan"}}))
    {'beta': {'type': 'float', 'value': 'nan'}}
    """
    values: dict[str, Any] = {}
    types: dict[str, str] = {}
    for name, plain in named.items():
        value = plain
        if isinstance(plain, dict) and not isinstance(plain["value"], list):
            value, types[name] = plain["value"], plain["type"]
            if value in _NO_NUMBERS:  # as a text it would be greater than every number in SQL
                types[name] = f"{plain['type']} {value}"
                value = None
        values[name] = value
    return values, types


def together(values: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """What :func:`apart` was given."""
    named: dict[str, Any] = {}
    for name, value in values.items():
        kind, _, no_number = types.get(name, "").partition(" ")
        named[name] = {"type": kind, "value": no_number or value} if kind else value
    return named


def as_number(value: object) -> float | int | bool | None:
    """A value that was read as a number of a column, None where it is none."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, decimal.Decimal):
        return float(value) if not value.is_snan() else math.nan
    numpy = sys.modules.get("numpy")
    if numpy is None or isinstance(value, numpy.timedelta64):  # which is an integer to numpy
        return None
    if isinstance(value, numpy.bool_ | numpy.integer | numpy.floating):
        number: float | int | bool = value.item()
        return number if isinstance(number, bool | int | float) else float(value)
    return None


def as_float(number: float | None) -> float:
    """A number of a column of floats: NaN where it is missing, infinite where it is too large."""
    if number is None:
        return math.nan
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


class _TooMuchError(Exception):
    """The whole is too long or too deep to be written out."""


class _NotPlainError(Exception):
    """A part is of a type that is not written out, or too large a number."""


def _plain(value: Any, budget: list[int], depth: int) -> Any:
    budget[0] -= 1
    if budget[0] < 0 or depth < 0:
        raise _TooMuchError
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        if value.bit_length() > _LARGEST:
            raise _NotPlainError
        return value
    if kind is float:
        return value if math.isfinite(value) else {"type": "float", "value": repr(value)}
    if kind is list:
        return [_within(item, budget, depth) for item in value]
    if kind is dict:
        items = [
            [_within(key, budget, depth), _within(one, budget, depth)] for key, one in value.items()
        ]
        return {"type": "dict", "value": items}
    if kind in (tuple, set, frozenset):
        items = [_within(item, budget, depth) for item in value]
        return {"type": kind.__name__, "value": items if kind is tuple else sorted(items, key=repr)}
    is_array = kind.__module__ == "numpy" and kind.__name__ == "ndarray"
    tagged = _array(value, budget, depth) if is_array else _tagged(kind, value)
    # Whatever does not come back as it went in (a subclass, a time zone) is accounted for.
    if tagged is None or not _same(from_plain(tagged), value):
        raise _NotPlainError
    return tagged


def _within(value: object, budget: list[int], depth: int) -> Any:
    """A part of a larger value: what cannot be written out costs the whole only itself."""
    try:
        return _plain(value, budget, depth - 1)
    except _NotPlainError:
        return _account(value)


def _array(value: Any, budget: list[int], depth: int) -> dict[str, Any]:
    """A small array of numbers, as the weights of a portfolio."""
    if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8 or value.size > budget[0]:
        raise _NotPlainError
    items = [_plain(item, budget, depth) for item in value.ravel().tolist()]
    return {"type": "ndarray", "value": [value.dtype.str, list(value.shape), items]}


def _tagged(kind: type, value: Any) -> dict[str, Any] | None:
    if kind is decimal.Decimal:
        return {"type": "decimal", "value": str(value)}
    if kind in (datetime.date, datetime.datetime, datetime.time):
        return {"type": kind.__name__, "value": value.isoformat()}
    if kind is datetime.timedelta:
        return {"type": "timedelta", "value": [value.days, value.seconds, value.microseconds]}
    module = kind.__module__.partition(".")[0]
    if module == "numpy" and hasattr(value, "dtype") and not hasattr(value, "__len__"):
        if value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
            number = value.item()
            plain = number if math.isfinite(number) else repr(number)
            return {"type": f"numpy.{value.dtype.name}", "value": plain}
        if value.dtype.kind in "mM":
            return {"type": f"numpy.{value.dtype.name}", "value": int(value.view("i8"))}
    if module == "pandas" and kind.__name__ in ("Timestamp", "Timedelta"):
        zone = getattr(value, "tz", None)
        parts = [value.isoformat(), value.unit, None if zone is None else str(zone)]
        return {"type": kind.__name__, "value": parts}
    if module == "pandas" and kind.__name__ == "NaTType":
        return {"type": "NaT", "value": None}
    return None


def _same(one: object, other: object) -> bool:
    try:
        return content.digest(one) == content.digest(other)
    except UnkeyableArgumentError:
        return False


def _account(value: object) -> dict[str, Any]:
    try:
        digest: str | None = content.digest(value).hex()
    except Exception:  # noqa: BLE001 - whatever its own key raises: the account has none
        digest = None
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return {"type": "account", "value": [_brief(value), name, digest]}


def _brief(value: Any) -> str:
    """A few words about a value, whatever its repr does."""
    if isinstance(value, type) or (hasattr(value, "__qualname__") and callable(value)):
        return f"{value.__module__}.{value.__qualname__}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{type(value).__name__} {' x '.join(map(str, shape))}"
    try:
        text = _repr.repr(value)
    except Exception:  # noqa: BLE001 - a repr of the user's may raise anything
        return f"a {type(value).__name__}"
    if " at 0x" in text:  # an address tells nothing, and differs in every process
        return f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


_repr = reprlib.Repr()
_repr.maxother = _repr.maxstring = LONGEST


def _numpy(name: str) -> Any:
    import numpy as np

    dtype = np.dtype(name)

    def read(plain: Any) -> Any:
        if dtype.kind in "mM":
            return np.int64(plain).view(dtype)
        return dtype.type(float(plain) if isinstance(plain, str) else plain)

    return read


def _ndarray(plain: list[Any]) -> Any:
    import numpy as np

    dtype, shape, items = plain
    return np.array([from_plain(item) for item in items], dtype=dtype).reshape(shape)


def _timestamp(plain: list[Any]) -> Any:
    import pandas as pd

    text, unit, zone = plain
    stamp = pd.Timestamp(text)
    if zone is not None:
        stamp = stamp.tz_convert(zone)
    return stamp.as_unit(unit)


def _timedelta(plain: list[Any]) -> Any:
    import pandas as pd

    return pd.Timedelta(plain[0]).as_unit(plain[1])


def _nat(_: None) -> Any:
    import pandas as pd

    return pd.NaT


class _Readers(dict[str, Any]):
    """The readers by type; numpy has too many to name."""

    def __missing__(self, name: str) -> Any:
        library, _, rest = name.partition(".")
        if library != "numpy" or not rest:
            raise KeyError(name)
        return _numpy(rest)


_READERS: Mapping[str, Any] = _Readers(
    {
        "float": float,
        "decimal": decimal.Decimal,
        "date": datetime.date.fromisoformat,
        "datetime": datetime.datetime.fromisoformat,
        "time": datetime.time.fromisoformat,
        "timedelta": lambda plain: datetime.timedelta(*plain),
        "Timestamp": _timestamp,
        "Timedelta": _timedelta,
        "NaT": _nat,
        "dict": lambda plain: {from_plain(key): from_plain(one) for key, one in plain},
        "tuple": lambda plain: tuple(map(from_plain, plain)),
        "set": lambda plain: set(map(from_plain, plain)),
        "frozenset": lambda plain: frozenset(map(from_plain, plain)),
        "ndarray": _ndarray,
        "account": lambda plain: Account(*plain),
    }
)
