"""pandas' values: what of a frame, a Series, an index, a dtype or an offset counts."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.tseries.holiday import AbstractHolidayCalendar, Holiday, USFederalHolidayCalendar

from afml_cache.keys import frames
from afml_cache.keys.content import content_key, describe
from afml_cache.keys.stream import BLOCK

Values = Callable[[], list[Any]]
HAS_ARROW = True
try:
    import pyarrow as pa
except ImportError:  # the extra is not installed
    HAS_ARROW = False

needs_arrow = pytest.mark.skipif(not HAS_ARROW, reason="pyarrow is not installed")


def row(rule: str, values: Values, *marks: Any) -> Any:
    return pytest.param(values, id=rule, marks=marks)


def days(n: int, start: str = "2024-01-01", unit: str = "ns", **options: Any) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=n, freq="D", **options).as_unit(unit)


def prices(n: int = 6) -> pd.DataFrame:
    values = np.random.default_rng(0).standard_normal((n, 3))
    return pd.DataFrame({c: values[:, i].copy() for i, c in enumerate("abc")}, index=days(n))


def mixed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "price": [1.0, 2.5, np.nan],
            "size": [1, 2, 3],
            "name": pd.Series(["x", None, "z"], dtype=object),
            "kind": pd.Categorical(["u", "v", "u"]),
            "when": pd.Series(days(3)),
            "zoned": pd.Series(days(3, tz="Europe/Berlin")),
            "span": pd.to_timedelta([1, 2, 3], unit="s"),
            "maybe": pd.array([1, None, 3], dtype="Int64"),
            "quarter": pd.period_range("2024Q1", periods=3, freq="Q"),
            "range": pd.interval_range(0, 3),
            "seldom": pd.arrays.SparseArray([0.0, 0.0, 1.5]),
            "text": pd.array(["a", None, "c"], dtype=pd.StringDtype("python")),
            "flag": [True, False, True],
            "ratio": np.array([1, 2, 3], "f4"),
        }
    )


def fragmented(frame: pd.DataFrame) -> pd.DataFrame:
    made = pd.DataFrame(index=frame.index)
    for label in frame.columns:
        made.insert(len(made.columns), label, frame[label].copy())
    return made


def looked_at(value: Any) -> Any:
    assert repr(value) and value.index.is_unique and value.index.get_loc(value.index[0]) == 0
    if isinstance(value, pd.DataFrame):
        assert value.columns.get_loc(value.columns[0]) == 0
        assert len(value[value.columns[0]]) and value.head() is not value
    return value


def _used(grouped: Any) -> Any:
    assert len(grouped.sum()) and len(grouped.groups)
    return grouped


def with_attrs(value: Any, **attrs: object) -> Any:
    value.attrs.update(attrs)
    return value


def changed(frame: pd.DataFrame, row: int, column: int) -> pd.DataFrame:
    frame = frame.copy()
    frame.iloc[row, column] += 1
    return frame


def codes_of(*labels: str | None, categories: list[str], ordered: bool = False) -> pd.Categorical:
    return pd.Categorical(labels, categories=categories, ordered=ordered)


def multi(*tuples: tuple[Any, ...], names: Any = (None, None)) -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(tuples, names=names)


class MyFrame(pd.DataFrame):
    _metadata = ["source"]  # noqa: RUF012 - how pandas asks for it

    @property
    def _constructor(self) -> Any:
        return MyFrame


class MySeries(pd.Series):  # type: ignore[type-arg]
    pass


def sourced(source: str) -> MyFrame:
    frame = MyFrame({"a": [1]})
    frame.source = source
    return frame


class Holidays(AbstractHolidayCalendar):
    rules = [Holiday("May Day", month=5, day=1)]  # noqa: RUF012 - how pandas asks for it


class OtherHolidays(Holidays):
    pass


def worked_out(calendar: AbstractHolidayCalendar) -> AbstractHolidayCalendar:
    assert len(calendar.holidays("2020", "2024"))
    return calendar


SAME = [
    row("a copy", lambda: [mixed(), mixed().copy(), copy.deepcopy(mixed())]),
    row("a pickle round trip", lambda: [mixed(), pickle.loads(pickle.dumps(mixed()))]),
    row("displayed and indexed", lambda: [prices(), looked_at(prices())]),
    row("displayed, of all dtypes", lambda: [mixed(), looked_at(mixed())]),
    row("blocks in pieces", lambda: [mixed(), fragmented(mixed()), fragmented(mixed()).copy()]),
    row(
        "columns added one by one",
        lambda: [prices(), prices()[["a"]].assign(b=prices().b, c=prices().c)],
    ),
    row(
        "C order, F order, a dict of columns",
        lambda: [
            pd.DataFrame(v := np.arange(12.0).reshape(4, 3)),
            pd.DataFrame(np.asfortranarray(v)),
            pd.DataFrame(v, copy=True),
            pd.DataFrame({i: v[:, i] for i in range(3)}),
        ],
    ),
    row(
        "large, C order and F order",
        lambda: [
            pd.DataFrame(v := np.random.default_rng(0).standard_normal((150_000, 3))),
            pd.DataFrame(np.asfortranarray(v)),
            pd.DataFrame(v, copy=True),
            pd.DataFrame({i: v[:, i] for i in range(3)}),
        ],
    ),
    row(
        "slices of all rows and columns",
        lambda: [prices(), prices().iloc[:], prices().loc[:, :], prices()[["a", "b", "c"]]],
    ),
    row(
        "a slice and what it holds",
        lambda: [
            prices(9).iloc[2:7],
            prices(9).iloc[2:7].copy(),
            pickle.loads(pickle.dumps(prices(9).iloc[2:7])),
        ],
    ),
    row(
        "a filter that keeps all rows",
        lambda: [f := prices().reset_index(drop=True), f[f.a > -100], f[[True] * len(f)]],
    ),
    row(
        "a range and its integers",
        lambda: [
            pd.RangeIndex(3),
            pd.Index([0, 1, 2], dtype="int64"),
            pd.Index(np.arange(3, dtype="int64")),
        ],
    ),
    row(
        "a long range and its integers",
        lambda: [pd.RangeIndex(10, 400_010, 2), pd.Index(np.arange(10, 400_010, 2, dtype="int64"))],
    ),
    row(
        "ranges of one length with other ends",
        lambda: [
            pd.RangeIndex(0, 5, 2),
            pd.RangeIndex(0, 6, 2),
            pd.Index([0, 2, 4], dtype="int64"),
        ],
    ),
    row(
        "frames over a range and its integers",
        lambda: [
            pd.DataFrame({"a": [1.0, 2.0]}),
            pd.DataFrame({"a": [1.0, 2.0]}, index=pd.Index([0, 1], dtype="int64")),
        ],
    ),
    row(
        "levels that no row uses",
        lambda: [
            multi(("a", 1), ("b", 2)),
            multi(("z", 9), ("a", 1), ("b", 2))[1:],
            multi(("a", 1), ("b", 2), ("c", 3))[:2].remove_unused_levels(),
        ],
    ),
    row(
        "levels in another order",
        lambda: [
            multi(("a", 1), ("b", 2)),
            pd.MultiIndex(levels=[["b", "a"], [2, 1]], codes=[[1, 0], [1, 0]]),
        ],
    ),
    row(
        "missing values in levels",
        lambda: [multi(("a", 1), (None, 2)), multi(("a", 1), ("q", 3), (None, 2))[[0, 2]]],
    ),
    row(
        "long levels that no row uses",
        lambda: [_long_multi(BLOCK + 5), _long_multi(BLOCK + 9)[:-4]],
    ),
    row(
        "NaN of any bits",
        lambda: [
            pd.Series([1.0, np.nan]),
            pd.Series([1.0, -np.nan]),
            pd.Series(np.array([0x3FF0000000000000, 0x7FF0000000000001], "u8").view("f8")),
        ],
    ),
    row(
        "what is hidden where Int64 is missing",
        lambda: [pd.arrays.IntegerArray(np.array([1, v]), np.array([False, True])) for v in (0, 7)],
    ),
    row(
        "what is hidden where Float64 is missing",
        lambda: [
            pd.arrays.FloatingArray(np.array([1, v]), np.array([False, True]))
            for v in (0.0, np.nan)
        ],
    ),
    row("no attributes and an empty dict", lambda: [prices(), with_attrs(prices())]),
    row(
        "attributes in any order",
        lambda: [with_attrs(prices(), a=1, b=2), with_attrs(prices(), b=2, a=1)],
    ),
    row("a calendar that worked out its holidays", lambda: [Holidays(), worked_out(Holidays())]),
    row(
        "offsets",
        lambda: [
            pd.offsets.CustomBusinessDay(calendar=USFederalHolidayCalendar()) for _ in range(2)
        ],
    ),
    row(
        "UTC from any library",
        lambda: [days(2, tz=z) for z in ("UTC", dt.UTC, zoneinfo.ZoneInfo("UTC"))],
    ),
    row(
        "subclasses", lambda: [sourced("x"), sourced("x"), pickle.loads(pickle.dumps(sourced("x")))]
    ),
    row(
        "stamps",
        lambda: [
            pd.Timestamp("2024-01-01"),
            pd.Timestamp(2024, 1, 1).as_unit(pd.Timestamp("2024-01-01").unit),
        ],
    ),
    row(
        "sparse, whatever way it was made",
        lambda: [pd.arrays.SparseArray([0, 0, 1]), pd.arrays.SparseArray([1, 0, 0])[::-1]],
    ),
    row("Arrow in other chunks", lambda: _chunked(), needs_arrow),
    row(
        "Arrow at another offset",
        lambda: [
            pd.Series(["a", None, "c"], dtype="string[pyarrow]"),
            pd.Series(["z", "a", None, "c", "y"], dtype="string[pyarrow]")
            .iloc[1:4]
            .reset_index(drop=True),
        ],
        needs_arrow,
    ),
    row("Arrow with other bytes under a null", lambda: _hidden(), needs_arrow),
    row("Arrow, fragmented and long", lambda: _long_strings(), needs_arrow),
]


def _long_multi(n: int) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([np.arange(n) // 3, [f"s{i % 70_000}" for i in range(n)]])


def _chunked() -> list[Any]:
    whole = pa.array(["a", None, "ccc", ""], pa.large_string())
    parts = pa.chunked_array([whole[:1], whole[1:1], whole[1:3], whole[3:]])
    kind = pd.ArrowDtype(pa.large_string())
    return [
        pd.Series(pd.arrays.ArrowExtensionArray(values), dtype=kind)
        for values in (pa.chunked_array([whole]), parts)
    ]


def _hidden() -> list[Any]:
    """Two arrays of ["ab", null, "c"]: under one's null lies "zz"."""
    offsets = np.array([0, 2, 4, 5], "i8").tobytes(), np.array([0, 2, 2, 3], "i8").tobytes()
    made = []
    for ends, data in zip(offsets, (b"abzzc", b"abc"), strict=True):
        buffers = [pa.py_buffer(b"\x05"), pa.py_buffer(ends), pa.py_buffer(data)]
        array = pa.Array.from_buffers(pa.large_string(), 3, buffers)
        made.append(pd.Series(pd.arrays.ArrowExtensionArray(array)))
    assert made[0].equals(made[1])
    return made


def _long_strings() -> list[Any]:
    items = [f"s{i}" if i % 7 else None for i in range(150_000)]
    whole = pd.Series(items, dtype="string[pyarrow]")
    parts = pd.concat([whole.iloc[:70_001], whole.iloc[70_001:]])
    assert parts.array._pa_array.num_chunks > 1
    return [whole, parts, whole.copy(), pickle.loads(pickle.dumps(parts))]


DIFFERENT = [
    row(
        "dtypes of equal values",
        lambda: [
            pd.Series([1, 2], dtype=t)
            for t in (
                "i8",
                "i4",
                "f8",
                "f4",
                "O",
                "Int64",
                "Int32",
                "Float64",
                "category",
                "Sparse[int64]",
                "m8[ns]",
                "M8[ns]",
            )
        ],
    ),
    row(
        "dtypes of equal truths",
        lambda: [pd.Series([True, False], dtype=t) for t in ("?", "boolean", "O", "category")],
    ),
    row("units", lambda: [days(2, unit=u) for u in ("s", "ms", "us", "ns")]),
    row(
        "time zones",
        lambda: [
            days(2, tz=z)
            for z in (
                None,
                "UTC",
                "Europe/Berlin",
                "Europe/Paris",
                dt.timezone(dt.timedelta(hours=1)),
            )
        ],
    ),
    row(
        "labels",
        lambda: [
            prices(),
            prices().rename(columns={"a": "A"}),
            prices().set_axis(["a", "a", "b"], axis=1),
            prices().set_axis([0, 1, 2], axis=1),
        ],
    ),
    row(
        "columns in another order",
        lambda: [prices(), prices()[["b", "a", "c"]], prices()[["a", "b"]]],
    ),
    row(
        "values between columns",
        lambda: [
            pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
            pd.DataFrame({"a": [3, 4], "b": [1, 2]}),
            pd.DataFrame({"a": [1, 3], "b": [2, 4]}),
        ],
    ),
    row(
        "a square frame and its transpose",
        lambda: [
            pd.DataFrame(np.arange(9.0).reshape(3, 3)),
            pd.DataFrame(np.arange(9.0).reshape(3, 3).T),
        ],
    ),
    row(
        "one changed value",
        lambda: [
            prices(),
            changed(prices(), 0, 0),
            changed(prices(), 5, 0),
            changed(prices(), 0, 2),
            prices().iloc[::-1],
        ],
    ),
    row(
        "one changed value in any block of rows",
        lambda: [_long(None), _long(0), _long(65_535), _long(65_536), _long(139_999)],
    ),
    row(
        "one changed value, strided",
        lambda: [
            _long_strided(None),
            _long_strided(0),
            _long_strided(65_536),
            _long_strided(139_999),
        ],
    ),
    row(
        "index values",
        lambda: [
            prices(),
            prices().set_axis(days(6, "2024-01-02")),
            prices().reset_index(drop=True),
            prices().reset_index(),
        ],
    ),
    row(
        "index names",
        lambda: [
            prices(),
            prices().rename_axis("date"),
            prices().rename_axis("day"),
            prices().rename_axis(columns="field"),
        ],
    ),
    row(
        "index frequencies",
        lambda: [
            days(6),
            days(6)._with_freq(None),
            pd.date_range("2024-01-01", periods=6, freq="24h").as_unit("ns"),
        ],
    ),
    row(
        "index classes",
        lambda: [
            pd.Index([1, 2]),
            pd.Index([1.0, 2.0]),
            pd.Index([1, 2], dtype=object),
            pd.Index(["1", "2"], dtype=object),
            pd.CategoricalIndex([1, 2]),
            multi((1,), (2,), names=[None]),
            pd.IntervalIndex.from_breaks([0, 1, 2]),
            pd.PeriodIndex(["2024", "2025"], freq="D"),
            pd.Series([1, 2]),
            pd.array([1, 2]),
        ],
    ),
    row(
        "levels",
        lambda: [
            multi(("a", 1), ("b", 2)),
            multi(("a", 2), ("b", 1)),
            multi(("b", 2), ("a", 1)),
            multi(("a", 1), ("b", 2), names=("x", None)),
            multi(("a", 1), ("b", 2), names=(None, "x")),
            multi(("a", 1.0), ("b", 2.0)),
            multi(("a", 1), (None, 2)),
            multi((1, "a"), (2, "b")),
        ],
    ),
    row(
        "names of a Series",
        lambda: [
            pd.Series([1]),
            pd.Series([1], name="a"),
            pd.Series([1], name=0),
            pd.Series([1], name=("a", 0)),
        ],
    ),
    row(
        "frame and Series",
        lambda: [
            pd.Series([1.0], name="a"),
            pd.DataFrame({"a": [1.0]}),
            pd.Index([1.0], name="a"),
            np.array([1.0]),
            pd.array([1.0]),
        ],
    ),
    row(
        "categories and their order",
        lambda: [
            codes_of("a", "b", categories=["a", "b"]),
            codes_of("a", "b", categories=["b", "a"]),
            codes_of("a", "b", categories=["a", "b", "c"]),
            codes_of("a", "b", categories=["a", "b"], ordered=True),
            codes_of("a", None, categories=["a", "b"]),
            codes_of("b", "a", categories=["a", "b"]),
        ],
    ),
    row(
        "attributes and flags",
        lambda: [
            prices(),
            with_attrs(prices(), source="x"),
            with_attrs(prices(), source="y"),
            prices().set_flags(allows_duplicate_labels=False),
        ],
    ),
    row(
        "subclasses",
        lambda: [
            pd.DataFrame({"a": [1]}),
            MyFrame({"a": [1]}),
            sourced("x"),
            sourced("y"),
            pd.Series([1]),
            MySeries([1]),
        ],
    ),
    row(
        "missing values in object columns",
        lambda: [
            pd.Series(["a", v], dtype=object)
            for v in (None, np.nan, pd.NA, pd.NaT, "", "None", "nan")
        ],
    ),
    row(
        "missing and zero",
        lambda: [
            pd.array([1, None], dtype="Int64"),
            pd.array([1, 0], dtype="Int64"),
            pd.array([None, 1], dtype="Int64"),
            pd.array([1, None], dtype="Float64"),
        ],
    ),
    row(
        "NaN and NA in Float64",
        lambda: [
            pd.arrays.FloatingArray(np.array([1.0, np.nan]), np.array([False, hidden]))
            for hidden in (False, True)
        ],
    ),
    row("storage of strings", lambda: [pd.Series(["a", None], dtype=t) for t in _string_dtypes()]),
    row(
        "strings",
        lambda: [
            pd.Series(v, dtype=pd.StringDtype("python"))
            for v in (["ab", "c"], ["a", "bc"], ["ab", None], ["ab", ""], [None, "ab"])
        ],
    ),
    row(
        "periods",
        lambda: [
            pd.period_range("2024", periods=2, freq=f) for f in ("D", "M", "Q", "Q-JAN", "2D")
        ],
    ),
    row(
        "intervals",
        lambda: (
            [
                pd.arrays.IntervalArray.from_breaks([0, 1, 2], closed=c)
                for c in ("left", "right", "both", "neither")
            ]
            + [
                pd.arrays.IntervalArray.from_breaks([0, 1, 3]),
                pd.arrays.IntervalArray.from_breaks([0.0, 1, 2]),
            ]
        ),
    ),
    row(
        "sparse",
        lambda: [
            pd.arrays.SparseArray([0, 0, 1]),
            pd.arrays.SparseArray([0, 1, 0]),
            pd.arrays.SparseArray([0, 0, 1], fill_value=1),
            np.array([0, 0, 1]),
            pd.arrays.SparseArray([0, 0, 1], kind="block"),
        ],
    ),
    row(
        "scalars",
        lambda: [
            pd.Timestamp("2024-01-01").as_unit("ns"),
            pd.Timestamp("2024-01-01").as_unit("s"),
            pd.Timestamp("2024-01-01", tz="UTC"),
            dt.datetime(2024, 1, 1),
            np.datetime64("2024-01-01", "ns"),
            pd.Period("2024-01-01", "D"),
            pd.Timedelta(1),
            pd.NaT,
            pd.NA,
            None,
            pd.Interval(0, 1),
            pd.Interval(0, 1, "left"),
            pd.Interval(0.0, 1.0),
        ],
    ),
    row(
        "offsets",
        lambda: [
            pd.offsets.Day(),
            pd.offsets.Day(2),
            pd.offsets.Hour(24),
            pd.offsets.BDay(),
            pd.offsets.MonthEnd(),
            pd.offsets.MonthEnd(normalize=True),
            pd.offsets.YearEnd(month=3),
            pd.DateOffset(months=1),
            pd.DateOffset(days=1),
            pd.DateOffset(),
            pd.offsets.CustomBusinessDay(),
            pd.offsets.CustomBusinessDay(weekmask="Mon Tue"),
            pd.offsets.CustomBusinessDay(holidays=["2024-05-01"]),
            pd.offsets.CustomBusinessDay(calendar=Holidays()),
            pd.offsets.Week(weekday=1),
        ],
    ),
    row(
        "frequencies with holidays",
        lambda: [
            pd.date_range("2024-01-02", periods=3, freq=pd.offsets.CustomBusinessDay(holidays=h))
            for h in ([], ["2024-05-01"], ["2024-05-02"])
        ],
    ),
    row("calendars", lambda: [Holidays(), OtherHolidays(), USFederalHolidayCalendar()]),
    row(
        "dtypes as values",
        lambda: [
            pd.CategoricalDtype(),
            pd.CategoricalDtype(["a"]),
            pd.CategoricalDtype(["a"], ordered=True),
            pd.Int64Dtype(),
            pd.Int32Dtype(),
            pd.PeriodDtype("D"),
            pd.PeriodDtype("M"),
            pd.IntervalDtype(),
            pd.IntervalDtype("int64", "left"),
            pd.DatetimeTZDtype("ns", "UTC"),
            pd.DatetimeTZDtype("s", "UTC"),
            pd.SparseDtype("int64"),
            pd.SparseDtype("int64", 1),
            np.dtype("int64"),
        ],
    ),
    row(
        "empty frames",
        lambda: [
            pd.DataFrame(),
            pd.DataFrame(index=[0]),
            pd.DataFrame(columns=["a"]),
            pd.DataFrame({"a": pd.Series([], dtype="f8")}),
            pd.DataFrame({"a": pd.Series([], dtype="i8")}),
        ],
    ),
    row(
        "classes and the module",
        lambda: [pd.DataFrame, pd.Series, pd, pd.DataFrame.mean, pd.concat],
    ),
    row(
        "Arrow types",
        lambda: (
            [
                pd.Series([1, None], dtype=pd.ArrowDtype(t))
                for t in (
                    pa.int64(),
                    pa.int32(),
                    pa.float64(),
                    pa.timestamp("s"),
                    pa.timestamp("s", "UTC"),
                    pa.duration("s"),
                )
            ]
            + [pd.Series([1, None], dtype="Int64")]
        ),
        needs_arrow,
    ),
    row(
        "Arrow values",
        lambda: [
            pd.Series(v, dtype=pd.ArrowDtype(pa.list_(pa.int64())))
            for v in (
                [[1], [2]],
                [[1, 2], []],
                [[], [1, 2]],
                [None, [1, 2]],
                [[1, 2], None],
                [[1], [None]],
            )
        ],
        needs_arrow,
    ),
    row(
        "Arrow strings",
        lambda: [
            pd.Series(v, dtype="string[pyarrow]")
            for v in (["ab", "c"], ["a", "bc"], ["ab", None], ["ab", ""], [None, "ab"], ["ab"])
        ],
        needs_arrow,
    ),
]


def _long(place: int | None) -> pd.DataFrame:
    frame = pd.DataFrame({"a": np.zeros(140_000), "b": np.ones(140_000, "i4")})
    if place is not None:
        frame.iloc[place, 1] = 5
    return frame


def _long_strided(place: int | None) -> pd.DataFrame:
    values = np.zeros((140_000, 3))
    if place is not None:
        values[place, 1] = 5
    return pd.DataFrame(values)


def _string_dtypes() -> list[Any]:
    kinds: list[Any] = [object, pd.StringDtype("python")]
    if HAS_ARROW:
        kinds += [
            pd.StringDtype("pyarrow"),
            pd.ArrowDtype(pa.string()),
            pd.ArrowDtype(pa.large_string()),
        ]
    if "na_value" in pd.StringDtype.__init__.__code__.co_varnames:
        kinds += [pd.StringDtype("python", na_value=np.nan)]
        kinds += [pd.StringDtype("pyarrow", na_value=np.nan)] if HAS_ARROW else []
    return kinds


@pytest.mark.parametrize("values", SAME)
def test_same(values: Values) -> None:
    made = values()
    assert len(made) > 1
    assert len({content_key(value) for value in made}) == 1


@pytest.mark.parametrize("values", DIFFERENT)
def test_different(values: Values) -> None:
    keys = [content_key(value) for value in values()]
    assert len(keys) > 1
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("values", SAME + DIFFERENT)
def test_one_pass_gives_the_digest_and_the_summary(values: Values) -> None:
    for value in values():
        assert describe(value).digest.hex() == content_key(value)


@pytest.mark.parametrize("values", SAME + DIFFERENT)
def test_the_public_interface_of_pandas_gives_the_same_digests(
    values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [value for value in values() if isinstance(value, pd.DataFrame)]
    keys = [content_key(value) for value in made]
    monkeypatch.setattr(frames, "_manager_is_readable", False)
    assert [content_key(value) for value in made] == keys


def test_the_block_manager_is_read_where_it_is_known() -> None:
    assert frames._manager_is_readable


def test_a_frame_with_other_labels_is_not_mistaken_for_one_seen_before() -> None:
    keys = set()
    for labels in (["a", "b"], ["a", "c"], ["b", "a"], [1, 2], [True, 2], [1.0, 2], ["a", None]):
        for kind in (object, None):
            frame = pd.DataFrame([[1.0, 2.0]], columns=pd.Index(labels, dtype=kind))
            keys.add((str(frame.columns.dtype), tuple(map(repr, labels)), content_key(frame)))
    assert len({key for *_, key in keys}) == len({(dtype, labels) for dtype, labels, _ in keys})


def test_a_renamed_index_is_seen() -> None:
    frame = prices()
    before = content_key(frame)
    frame.columns.name = "field"
    named = content_key(frame)
    frame.columns.name = None
    assert before != named and content_key(frame) == before


def test_an_extension_array_of_another_package_counts_by_its_elements() -> None:
    from pandas.tests.extension.decimal import DecimalArray, to_decimal

    assert DecimalArray.__module__.startswith("pandas.tests")
    a, b, c = to_decimal(["1.0", "2"]), to_decimal(["1.0", "2"]), to_decimal(["1.00", "2"])
    assert content_key(pd.Series(a)) == content_key(pd.Series(b)) != content_key(pd.Series(c))


columns = st.one_of(
    st.lists(st.floats(), min_size=4, max_size=4),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=4, max_size=4).map(
        lambda v: pd.Series(v, dtype=object)
    ),
    st.lists(
        st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)), min_size=4, max_size=4
    ).map(lambda v: pd.Series(v).astype("M8[us]")),
    st.lists(st.sampled_from(["u", "v", "w"]), min_size=4, max_size=4).map(pd.Categorical),
    st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=4, max_size=4).map(
        lambda v: pd.array(v, dtype="Int64")
    ),
)


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=3), columns, max_size=6))
@settings(deadline=None)
def test_round_trips_keep_the_key(data: dict[str, Any]) -> None:
    frame = pd.DataFrame(data, index=pd.RangeIndex(4))
    key = content_key(frame)
    for other in (
        frame.copy(),
        copy.deepcopy(frame),
        pickle.loads(pickle.dumps(frame)),
        fragmented(frame),
        frame.iloc[:],
        frame[[True] * 4],
        frame[list(frame.columns)],
        pd.concat([frame.iloc[:, :2], frame.iloc[:, 2:]], axis=1),
    ):
        assert content_key(other) == key
    assert repr(frame) and content_key(frame) == key
    assert describe(frame).digest.hex() == key
