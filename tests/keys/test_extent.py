"""The stretch of time that arguments cover."""

from __future__ import annotations

import pandas as pd
import pytest

from afml_cache.keys.extent import Extent, extent_of

DAY = 86_400 * 10**9


def days(start, n, **options):
    return pd.Series(range(n), index=pd.date_range(start, periods=n, **options))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        ([1, "a", [3]], None),
        ([pd.Series([1, 2])], None),
        ([days("1970-01-02", 3)], Extent(DAY, 3 * DAY, aware=False)),
        ([days("1970-01-02", 3).to_frame("close")], Extent(DAY, 3 * DAY, aware=False)),
        ([days("1970-01-02", 3).index], Extent(DAY, 3 * DAY, aware=False)),
        ([days("1970-01-02", 3).iloc[::-1]], Extent(DAY, 3 * DAY, aware=False)),
        ([days("1970-01-02", 1), days("1970-01-05", 1)], Extent(DAY, 4 * DAY, aware=False)),
        ([days("1970-01-02", 2, tz="UTC")], Extent(DAY, 2 * DAY, aware=True)),
        (
            [days("1970-01-02", 1, tz="US/Eastern")],
            Extent(DAY + 5 * 3600 * 10**9, DAY + 5 * 3600 * 10**9, aware=True),
        ),
        ([days("1970-01-02", 1), days("1970-01-05", 1, tz="UTC")], Extent(4 * DAY, 4 * DAY, True)),
        ([days("1970-01-02", 0)], None),
        (
            [pd.Series(1, pd.MultiIndex.from_product([["a"], pd.to_datetime(["1970-01-02"])]))],
            Extent(DAY, DAY, aware=False),
        ),
        (
            [pd.Series(1, pd.PeriodIndex(["1970-01-02"], freq="D"))],
            Extent(DAY, 2 * DAY - 1, aware=False),
        ),
    ],
    ids=str,
)
def test_extents(values, expected):
    assert extent_of(values) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_an_index_does_not_matter(unit):
    series = days("1970-01-02", 2)
    series.index = series.index.as_unit(unit)
    assert extent_of([series]) == Extent(DAY, 2 * DAY, aware=False)


def test_instants_beyond_what_nanoseconds_hold_are_cut_off():
    index = pd.DatetimeIndex(["0001-01-01", "9999-01-01"], dtype="datetime64[s]")
    assert extent_of([index]) == Extent(-(2**63), 2**63 - 1, aware=False)
