"""What is taken for exact without reading it back is exact: a law, held against reading."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("pyarrow")

from afml_cache.backtests import parquet
from afml_cache.backtests.exact_frames import comes_back
from afml_cache.keys import content

NUMBERS = st.sampled_from(["f8", "f4", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"])
TIMES = st.sampled_from([f"{kind}8[{unit}]" for kind in "mM" for unit in ("s", "ms", "us", "ns")])
NAMES = st.none() | st.sampled_from(["Date", "when", "0", "None", "índice", "__index_level_0__"])


def columns(rows):
    return st.one_of(
        (NUMBERS | TIMES).flatmap(lambda kind: hnp.arrays(np.dtype(kind), rows)),
        st.just(np.array([None] * rows, dtype=object)),
    )


@st.composite
def indexes(draw, rows):
    name = draw(NAMES)
    kind = draw(st.sampled_from(["bars", "dates", "numbers"]))
    if kind == "bars":
        start = draw(st.integers(-3, 3))
        return pd.RangeIndex(start, start + rows * 2, 2, name=name)
    if kind == "numbers":
        return pd.Index(draw(hnp.arrays(np.int64, rows)), name=name)
    unit = draw(st.sampled_from(["s", "ms", "us", "ns"]))
    return pd.DatetimeIndex(draw(hnp.arrays(np.dtype(f"M8[{unit}]"), rows)), name=name)


@st.composite
def values(draw):
    rows = draw(st.integers(0, 4))
    kind = draw(st.sampled_from(["frame", "series", "array"]))
    if kind == "array":
        shape = (rows,) if draw(st.booleans()) else (rows, draw(st.integers(1, 3)))
        return draw(NUMBERS.flatmap(lambda kind: hnp.arrays(np.dtype(kind), shape)))
    index = draw(indexes(rows))
    if kind == "series":
        return pd.Series(draw(columns(rows)), index=index, name=draw(NAMES))
    names = draw(st.lists(st.text("abI_0 ", max_size=3), unique=True, max_size=3))
    return pd.DataFrame({name: draw(columns(rows)) for name in names}, index=index)


def there_and_back(value, path):
    parquet.write(path, value)
    return parquet.read(path)


@settings(max_examples=300)
@given(value=values())
@example(value=pd.Series([0.0], index=pd.DatetimeIndex(["NaT"]), name="__index_level_0__"))
@example(value=pd.DataFrame({"Tag": [None, None], "Size": [1, -2]}))
def test_what_is_taken_for_exact_comes_back_as_it_was(value, tmp_path_factory) -> None:
    if comes_back(value):
        back = there_and_back(value, tmp_path_factory.getbasetemp() / "exact.parquet")
        assert content.digest(back) == content.digest(value)


def test_the_frames_of_an_engine_need_no_reading() -> None:
    prices = pytest.importorskip("backtesting.test").GOOG
    assert comes_back(prices)
    assert comes_back(prices["Close"])
    assert comes_back(prices["Close"].to_numpy())
    trades = pd.DataFrame(
        {
            "Size": [10, -10],
            "PnL": [1.5, np.nan],
            "EntryTime": prices.index[:2],
            "Duration": prices.index[2:4] - prices.index[:2],
            "Tag": [None, None],
        }
    )
    assert comes_back(trades)


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([1.0], index=pd.DatetimeIndex(["2020-01-01"], tz="UTC")),
        pd.Series([1.0], index=pd.DatetimeIndex(["2020-01-01"]).as_unit("s")),
        pd.Series([1.0], index=pd.date_range("2020-01-01", periods=1, freq="D")),
        pd.Series([1.0], name=3),
        pd.Series([1.0], index=pd.DatetimeIndex(["2020-01-01"]), name="__index_level_0__"),
        pd.DataFrame({"__index_level_0__": [1.0]}, index=pd.DatetimeIndex(["2020-01-01"])),
        pd.Series(["text"]),
        pd.Series([None, np.nan], dtype=object),
        pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
        pd.DataFrame([[1.0, 2.0]]),
        np.array([1 + 2j]),
        np.ma.array([1.0], mask=[True]),
        [1.0],
        None,
    ],
    ids=repr,
)
def test_what_is_less_plain_is_read_back(value) -> None:
    assert not comes_back(value)
