"""pandas' values: what shares a key, and what does not.

Built without pandas-3-only syntax: the same rows hold on pandas 2.2 and 3.
"""

from __future__ import annotations

import datetime as dt
import itertools
import pickle
from collections.abc import Callable

import numpy as np
import pandas as pd
import pandas.tseries.holiday as holiday
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.frequencies import to_offset

from afml_cache import content_key, robust_cacheable

Make = Callable[[], object]
DAYS = pd.date_range("2024-01-01", periods=4, freq="D", unit="ns")


def prices() -> pd.DataFrame:
    return pd.DataFrame(
        {"open": [1.0, 2.0, 3.0, 4.0], "close": [1.5, 2.5, 3.5, 4.5], "volume": [1, 2, 3, 4]},
        index=DAYS,
    )


def with_attrs(value: pd.DataFrame | pd.Series, **attrs: object) -> object:
    value.attrs.update(attrs)
    return value


def named(index: pd.Index, *names: object) -> pd.Index:
    return index.set_names(list(names)) if len(names) > 1 else index.rename(names[0])


def fragmented() -> pd.DataFrame:
    made = pd.DataFrame(index=DAYS)
    for name, column in prices().items():
        made[name] = column
    return made


def widened_and_dropped() -> pd.DataFrame:
    made = prices()
    made.insert(1, "extra", 0.0)
    return made.drop(columns="extra")


def used() -> pd.DataFrame:
    """A frame that has been looked at in every way that leaves something behind."""
    made = prices()
    repr(made), made._repr_html_(), str(made.dtypes), made.describe(), made.info(buf=_Sink())
    _ = made["close"], made.values, made.T, made.loc[DAYS[1]], made.iloc[0], made.close
    _ = made.index.is_unique, made.index.is_monotonic_increasing, made.index.get_loc(DAYS[2])
    _ = made.columns.is_unique, made.columns.get_loc("close")
    _ = made.memory_usage(deep=True), made.groupby(made.index.month).sum(), made.index.hasnans
    _ = made.rolling(2).mean(), made.index.to_series(), list(made.items()), hash(made.index.dtype)
    return made


class _Sink:
    def write(self, text: str) -> None:
        pass


def strided_columns() -> pd.DataFrame:
    wide = pd.DataFrame(np.arange(24.0).reshape(4, 6), index=DAYS, columns=list("abcdef"))
    return wide.iloc[:, ::2]


def hidden(value: int) -> object:
    return pd.arrays.IntegerArray(np.array([1, value]), np.array([False, True]))


def categorical(categories: list[object], values: list[object], ordered: bool = False) -> object:
    return pd.Categorical(values, categories=categories, ordered=ordered)


def multi(*, filtered: bool = False) -> pd.MultiIndex:
    if filtered:
        wider = pd.MultiIndex.from_product([["a", "b", "c"], [1, 2, 3]], names=["s", "n"])
        return wider[[0, 1, 3, 4]]
    return pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("b", 2)], names=["s", "n"])


def arrow(values: list[object], kind: str, *, chunks: int = 1, offset: int = 0) -> object:
    pa = pytest.importorskip("pyarrow")
    data = pa.array([*([values[0]] * offset), *values], getattr(pa, kind)()).slice(offset)
    step = max(1, -(-len(data) // chunks))
    parts = [data.slice(i, step) for i in range(0, len(data), step)]
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(parts, data.type)))


def arrow_hidden(value: int) -> object:
    pa = pytest.importorskip("pyarrow")
    values = np.array([1, value, 3], "i8")
    array = pa.Array.from_buffers(
        pa.int64(), 3, [pa.py_buffer(bytes([0b101])), pa.py_buffer(values)], null_count=1
    )
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array])))


def nan_series(bits: int) -> pd.Series:
    return pd.Series(np.array([0x3FF0000000000000, bits], "u8").view("f8"))


class Frame(pd.DataFrame):
    _metadata = ["source"]  # noqa: RUF012 - as pandas' guide to subclasses has it

    @property
    def _constructor(self) -> type[Frame]:
        return Frame


def sourced(source: str) -> Frame:
    made = Frame(prices())
    made.source = source
    return made


def business(**options: object) -> object:
    return pd.offsets.CustomBusinessDay(**options)


class Exchange(holiday.AbstractHolidayCalendar):
    rules = [holiday.USLaborDay, holiday.GoodFriday]  # type: ignore[attr-defined]  # noqa: RUF012


def calendar(*, asked: bool = False) -> object:
    made = Exchange()
    if asked:
        made.holidays("2020-01-01", "2024-01-01")
    return made


SAME: list[tuple[str, Make, Make]] = [
    ("a copy", prices, lambda: prices().copy()),
    ("a shallow copy", prices, lambda: prices().copy(deep=False)),
    ("a pickle", prices, lambda: pickle.loads(pickle.dumps(prices()))),
    ("column after column", prices, fragmented),
    ("after a column came and went", prices, widened_and_dropped),
    ("a frame that was shown and used", prices, used),
    ("a no-op filter, its freq set again", prices, lambda: prices()[[True] * 4].set_axis(DAYS)),
    ("a full slice", prices, lambda: prices().iloc[:]),
    ("a slice of rows", lambda: prices().iloc[1:3].copy(), lambda: prices().iloc[1:3]),
    (
        "columns chosen",
        prices,
        lambda: prices()[["volume", "close", "open"]][["open", "close", "volume"]],
    ),
    (
        "every second column of a block",
        strided_columns,
        lambda: pd.DataFrame({c: strided_columns()[c].copy() for c in "ace"}, index=DAYS),
    ),
    (
        "floats in one block of either order",
        lambda: pd.DataFrame(np.arange(6.0).reshape(3, 2)),
        lambda: pd.DataFrame(np.asfortranarray(np.arange(6.0).reshape(3, 2))),
    ),
    (
        "rows turned over twice",
        prices,
        lambda: prices().iloc[::-1].copy().iloc[::-1].set_axis(DAYS),
    ),
    ("transposed twice", lambda: prices().astype(float), lambda: prices().astype(float).T.T),
    ("not writeable", lambda: pd.Series(np.arange(3)), lambda: pd.Series(_frozen(np.arange(3)))),
    (
        "a column and the same series",
        lambda: prices()["close"],
        lambda: pd.Series([1.5, 2.5, 3.5, 4.5], DAYS, name="close"),
    ),
    (
        "a RangeIndex materialised",
        lambda: pd.Series([1, 2]),
        lambda: pd.Series([1, 2], index=pd.Index(np.array([0, 1]))),
    ),
    (
        "a RangeIndex with a step",
        lambda: pd.RangeIndex(0, 6, 2),
        lambda: pd.Index(np.array([0, 2, 4])),
    ),
    (
        "a RangeIndex with an odd stop",
        lambda: pd.RangeIndex(0, 6, 2),
        lambda: pd.RangeIndex(0, 5, 2),
    ),
    ("an empty RangeIndex", lambda: pd.RangeIndex(0), lambda: pd.RangeIndex(5, 5)),
    (
        "column labels as a range",
        lambda: pd.DataFrame([[1, 2]]),
        lambda: pd.DataFrame([[1, 2]], columns=pd.Index(np.array([0, 1]))),
    ),
    ("unused levels", multi, lambda: multi(filtered=True)),
    (
        "unused levels of a frame",
        lambda: pd.Series(range(4), multi()),
        lambda: pd.Series(range(4), multi(filtered=True)),
    ),
    (
        "unused levels of columns",
        lambda: pd.DataFrame([range(4)], columns=multi()),
        lambda: pd.DataFrame([range(4)], columns=multi(filtered=True)),
    ),
    (
        "NaN of any payload",
        lambda: nan_series(0x7FF8000000000000),
        lambda: nan_series(0xFFF8000000000123),
    ),
    ("NaN as a label", lambda: pd.Series([1], [np.nan]), lambda: pd.Series([1], [-np.nan])),
    ("values under a mask", lambda: hidden(5), lambda: hidden(99)),
    (
        "values under a mask in a column",
        lambda: pd.DataFrame({"a": hidden(5)}),
        lambda: pd.DataFrame({"a": hidden(99)}),
    ),
    (
        "bools under a mask",
        lambda: pd.arrays.BooleanArray(np.array([True, False]), np.array([False, True])),
        lambda: pd.arrays.BooleanArray(np.array([True, True]), np.array([False, True])),
    ),
    (
        "floats under a mask",
        lambda: pd.arrays.FloatingArray(np.array([1.0, 2.0]), np.array([False, True])),
        lambda: pd.arrays.FloatingArray(np.array([1.0, np.nan]), np.array([False, True])),
    ),
    (
        "categories from values or codes",
        lambda: categorical(["a", "b"], ["b", "a"]),
        lambda: pd.Categorical.from_codes(np.array([1, 0]), categories=["a", "b"]),
    ),
    (
        "codes of another width",
        lambda: categorical(["a", "b"], ["b", "a"]),
        lambda: pd.Categorical.from_codes(
            np.array([1, 0], "i8"), dtype=pd.CategoricalDtype(["a", "b"])
        ),
    ),
    (
        "categories as a range",
        lambda: pd.Categorical.from_codes([0, 1], pd.RangeIndex(2)),
        lambda: pd.Categorical.from_codes([0, 1], pd.Index(np.array([0, 1]))),
    ),
    (
        "texts that are other objects",
        lambda: pd.Series(["ab"], dtype=object),
        lambda: pd.Series(["".join("ab")], dtype=object),
    ),
    (
        "the default texts, fragmented",
        lambda: pd.DataFrame({"a": ["x", "y"], "b": ["z", "w"]}),
        lambda: pd.concat(
            [pd.Series(["x", "y"], name="a"), pd.Series(["z", "w"], name="b")], axis=1
        ),
    ),
    (
        "Arrow numbers, chunked",
        lambda: arrow(list(range(100)), "int64"),
        lambda: arrow(list(range(100)), "int64", chunks=7),
    ),
    (
        "Arrow numbers, sliced",
        lambda: arrow(list(range(100)), "int64"),
        lambda: arrow(list(range(100)), "int64", offset=3),
    ),
    (
        "Arrow bools, sliced off a byte",
        lambda: arrow([True, False, True] * 9, "bool_"),
        lambda: arrow([True, False, True] * 9, "bool_", offset=5),
    ),
    (
        "Arrow bools, chunked off a byte",
        lambda: arrow([True, False, None] * 9, "bool_"),
        lambda: arrow([True, False, None] * 9, "bool_", chunks=4),
    ),
    (
        "Arrow nulls, sliced",
        lambda: arrow([1, None, 3] * 9, "int64"),
        lambda: arrow([1, None, 3] * 9, "int64", offset=3),
    ),
    (
        "Arrow texts, sliced",
        lambda: arrow(["a", None, "bcd"] * 9, "string"),
        lambda: arrow(["a", None, "bcd"] * 9, "string", offset=3, chunks=3),
    ),
    (
        "Arrow large texts, sliced",
        lambda: arrow(["a", None, "bcd"] * 9, "large_string"),
        lambda: arrow(["a", None, "bcd"] * 9, "large_string", offset=3, chunks=3),
    ),
    ("Arrow values under a null", lambda: arrow_hidden(5), lambda: arrow_hidden(99)),
    (
        "Arrow NaN of any payload",
        lambda: arrow([np.nan], "float64"),
        lambda: arrow([-np.nan], "float64"),
    ),
    (
        "a sparse array from dense",
        lambda: pd.arrays.SparseArray([0, 1, 0]),
        lambda: pd.arrays.SparseArray(np.array([0, 1, 0]), fill_value=0),
    ),
    (
        "intervals from breaks or pairs",
        lambda: pd.interval_range(0, 3),
        lambda: pd.IntervalIndex.from_tuples([(0, 1), (1, 2), (2, 3)]),
    ),
    (
        "periods",
        lambda: pd.period_range("2024-01", periods=2, freq="M"),
        lambda: pd.PeriodIndex(["2024-01", "2024-02"], freq="M"),
    ),
    (
        "a Timestamp",
        lambda: pd.Timestamp("2024-01-02").as_unit("ns"),
        lambda: pd.Timestamp(year=2024, month=1, day=2).as_unit("ns"),
    ),
    (
        "a Timedelta",
        lambda: pd.Timedelta("1D").as_unit("ns"),
        lambda: pd.Timedelta(hours=24).as_unit("ns"),
    ),
    ("an offset", lambda: pd.offsets.BDay(2), lambda: to_offset("2B")),
    (
        "an offset that was used",
        lambda: pd.offsets.BDay(2),
        lambda: _after(pd.offsets.BDay(2), lambda o: pd.Timestamp("2024-01-01") + o),
    ),
    (
        "a custom calendar",
        lambda: business(holidays=["2024-01-02"]),
        lambda: business(holidays=[pd.Timestamp("2024-01-02")]),
    ),
    (
        "a custom calendar that was used",
        lambda: business(holidays=["2024-01-02"]),
        lambda: _after(
            business(holidays=["2024-01-02"]),
            lambda o: pd.date_range("2024-01-01", periods=9, freq=o),
        ),
    ),
    ("a holiday calendar that was asked", calendar, lambda: calendar(asked=True)),
    ("attrs", lambda: with_attrs(prices(), a=1, b=2), lambda: with_attrs(prices(), b=2, a=1)),
    ("a subclass with its metadata", lambda: sourced("x"), lambda: sourced("x")),
    (
        "an index that was asked",
        lambda: pd.Index([3, 1, 2]),
        lambda: _after(
            pd.Index([3, 1, 2]),
            lambda i: (i.get_loc(1), i.is_unique, i.is_monotonic_increasing, repr(i)),
        ),
    ),
    (
        "an index that was searched",
        lambda: multi(),
        lambda: _after(multi(), lambda i: (i.get_loc(("a", 2)), i.is_unique, i.values, repr(i))),
    ),
    (
        "a series that was shown",
        lambda: pd.Series(["a", "b"]),
        lambda: _after(
            pd.Series(["a", "b"]), lambda s: (repr(s), s.value_counts(), s.str.upper(), s.array)
        ),
    ),
    (
        "a categorical that was used",
        lambda: categorical(["a", "b"], ["b", "a"]),
        lambda: _after(
            categorical(["a", "b"], ["b", "a"]),
            lambda c: (c.describe(), repr(c), c.categories.get_loc("a")),
        ),
    ),
    (
        "a zone by name",
        lambda: pd.DatetimeIndex(DAYS.tz_localize("Europe/Rome"), freq=None),
        lambda: pd.DatetimeIndex(list(DAYS), tz="Europe/Rome", freq=None).as_unit("ns"),
    ),
    (
        "a frame in objects",
        lambda: pd.Series([prices(), 1], dtype=object),
        lambda: pd.Series([used(), 1], dtype=object),
    ),
]


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _after(value: object, use: Callable[..., object]) -> object:
    use(value)
    return value


SERIES = pd.Series([1, 2, 3])
FAMILIES: dict[str, list[Make]] = {
    "dtypes of one": [
        *(
            (lambda d=d: pd.Series([1, 1], dtype=d))  # type: ignore[misc]
            for d in (
                *("i1 i2 i4 i8 u1 u2 u4 u8 f4 f8 c16 ? O boolean".split()),  # noqa: SIM905
                *("Int8 Int16 Int32 Int64 UInt8 UInt64 Float32 Float64".split()),  # noqa: SIM905
                *("category Sparse[int64] Sparse[int32] Sparse[float64]".split()),  # noqa: SIM905
                *("M8[s] M8[ms] M8[us] M8[ns] m8[s] m8[ns]".split()),  # noqa: SIM905
            )
        ),
        lambda: pd.Series(["1", "1"], dtype="string"),
        lambda: pd.Series(["1", "1"], dtype=object),
        lambda: pd.Series(["1", "1"], dtype="category"),
        lambda: pd.Series([1, "1"], dtype=object),
        lambda: pd.Series([True, True], dtype=object),
        lambda: pd.Series([1.0, 1.0], dtype=object),
        lambda: pd.DataFrame([1, 1]),
        lambda: pd.Index([1, 1]),
        lambda: np.array([1, 1]),
        lambda: pd.array([1, 1], dtype="Int64"),
        lambda: [1, 1],
    ],
    "Arrow's dtypes of one": [
        *(
            (lambda k=k: arrow([1, 1], k))  # type: ignore[misc]
            for k in ("int8", "int64", "uint64", "float32", "float64", "date32", "time64")
            if k != "time64"
        ),
        lambda: arrow(["1", "1"], "string"),
        lambda: arrow(["1", "1"], "large_string"),
        lambda: arrow([b"1", b"1"], "binary"),
        lambda: arrow([True, True], "bool_"),
        lambda: arrow([1, None], "int64"),
        lambda: arrow([None, 1], "int64"),
        lambda: arrow([None, None], "int64"),
        lambda: arrow([None, None], "null"),
        lambda: arrow([1, 1, 1], "int64"),
        lambda: arrow(["11", ""], "string"),
        lambda: arrow(["", "11"], "string"),
        lambda: arrow(["11", None], "string"),
        lambda: arrow([1.0, np.nan], "float64"),
        lambda: arrow([1.0, None], "float64"),
        lambda: pd.Series([1, 1], dtype="Int64"),
        lambda: pd.Series([1, 1]),
    ],
    "missing values": [
        *(
            (lambda v=v: pd.Series([v], dtype=object))  # type: ignore[misc]
            for v in (None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), "nan", "", 0)
        ),
        lambda: pd.Series([np.nan]),
        lambda: pd.Series([None], dtype="Int64"),
        lambda: pd.Series([None], dtype="Float64"),
        lambda: pd.Series([None], dtype="boolean"),
        lambda: pd.Series([pd.NaT]),
        lambda: pd.Series([None], dtype="category"),
        lambda: None,
        lambda: np.nan,
        lambda: pd.NA,
        lambda: pd.NaT,
    ],
    "names, labels and axes": [
        prices,
        lambda: prices()[["close", "open", "volume"]],
        lambda: prices().rename(columns={"open": "Open"}),
        lambda: prices().rename(columns={"open": "close", "close": "open"}),
        lambda: prices().rename_axis("date"),
        lambda: prices().rename_axis("Date"),
        lambda: prices().rename_axis(columns="field"),
        lambda: prices().astype({"volume": "i4"}),
        lambda: prices().astype({"volume": "f8"}),
        lambda: prices().reset_index(drop=True),
        lambda: prices().reset_index(),
        lambda: prices().iloc[:3],
        lambda: prices().iloc[1:],
        lambda: prices().iloc[::-1],
        lambda: prices().set_axis(DAYS + pd.Timedelta("1D")),
        lambda: prices().set_axis(pd.DatetimeIndex(DAYS, freq=None)),
        lambda: prices().set_axis(pd.DatetimeIndex(list(DAYS), freq=None).as_unit("s")),
        lambda: prices().tz_localize("UTC"),
        lambda: prices().tz_localize("Europe/London"),
        lambda: prices().T,
        lambda: prices().assign(extra=1),
        lambda: prices().drop(columns="volume"),
        lambda: prices().assign(close=lambda d: d.close.where(d.close != 2.5, 2.6)),
        lambda: with_attrs(prices(), source="x"),
        lambda: with_attrs(prices(), source="y"),
        lambda: prices().set_flags(allows_duplicate_labels=False),
        lambda: prices().set_axis(["a", "a", "b"], axis=1),
        lambda: prices().set_axis(["a", "b", "a"], axis=1),
        lambda: prices().set_axis([0, 1, 2], axis=1),
        lambda: prices().set_axis(["0", "1", "2"], axis=1),
        lambda: prices().set_axis([0.0, 1.0, 2.0], axis=1),
        lambda: Frame(prices()),
        lambda: sourced("x"),
        lambda: sourced("y"),
        lambda: prices().to_dict("list"),
        lambda: prices().to_numpy(),
    ],
    "columns swapped with their labels kept": [
        lambda: pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
        lambda: pd.DataFrame({"a": [3.0, 4.0], "b": [1.0, 2.0]}),
        lambda: pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 4.0]}),
        lambda: pd.DataFrame({"b": [1.0, 2.0], "a": [3.0, 4.0]}),
        lambda: pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]}),
    ],
    "what a series is called": [
        lambda: SERIES,
        *(
            (lambda n=n: SERIES.rename(n))  # type: ignore[misc]
            for n in (
                "",
                "a",
                b"a",
                0,
                1,
                1.0,
                True,
                (),
                ("a",),
                ("a", "b"),
                pd.Timestamp(0),
                "None",
            )
        ),
    ],
    "what has no rows or no columns": [
        lambda: pd.DataFrame(),
        lambda: pd.DataFrame(index=range(2)),
        lambda: pd.DataFrame(index=range(3)),
        lambda: pd.DataFrame(columns=["a"]),
        lambda: pd.DataFrame(columns=["b"]),
        lambda: pd.DataFrame(columns=["a", "b"]),
        lambda: pd.DataFrame({"a": np.array([], "f8")}),
        lambda: pd.DataFrame({"a": np.array([], "i8")}),
        lambda: pd.DataFrame({"a": np.array([], "f8")}, index=pd.DatetimeIndex([])),
        lambda: pd.Series(dtype="f8"),
        lambda: pd.Series(dtype="i8"),
        lambda: pd.Series(dtype="O"),
        lambda: pd.Series(dtype="Int64"),
        lambda: pd.Index([], dtype="i8"),
        lambda: pd.Index([], dtype="f8"),
        lambda: pd.Index([], dtype="O"),
        lambda: pd.DatetimeIndex([]),
        lambda: pd.DatetimeIndex([], tz="UTC"),
        lambda: pd.TimedeltaIndex([]),
        lambda: pd.CategoricalIndex([]),
        lambda: pd.PeriodIndex([], freq="D"),
        lambda: pd.PeriodIndex([], freq="M"),
        lambda: pd.MultiIndex.from_arrays([[], []]),
    ],
    "indexes": [
        lambda: pd.Index([0, 1]),
        lambda: pd.Index([0, 1], name="a"),
        lambda: pd.Index([0, 1], name="b"),
        lambda: pd.Index([0, 1], dtype="i4"),
        lambda: pd.Index([0, 1], dtype="u8"),
        lambda: pd.Index([0, 1], dtype="f8"),
        lambda: pd.Index([0, 1], dtype="O"),
        lambda: pd.Index([0, 1], dtype="Int64"),
        lambda: pd.Index([False, True]),
        lambda: pd.Index(["0", "1"], dtype="string"),
        lambda: pd.Index(["0", "1"], dtype="O"),
        lambda: pd.Index([1, 0]),
        lambda: pd.RangeIndex(3),
        lambda: pd.RangeIndex(2, name=0),
        lambda: pd.CategoricalIndex([0, 1]),
        lambda: pd.CategoricalIndex([0, 1], ordered=True),
        lambda: pd.CategoricalIndex([0, 1], categories=[1, 0]),
        lambda: pd.CategoricalIndex([0, 1], categories=[0, 1, 2]),
        lambda: pd.MultiIndex.from_arrays([[0, 1]]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [0, 1]]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [1, 0]]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [0.0, 1.0]]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], ["0", "1"]]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [0, 1]], names=["a", "b"]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [0, 1]], names=["b", "a"]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [0, 1]], names=["a", None]),
        lambda: pd.MultiIndex.from_arrays([[0, 1], [0, None]]),
        lambda: pd.Index([(0, 0), (1, 1)], tupleize_cols=False),
        lambda: pd.IntervalIndex.from_breaks([0, 1, 2]),
        lambda: pd.IntervalIndex.from_breaks([0, 1, 2], closed="left"),
        lambda: pd.IntervalIndex.from_breaks([0, 1, 2], closed="both"),
        lambda: pd.IntervalIndex.from_breaks([0.0, 1.0, 2.0]),
        lambda: pd.IntervalIndex.from_breaks([0, 1, 3]),
        lambda: pd.Series([0, 1]),
    ],
    "indexes of time": [
        lambda: DAYS,
        lambda: pd.DatetimeIndex(DAYS, freq=None),
        lambda: pd.date_range("2024-01-01", periods=4, freq="B", unit="ns"),
        lambda: pd.date_range("2024-01-01", periods=4, freq="24h", unit="ns"),
        lambda: DAYS.as_unit("s"),
        lambda: DAYS.as_unit("us"),
        lambda: DAYS.tz_localize("UTC"),
        lambda: DAYS.tz_localize("Europe/Paris"),
        lambda: DAYS.tz_localize("Europe/Berlin"),
        lambda: DAYS.tz_localize(dt.timezone(dt.timedelta(hours=1))),
        lambda: DAYS.tz_localize("UTC").tz_convert("Europe/Paris"),
        lambda: DAYS.rename("date"),
        lambda: DAYS.to_period("D"),
        lambda: DAYS.to_period("M"),
        lambda: DAYS.to_period("W"),
        lambda: DAYS - DAYS[0],
        lambda: (DAYS - DAYS[0]).as_unit("s"),
        lambda: pd.TimedeltaIndex(list(DAYS - DAYS[0])),
        lambda: pd.Index(DAYS.asi8),
        lambda: pd.Index(list(DAYS), dtype=object),
        lambda: pd.Index(list(DAYS.date), dtype=object),
        lambda: DAYS.to_series(),
        lambda: DAYS.array,
        lambda: DAYS.to_numpy(),
    ],
    "categories": [
        lambda: categorical(["a", "b"], ["a", "b"]),
        lambda: categorical(["b", "a"], ["a", "b"]),
        lambda: categorical(["a", "b"], ["b", "a"]),
        lambda: categorical(["b", "a"], ["b", "a"]),
        lambda: categorical(["a", "b"], ["a", "b"], ordered=True),
        lambda: categorical(["b", "a"], ["a", "b"], ordered=True),
        lambda: categorical(["a", "b", "c"], ["a", "b"]),
        lambda: categorical(["a", "b"], ["a", None]),
        lambda: categorical(["a"], ["a", None]),
        lambda: categorical(["a", "b", "c"], ["a", None]),
        lambda: categorical([1, 2], [1, 2]),
        lambda: categorical([1.0, 2.0], [1.0, 2.0]),
        lambda: categorical(["1", "2"], ["1", "2"]),
        lambda: pd.CategoricalDtype(["a", "b"]),
        lambda: pd.CategoricalDtype(["b", "a"]),
        lambda: pd.CategoricalDtype(["a", "b"], ordered=True),
        lambda: pd.CategoricalDtype(),
    ],
    "sparse": [
        lambda: pd.arrays.SparseArray([0, 1, 0]),
        lambda: pd.arrays.SparseArray([0, 0, 1]),
        lambda: pd.arrays.SparseArray([0, 1, 0], fill_value=1),
        lambda: pd.arrays.SparseArray([0, 1, 0, 0]),
        lambda: pd.arrays.SparseArray([0.0, 1.0, 0.0]),
        lambda: pd.arrays.SparseArray([0.0, 1.0, 0.0], fill_value=0),
        lambda: pd.arrays.SparseArray([0.0, 1.0, np.nan]),
        lambda: pd.Series([0, 1, 0]),
        lambda: pd.Series(pd.arrays.SparseArray([0, 1, 0])),
    ],
    "scalars": [
        lambda: pd.Timestamp("2024-01-01").as_unit("ns"),
        lambda: pd.Timestamp("2024-01-01").as_unit("s"),
        lambda: pd.Timestamp("2024-01-01", tz="UTC").as_unit("ns"),
        lambda: pd.Timestamp("2024-01-01", tz="Europe/Paris").as_unit("ns"),
        lambda: pd.Timestamp("2024-01-01", tz="Europe/Berlin").as_unit("ns"),
        lambda: pd.Timestamp("2024-01-01 00:00:00.000000001"),
        lambda: dt.datetime(2024, 1, 1),
        lambda: dt.date(2024, 1, 1),
        lambda: np.datetime64("2024-01-01"),
        lambda: pd.Timedelta("1D").as_unit("ns"),
        lambda: pd.Timedelta("1D").as_unit("s"),
        lambda: dt.timedelta(1),
        lambda: np.timedelta64(1, "D"),
        lambda: pd.offsets.Day(1),
        lambda: pd.Period("2024-01-01", "D"),
        lambda: pd.Period("2024-01-01", "M"),
        lambda: pd.Period("2024-01-01", "2D"),
        lambda: pd.Interval(0, 1),
        lambda: pd.Interval(0, 1, "left"),
        lambda: pd.Interval(0.0, 1.0),
        lambda: pd.Interval(0, 2),
        lambda: pd.NaT,
        lambda: pd.NA,
        lambda: "2024-01-01",
    ],
    "offsets and calendars": [
        lambda: pd.offsets.Day(1),
        lambda: pd.offsets.Day(2),
        lambda: pd.offsets.Hour(24),
        lambda: pd.offsets.BDay(1),
        lambda: pd.offsets.BDay(2),
        lambda: pd.offsets.BDay(1, normalize=True),
        lambda: pd.offsets.BDay(1, offset=dt.timedelta(hours=1)),
        lambda: pd.offsets.MonthEnd(1),
        lambda: pd.offsets.MonthBegin(1),
        lambda: pd.offsets.Week(1),
        lambda: pd.offsets.Week(1, weekday=0),
        lambda: pd.offsets.Week(1, weekday=1),
        lambda: pd.offsets.YearEnd(1),
        lambda: pd.offsets.YearEnd(1, month=6),
        lambda: pd.DateOffset(days=1),
        lambda: pd.DateOffset(day=1),
        lambda: pd.DateOffset(months=1),
        lambda: business(),
        lambda: business(holidays=["2024-01-02"]),
        lambda: business(holidays=["2024-01-03"]),
        lambda: business(weekmask="Sun Mon Tue Wed Thu"),
        lambda: business(n=2),
        lambda: pd.offsets.CustomBusinessHour(start="09:30"),
        lambda: pd.offsets.CustomBusinessHour(start="10:00"),
        lambda: business(calendar=calendar()),
        lambda: holiday.Holiday("x", month=1, day=1),
        lambda: holiday.Holiday("x", month=1, day=2),
        lambda: holiday.Holiday("x", month=1, day=1, observance=holiday.nearest_workday),
        lambda: holiday.Holiday("x", month=1, day=1, observance=holiday.sunday_to_monday),
    ],
    "freqs that are calendars": [
        lambda: pd.DatetimeIndex(DAYS[:1], freq="D"),
        lambda: pd.date_range("2024-01-04", periods=2, freq=business(), unit="ns"),
        lambda: pd.date_range(
            "2024-01-04", periods=2, freq=business(holidays=["2024-02-01"]), unit="ns"
        ),
        lambda: pd.date_range(
            "2024-01-04", periods=2, freq=business(holidays=["2024-03-01"]), unit="ns"
        ),
        lambda: pd.date_range("2024-01-04", periods=2, freq="B", unit="ns"),
        lambda: pd.date_range("2024-01-04", periods=2, freq="D", unit="ns"),
    ],
    "objects in cells": [
        *(
            (lambda v=v: pd.Series([v, None], dtype=object))  # type: ignore[misc]
            for v in (
                1,
                1.0,
                True,
                "1",
                b"1",
                (1,),
                [1],
                {1},
                {1: 1},
                np.int64(1),
                np.array([1]),
                pd.Series([1]),
                dt.date(2024, 1, 1),
                pd.Timestamp(0),
                0.0,
                -0.0,
            )
        ),
    ],
    "blocks of other sizes": [
        *(
            (lambda i=i: pd.DataFrame({"a": np.zeros(140_000), "b": _one_at(140_000, i)}))  # type: ignore[misc]
            for i in (None, 0, 65_535, 65_536, 131_071, 131_072, 139_999)
        ),
        *(
            (lambda i=i: pd.Series(_one_at(140_000, i)).astype(str).astype(object))  # type: ignore[misc]
            for i in (None, 65_535, 65_536, 139_999)
        ),
    ],
}


def _one_at(n: int, i: int | None) -> np.ndarray:
    array = np.zeros(n)
    if i is not None:
        array[i] = 1
    return array


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_equal_content_shares_a_key(one: Make, other: Make) -> None:
    assert content_key(one()) == content_key(other())


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_each_member_of_a_family_keeps_its_key_and_shares_it_with_no_other(
    family: list[Make],
) -> None:
    keys = [content_key(make()) for make in family]
    assert keys == [content_key(make()) for make in family], "made again, another key"
    shared = [
        (repr(one()), repr(other()))
        for (one, a), (other, b) in itertools.combinations(zip(family, keys, strict=True), 2)
        if a == b
    ]
    assert not shared


EVERY_VALUE = [make for family in FAMILIES.values() for make in family]


def test_a_pickle_round_trip_keeps_every_key() -> None:
    moved = []
    for make in EVERY_VALUE:
        value = make()
        if content_key(pickle.loads(pickle.dumps(value))) != content_key(value):
            moved.append(repr(value))
    assert not moved


def test_showing_a_value_keeps_every_key() -> None:
    moved = []
    for make in EVERY_VALUE:
        value = make()
        before = content_key(value)
        repr(value), str(value)
        if content_key(value) != before:
            moved.append(repr(value))
    assert not moved


@pytest.mark.slow
@given(
    st.lists(st.sampled_from(["f8", "i8", "f4", "O", "category", "Int64", "M8[ns]"]), max_size=5),
    st.integers(0, 5),
    st.data(),
)
def test_how_a_frame_was_built_never_counts(
    kinds: list[str], rows: int, data: st.DataObject
) -> None:
    numbers = st.lists(st.integers(0, 9), min_size=rows, max_size=rows)
    columns = [pd.Series(data.draw(numbers), dtype=kind) for kind in kinds]
    one = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
    one.columns = pd.Index([f"c{i}" for i in range(len(kinds))], dtype=object)
    other = pd.DataFrame(index=range(rows))
    other.columns = pd.Index([], dtype=object)
    for i, column in enumerate(columns):
        other[f"c{i}"] = column
    other.columns = pd.Index(list(other.columns), dtype=object)
    key = content_key(one)
    assert content_key(other) == key
    assert content_key(pickle.loads(pickle.dumps(one))) == key
    assert content_key(one.copy()) == key
    assert content_key(one.loc[:, :]) == key


@robust_cacheable
def made(number: int) -> object:
    return EVERY_VALUE[number]()


@pytest.mark.filterwarnings("ignore::afml_cache.CacheWarning")
def test_a_hit_gives_back_exactly_what_was_computed() -> None:
    """Each of the values above, as a result: dtypes, units, freqs, names, flags and attrs."""
    first = [content_key(made(number)) for number in range(len(EVERY_VALUE))]
    again = [content_key(made(number)) for number in range(len(EVERY_VALUE))]
    spoilt = [
        repr(EVERY_VALUE[number]())
        for number, (one, other) in enumerate(zip(first, again, strict=True))
        if one != other
    ]
    assert not spoilt
    assert made.cache_info().hits >= len(EVERY_VALUE) - 5
