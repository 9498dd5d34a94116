"""Digests that must never change by accident: on any Python, pandas, numpy or machine.

The table is ``golden_digests.json``. A row that differs means that every cache in the world is
empty; if that is meant, raise ``FORMAT`` and write the table anew with
``python tests/keys/test_golden_digests.py``. Everything that a version of pandas is free to
choose (dtypes of strings, units of times) is given explicitly.
"""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import enum
import fractions
import functools
import json
import operator
import pathlib
import re
import uuid
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache.keys.content import content_key

TABLE = Path(__file__).with_name("golden_digests.json")


def days(n: int, zone: str | None = None, unit: str = "ns") -> pd.DatetimeIndex:
    stamps = np.arange(n).astype("M8[D]").astype(f"M8[{unit}]")
    if zone is None:
        return pd.DatetimeIndex(stamps, freq="D")
    return pd.DatetimeIndex(stamps).tz_localize(zone)  # versions differ in keeping the frequency


def text_index(*labels: str, name: object = None) -> Any:
    return pd.Index(list(labels), dtype=object, name=name)


def frame(n: int = 252) -> pd.DataFrame:
    values = np.arange(5.0 * n).reshape(n, 5) / 7
    values[3, 2], values[4, 1] = np.nan, -0.0
    return pd.DataFrame(values, index=days(n), columns=text_index("o", "h", "l", "c", "v"))


def mixed() -> pd.DataFrame:
    columns = {
        "float": np.array([1.5, np.nan, -0.0]),
        "small": np.array([1, 2, 3], "i2"),
        "flag": np.array([True, False, True]),
        "object": pd.Series(["x", None, 2], dtype=object),
        "when": pd.Series(np.array(["2024-01-01", "NaT", "2024-01-03"], "M8[ns]")),
        "zoned": pd.Series(days(3, "Europe/Berlin")),
        "span": pd.Series(np.array([1, 2, 3], "m8[s]")),
        "category": pd.Categorical.from_codes([0, 1, -1], text_index("u", "v")),
        "int64": pd.array([1, None, 3], dtype="Int64"),
        "boolean": pd.array([True, None, False], dtype="boolean"),
        "float64": pd.array([1.5, None, 2.5], dtype="Float64"),
        "string": pd.array(["a", None, "ccc"], dtype=pd.StringDtype("python")),
        "period": pd.PeriodIndex.from_ordinals([0, 1, 2], freq="D").array,
        "interval": pd.arrays.IntervalArray.from_breaks(np.arange(4)),
        "sparse": pd.arrays.SparseArray(np.array([0.0, 0.0, 1.5]), fill_value=0.0),
    }
    frame = pd.DataFrame(columns, index=pd.RangeIndex(3))
    return frame.set_axis(text_index(*columns, name="field"), axis=1)


class Side(enum.Enum):
    LONG = 1


class Settings:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


# The class is in here by its name, which must not depend on how this file was started.
Settings.__module__ = Side.__module__ = "golden"


def endless() -> list[Any]:
    a: list[Any] = ["a"]
    a.append({"me": a})
    return a


def nested(levels: int) -> Any:
    value: Any = ()
    for _ in range(levels):
        value = [value]
    return value


VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "int": lambda: 20,
    "negative int": lambda: -1,
    "big int": lambda: 2**100,
    "float": lambda: 0.1,
    "minus zero": lambda: -0.0,
    "NaN": lambda: float("nan"),
    "complex": lambda: 1 - 2j,
    "str": lambda: "close",
    "empty str": lambda: "",
    "non-ASCII str": lambda: "größe €",
    "lone surrogate": lambda: "\ud800",
    "bytes": lambda: b"\x00\xff",
    "bytearray": lambda: bytearray(b"ab"),
    "Ellipsis": lambda: ...,
    "list": lambda: [1, "a", None],
    "empty list": list,
    "nested list": lambda: [[1], [2, [3]]],
    "packed ints": lambda: list(range(20)),
    "packed mix": lambda: [1, 2.5, "a", None, True, b"b"] * 4,
    "blocks of ints": lambda: list(range(65_537)),
    "tuple": lambda: (1, "a"),
    "dict": lambda: {"b": 1, "a": [2], 3: None},
    "set": lambda: {1, "a", None},
    "frozensets": lambda: {frozenset({1}), frozenset({2, 3})},
    "OrderedDict": lambda: collections.OrderedDict(b=1, a=2),
    "defaultdict": lambda: collections.defaultdict(list, a=[1]),
    "Counter": lambda: collections.Counter("abca"),
    "deque": lambda: collections.deque([1, 2], 5),
    "range": lambda: range(1, 10, 2),
    "slice": lambda: slice(None, 5),
    "array.array": lambda: array.array("d", [1.5]),
    "date": lambda: dt.date(2024, 2, 29),
    "datetime": lambda: dt.datetime(2024, 2, 29, 12, 30, 1, 5, fold=1),
    "datetime with zone": lambda: dt.datetime(
        2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")
    ),
    "datetime in UTC": lambda: dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),  # noqa: UP017
    "timedelta": lambda: dt.timedelta(days=-1, microseconds=5),
    "Decimal": lambda: decimal.Decimal("-1.50"),
    "Fraction": lambda: fractions.Fraction(-1, 3),
    "UUID": lambda: uuid.UUID(int=7),
    "Pattern": lambda: re.compile("a+", re.IGNORECASE),
    "PurePosixPath": lambda: pathlib.PurePosixPath("data/prices.csv"),
    "enum": lambda: Side.LONG,
    "object": lambda: Settings(window=20, names={"a", "b"}),
    "class": lambda: [int, Settings, collections.OrderedDict, pathlib.PurePosixPath],
    "pandas and numpy classes": lambda: [pd.DataFrame, pd.Index, np.ndarray, np.random.Generator],
    "module": lambda: operator,
    "builtins": lambda: [len, max, str.upper],
    "partial": lambda: functools.partial(pow, 2, mod=5),
    "itemgetter": lambda: operator.itemgetter(1, "a"),
    "cycle": endless,
    "200 levels": lambda: nested(200),
    "float array": lambda: np.arange(6.0).reshape(2, 3),
    "array in F order": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "long array": lambda: np.arange(150_000.0),
    "array with NaN": lambda: np.array([1.0, -np.nan]),
    "float32 array": lambda: np.arange(3, dtype="f4"),
    "float16 array": lambda: np.arange(3, dtype="f2"),
    "complex array": lambda: np.array([1j, np.nan]),
    "bool array": lambda: np.array([True, False]),
    "big-endian array": lambda: np.arange(3, dtype=">i4"),
    "text array": lambda: np.array(["a", "bc"]),
    "bytes array": lambda: np.array([b"a", b"bc"]),
    "time array": lambda: np.array(["2024-01-01", "NaT"], "M8[s]"),
    "object array": lambda: np.array([1, "a", None, [2]], object),
    "record array": lambda: np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]),
    "masked array": lambda: np.ma.masked_array(
        np.array([1.0, 2.0]), [False, True], fill_value=-1.0
    ),
    "empty array": lambda: np.zeros((0, 3)),
    "numpy scalars": lambda: [np.float64(1.5), np.int32(1), np.bool_(True), np.str_("a")],
    "datetime64": lambda: np.datetime64("2024-01-01", "ns"),
    "dtype": lambda: np.dtype([("a", "i4"), ("b", "f8", (2,))]),
    "ufunc": lambda: np.add,
    "Generator": lambda: np.random.Generator(np.random.PCG64(7)),
    "RandomState": lambda: np.random.RandomState(7),
    "busdaycalendar": lambda: np.busdaycalendar(holidays=["2024-01-01"]),
    "frame": frame,
    "long frame": lambda: frame(70_000),
    "mixed frame": mixed,
    "frame with attrs": lambda: _with_attrs(frame(6)),
    "frame over a range": lambda: pd.DataFrame(np.eye(3), columns=text_index("a", "b", "c")),
    "numbered columns": lambda: pd.DataFrame(np.eye(3)),
    "empty frame": lambda: pd.DataFrame(index=pd.RangeIndex(0), columns=text_index()),
    "series": lambda: pd.Series(np.arange(3.0), index=days(3), name="close"),
    "object series": lambda: pd.Series(["a", None, 1.5], dtype=object),
    "DatetimeIndex": lambda: days(3),
    "DatetimeIndex in seconds": lambda: days(3, unit="s"),
    "DatetimeIndex with zone": lambda: days(3, "America/New_York"),
    "DatetimeIndex in UTC": lambda: days(3, "UTC"),
    "business days": lambda: pd.DatetimeIndex(
        np.array(["2024-01-01", "2024-01-02"], "M8[ns]"), freq="B"
    ),
    "RangeIndex": lambda: pd.RangeIndex(2, 200_000, 3),
    "named index": lambda: text_index("a", "b", name="label"),
    "MultiIndex": lambda: pd.MultiIndex.from_arrays(
        [text_index("a", "b", "a"), np.array([1, 2, 3])], names=["x", None]
    ),
    "CategoricalIndex": lambda: pd.CategoricalIndex(
        pd.Categorical.from_codes([1, 0], text_index("a", "b"), ordered=True)
    ),
    "PeriodIndex": lambda: pd.PeriodIndex.from_ordinals([0, 1], freq="M"),
    "Timestamp": lambda: pd.Timestamp("2024-01-01 12:00").as_unit("ns"),
    "Timestamp with zone": lambda: pd.Timestamp("2024-01-01", tz="Europe/Berlin").as_unit("ns"),
    "Timedelta": lambda: pd.Timedelta(5, "s").as_unit("ns"),
    "Period": lambda: pd.Period("2024-01", "M"),
    "Interval": lambda: pd.Interval(0, 1, "left"),
    "missing": lambda: [pd.NA, pd.NaT],
    "offsets": lambda: [
        pd.offsets.Day(2),
        pd.offsets.BDay(),
        pd.offsets.MonthEnd(),
        pd.DateOffset(months=1),
        pd.offsets.CustomBusinessDay(holidays=["2024-05-01"]),
    ],
    "dtypes": lambda: [
        pd.Int64Dtype(),
        pd.CategoricalDtype(text_index("a")),
        pd.PeriodDtype("D"),
        pd.DatetimeTZDtype("ns", "Europe/Berlin"),
        pd.StringDtype("python"),
        pd.SparseDtype("float64", 0.0),
        pd.IntervalDtype("int64", "right"),
    ],
}


def _with_attrs(value: pd.DataFrame) -> pd.DataFrame:
    value.attrs["source"] = "exchange"
    return value


def arrow_values() -> dict[str, Callable[[], Any]]:
    import pyarrow as pa

    return {
        "Arrow strings": lambda: pd.Series(
            ["a", None, "ccc"], dtype=pd.StringDtype("pyarrow"), name="s"
        ),
        "Arrow dtype": lambda: pd.Series([1, None], dtype=pd.ArrowDtype(pa.int32())),
        "Arrow table": lambda: pa.table(
            {
                "a": pa.array([1, None]),
                "b": pa.array(["x", None]),
                "c": pa.array([[1], None]),
                "d": pa.array([True, None]),
                "e": pa.array([1.5, None]),
                "f": pa.array(["q", "q"]).dictionary_encode(),
                "g": pa.array([{"x": 1}, None]),
                "h": pa.array([1, 2], pa.timestamp("ns", "UTC")),
            }
        ),
        "Arrow scalar": lambda: pa.scalar(1),
    }


@pytest.mark.parametrize("name", VALUES)
def test_golden_digest(name: str) -> None:
    assert content_key(VALUES[name]()) == json.loads(TABLE.read_text())[name]


def test_golden_digests_of_arrow() -> None:
    pytest.importorskip("pyarrow")
    table = json.loads(TABLE.read_text())
    for name, make in arrow_values().items():
        assert content_key(make()) == table[name], name


def test_the_table_has_a_row_for_every_value_and_no_other() -> None:
    pytest.importorskip("pyarrow")
    assert set(json.loads(TABLE.read_text())) == {*VALUES, *arrow_values()}


def test_no_two_values_share_a_digest() -> None:
    digests = collections.Counter(json.loads(TABLE.read_text()).values())
    assert {d for d, n in digests.items() if n > 1} == {content_key(np.arange(6.0).reshape(2, 3))}


if __name__ == "__main__":
    rows = {name: content_key(make()) for name, make in {**VALUES, **arrow_values()}.items()}
    TABLE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
