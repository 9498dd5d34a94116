"""Pairs of calls that must share a key, and pairs that must not: for ``must_hit``, ``must_miss``.

They are written for a function of the shape ``f(value, window=20)``. Each pair is built when it is
asked for, so that importing this module costs nothing.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_afml.compat.cases import Args, args

Values = Callable[[], tuple[Any, Any]]


@dataclass(frozen=True)
class Pair:
    """Two calls; ``str(pair)`` is the rule that they stand for.

    Attributes
    ----------
    rule : str
    kind : str
        ``"frame"`` (of columns ``close`` and ``volume``, on a DatetimeIndex), ``"series"``,
        ``"array"`` (of floats), ``"plain"`` (no array at all) or ``"call"`` (its form only).
    values : callable
        Makes both: the values of the first argument, or for ``"call"`` whole calls.
    """

    rule: str
    kind: str
    values: Values

    @property
    def a(self) -> Args:
        """The first call, made anew."""
        return self._call(0)

    @property
    def b(self) -> Args:
        """The second call, made anew."""
        return self._call(1)

    def _call(self, number: int) -> Args:
        value = self.values()[number]
        return value if isinstance(value, Args) else args(value)

    def __str__(self) -> str:
        return f"{self.kind}: {self.rule}"


def _frame() -> Any:
    import pandas as pd

    days = pd.date_range("2024-01-01", periods=6, tz="UTC", name="date")
    close = [100.0, 101.5, 99.0, 0.0, 104.25, 103.0]
    return pd.DataFrame({"close": close, "volume": [10, 20, 30, 40, 50, 60]}, index=days)


def _edited(edit: Callable[[Any], Any]) -> Values:
    """The frame, and the frame after an edit."""
    return lambda: (_frame(), edit(_frame()))


def _looked_at(frame: Any) -> Any:
    repr(frame), frame.describe(), frame.index.is_unique, frame["close"]
    return frame


def _grown(frame: Any) -> Any:
    """Column by column, so that its blocks lie otherwise."""
    grown = frame[[]].copy()
    for name in frame:
        grown[name] = frame[name].to_numpy()
    return grown


def _sliced(frame: Any) -> Any:
    import pandas as pd

    days = pd.date_range("2023-12-30", periods=10, tz="UTC", name="date")
    return frame.reindex(days).loc[frame.index[0] : frame.index[-1]].astype(frame.dtypes)


def _set(frame: Any, row: int, value: float) -> Any:
    frame.iloc[row, 0] = value
    return frame


def _without_freq(frame: Any) -> Any:
    frame.index.freq = None
    return frame


def _with(frame: Any, name: str, value: Any) -> Any:
    setattr(frame, name, value)
    return frame


def _multi(frame: Any) -> tuple[Any, Any]:
    """Rows of one instrument: cut out of two, and built alone."""
    import pandas as pd

    both = pd.concat({"ES": frame, "NQ": frame}, names=["name"])
    return both.loc[["ES"]], pd.concat({"ES": frame}, names=["name"])


def _array(order: str = "C") -> Any:
    import numpy as np

    return np.arange(12.0).reshape(3, 4).copy(order=order)  # type: ignore[arg-type]


def _series(values: Sequence[Any], **options: Any) -> Any:
    import pandas as pd

    return pd.Series(values, **options)


def _categories(*categories: str, ordered: bool = False) -> Any:
    import pandas as pd

    return pd.Series(pd.Categorical(["up", "down"], categories=categories, ordered=ordered))


def _nan(sign: float) -> float:
    return float("nan") * sign


#: Pairs of calls of which the second must be served.
HITS: tuple[Pair, ...] = (
    Pair("a copy", "frame", _edited(lambda frame: frame.copy())),
    Pair("grown column by column", "frame", _edited(_grown)),
    Pair("displayed and described", "frame", _edited(_looked_at)),
    Pair("cut out of a longer one", "frame", _edited(_sliced)),
    Pair("pickled and back", "frame", _edited(lambda f: pickle.loads(pickle.dumps(f)))),
    Pair("of unused levels", "frame", lambda: _multi(_frame())),
    Pair("a column of the frame", "series", lambda: (_frame()["close"], _frame().iloc[:, 0])),
    Pair(
        "a range or whole numbers as index",
        "series",
        lambda: (_series([1.0, 2.0]), _series([1.0, 2.0], index=[0, 1])),
    ),
    Pair("NaN is NaN", "series", lambda: (_series([_nan(1.0)]), _series([_nan(-1.0)]))),
    Pair("rows or columns first in memory", "array", lambda: (_array("C"), _array("F"))),
    Pair("a view of every second row", "array", lambda: (_array()[::2], _array()[::2].copy())),
    Pair("a dict in another order", "plain", lambda: ({"a": 1, "b": 2}, {"b": 2, "a": 1})),
    Pair("a set in another order", "plain", lambda: (set("abcdef"), set("fedcba"))),
    Pair("NaN is NaN", "plain", lambda: (_nan(1.0), _nan(-1.0))),
    Pair("an equal text", "plain", lambda: ("window", "".join(["win", "dow"]))),
    Pair("an argument by name", "call", lambda: (args(1.5), args(value=1.5))),
    Pair("a default spelled out", "call", lambda: (args(1.5), args(1.5, 20))),
    Pair(
        "names in another order",
        "call",
        lambda: (args(value=1.5, window=5), args(window=5, value=1.5)),
    ),
)

#: Pairs of calls of which the second must be computed.
MISSES: tuple[Pair, ...] = (
    Pair("one value changed", "frame", _edited(lambda frame: _set(frame, 1, 101.25))),
    Pair(
        "one value changed in its last bit",
        "frame",
        _edited(lambda frame: _set(frame, 0, 100.00000000000001)),
    ),
    Pair("a value is missing", "frame", _edited(lambda frame: _set(frame, 2, float("nan")))),
    Pair("-0.0 for 0.0", "frame", _edited(lambda frame: _set(frame, 3, -0.0))),
    Pair("another dtype", "frame", _edited(lambda frame: frame.astype({"volume": "int32"}))),
    Pair("another time zone", "frame", _edited(lambda frame: frame.tz_convert("Asia/Tokyo"))),
    Pair("no time zone", "frame", _edited(lambda frame: frame.tz_localize(None))),
    Pair("no freq", "frame", _edited(_without_freq)),
    Pair("columns in another order", "frame", _edited(lambda f: f[["volume", "close"]])),
    Pair("another column name", "frame", _edited(lambda f: f.rename(columns={"close": "Close"}))),
    Pair("another index name", "frame", _edited(lambda frame: frame.rename_axis("day"))),
    Pair("rows in another order", "frame", _edited(lambda frame: frame.iloc[::-1])),
    Pair("one row less", "frame", _edited(lambda frame: frame.iloc[:-1])),
    Pair("other attrs", "frame", _edited(lambda f: _with(f, "attrs", {"source": "feed"}))),
    Pair(
        "a Series or a frame of one column",
        "series",
        lambda: (_frame()["close"], _frame()[["close"]]),
    ),
    Pair("another name", "series", lambda: (_frame()["close"], _frame()["close"].rename("x"))),
    Pair(
        "categories in another order",
        "series",
        lambda: (_categories("up", "down"), _categories("down", "up")),
    ),
    Pair(
        "a category that no row has",
        "series",
        lambda: (_categories("up", "down"), _categories("up", "down", "flat")),
    ),
    Pair(
        "ordered categories",
        "series",
        lambda: (_categories("up", "down"), _categories("up", "down", ordered=True)),
    ),
    Pair("transposed", "array", lambda: (_array()[:3, :3], _array()[:3, :3].T)),
    Pair("another shape", "array", lambda: (_array(), _array().reshape(4, 3))),
    Pair("another dtype", "array", lambda: (_array(), _array().astype("float32"))),
    Pair("an array or a list", "array", lambda: (_array(), _array().tolist())),
    Pair("a tuple for a list", "plain", lambda: ([1, 2], (1, 2))),
    Pair("a float for an int", "plain", lambda: (1, 1.0)),
    Pair("a bool for an int", "plain", lambda: (1, True)),
    Pair("-0.0 for 0.0", "plain", lambda: (0.0, -0.0)),
    Pair("bytes for a text", "plain", lambda: ("a", b"a")),
    Pair("an OrderedDict for a dict", "plain", lambda: ({"a": 1}, OrderedDict(a=1))),
    Pair("a list in another order", "plain", lambda: ([1, 2], [2, 1])),
    Pair("None for nothing", "plain", lambda: ({}, {"a": None})),
    Pair("another window", "call", lambda: (args(1.5), args(1.5, window=21))),
    Pair("arguments that trade places", "call", lambda: (args(5, 20), args(20, 5))),
)
