"""The stretch of time that arguments cover."""

from __future__ import annotations

import datetime as dt
import inspect

import numpy as np
import pandas as pd
import pytest

from afml_cache.keys.dates import HIGHEST, LOWEST
from afml_cache.keys.extent import Extent, extents_of, union
from afml_cache.keys.ranges import DateParameters, date_parameters

DAY = 86_400 * 10**9


def extent_of(values):
    """Around all that the values cover."""
    named = {f"x{number}": value for number, value in enumerate(values)}
    return union(extents_of(named, DateParameters()).values())


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


def extents(function, /, *args, **kwargs):
    """What each argument of a call covers."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return extents_of(bound.arguments, date_parameters(function))


def ns(text):
    return pd.Timestamp(text).as_unit("ns").value


def span(first, last, aware=False):
    """From an instant up to right before another."""
    return Extent(
        LOWEST if first is None else ns(first), HIGHEST if last is None else ns(last) - 1, aware
    )


def test_every_argument_has_its_own_extent():
    def f(close, volume, window, *frames, **others): ...

    jan, feb = days("2024-01-01", 2), days("2024-02-01", 2, tz="UTC")
    assert extents(f, jan, feb, 3, jan, "x", feb, benchmark=jan, note="2024") == {
        "close": Extent(ns("2024-01-01"), ns("2024-01-02"), False),
        "volume": Extent(ns("2024-02-01"), ns("2024-02-02"), True),
        "frames[0]": Extent(ns("2024-01-01"), ns("2024-01-02"), False),
        "frames[2]": Extent(ns("2024-02-01"), ns("2024-02-02"), True),
        "benchmark": Extent(ns("2024-01-01"), ns("2024-01-02"), False),
    }


def test_two_arguments_of_one_name_are_two():
    def f(close, /, **others): ...

    assert extents(f, days("2024-01-01", 1), close=days("2024-02-01", 1)) == {
        "close": Extent(ns("2024-01-01"), ns("2024-01-01"), False),
        "others['close']": Extent(ns("2024-02-01"), ns("2024-02-01"), False),
    }


def test_frames_in_a_container_count_each_and_equal_extents_once():
    def f(prices): ...

    jan, feb = days("2024-01-01", 2), days("2024-02-01", 2)
    january = Extent(ns("2024-01-01"), ns("2024-01-02"), False)
    february = Extent(ns("2024-02-01"), ns("2024-02-02"), False)
    assert extents(f, {"A": jan, "B": feb, 3: jan, None: 1}) == {
        "prices['A']": january,
        "prices['B']": february,
    }
    assert extents(f, [1.0, feb, jan]) == {"prices[1]": february, "prices[2]": january}
    assert extents(f, {(1, 2): jan}) == {"prices[#0]": january}


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([dt.date(2024, 1, 2), dt.date(2024, 1, 1)]),
        pd.PeriodIndex(["2024-01-02", "2024-01-01"], freq="D"),
        pd.interval_range(pd.Timestamp("2024-01-01"), periods=2, freq="D", closed="left"),
        pd.MultiIndex.from_product(
            [["A", "B"], pd.PeriodIndex(["2024-01-01", "2024-01-02"], freq="D")]
        ),
    ],
    ids=["dates", "periods", "intervals", "periods in a level"],
)
def test_an_index_of_whole_days_covers_them_to_their_end(index):
    (extent,) = extents_of({"x": pd.Series(1, index)}, DateParameters()).values()
    last = ns("2024-01-03") - (0 if isinstance(index, pd.IntervalIndex) else 1)
    assert extent == Extent(ns("2024-01-01"), last, False)


def test_levels_that_no_row_uses_do_not_count():
    whole = pd.MultiIndex.from_product([["A", "B"], pd.date_range("2024-01-01", periods=9)])
    part = pd.Series(range(18), whole).loc[(slice(None), slice("2024-01-03", "2024-01-04"))]
    assert len(part.index.levels[1]) == 9
    assert extent_of([part]) == Extent(ns("2024-01-03"), ns("2024-01-04"), False)


def test_an_index_of_arrow_types_counts():
    pytest.importorskip("pyarrow")
    stamps = pd.to_datetime(["2024-01-01", "2024-01-03"])
    for dtype, last in (("timestamp[us][pyarrow]", 0), ("date32[pyarrow]", DAY - 1)):
        index = pd.Index(pd.array(stamps, dtype=dtype))
        assert extent_of([index]) == Extent(ns("2024-01-01"), ns("2024-01-03") + last, False)


@pytest.mark.parametrize(
    "index",
    [
        pd.to_datetime(["NaT", "NaT"]),
        pd.PeriodIndex([], freq="D"),
        pd.Index([dt.date(2024, 1, 1), "x"]),
        pd.Index(["2024-01-01"]),
        pd.to_timedelta([1], unit="D"),
        pd.interval_range(0, 3),
    ],
    ids=str,
)
def test_an_index_without_dates_has_no_extent(index):
    assert extent_of([index]) is None


def test_an_index_attribute_that_raises_is_no_index():
    class Lazy:
        @property
        def index(self):
            raise RuntimeError("not connected")

    assert extent_of([Lazy()]) is None


def test_rows_that_are_not_a_date_do_not_count():
    assert extent_of([pd.to_datetime(["2024-01-02", "NaT", "2024-01-01"])]) == Extent(
        ns("2024-01-01"), ns("2024-01-02"), False
    )


def test_a_level_in_summer_and_winter_time_is_told_in_utc():
    index = pd.date_range("2024-03-30", "2024-04-01", freq="D", tz="Europe/Berlin")
    assert extent_of([index]) == Extent(ns("2024-03-29T23:00"), ns("2024-03-31T22:00"), True)


# -- ranges ------------------------------------------------------------------------------


def load(start=None, end=None): ...


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2021", "2021", span("2021-01-01", "2022-01-01")),
        ("2021-03", "2021Q2", span("2021-03-01", "2021-07-01")),
        ("2021-03-04", "2021-03-05", span("2021-03-04", "2021-03-06")),
        (dt.date(2021, 3, 4), dt.date(2021, 3, 4), span("2021-03-04", "2021-03-05")),
        (np.datetime64("2021-03"), np.datetime64("2021-03-04"), span("2021-03-01", "2021-03-05")),
        (pd.Period("2021-03"), pd.Period("2021Q1"), span("2021-03-01", "2021-04-01")),
        (
            pd.Timestamp("2021-03-04"),
            dt.datetime(2021, 3, 4, 1),
            Extent(ns("2021-03-04"), ns("2021-03-04T01:00"), False),
        ),
        ("2021-03-04T00:00Z", None, span("2021-03-04", None, True)),
        (
            None,
            pd.Timestamp("2021-03-04", tz="US/Eastern"),
            Extent(LOWEST, ns("2021-03-04T05:00"), True),
        ),
        (None, None, Extent(LOWEST, HIGHEST, False)),
        (pd.NaT, np.datetime64("NaT", "ns"), Extent(LOWEST, HIGHEST, False)),
        ("yesterday", "2021", span(None, "2022-01-01")),
        ("A", "B", Extent(LOWEST, HIGHEST, False)),
        (0, "2021", span(None, "2022-01-01")),
        (0, 10, None),
        (0, None, None),
        (None, 10, None),
        (True, 1.5, None),
        ("A", 10, None),
        (pd.Timedelta(1, "D"), None, None),
        ("2021-03-05", "2021-03-04", span("2021-03-04", "2021-03-06")),  # the wrong way round
        ("2021-03-04T01:00+01:00", "2021-03-04", span("2021-03-04", "2021-03-05", True)),
        ("1500", "9999", Extent(LOWEST, HIGHEST, False)),
        (np.datetime64(-20000, "Y"), np.datetime64(20000, "Y"), Extent(LOWEST, HIGHEST, False)),
        (pd.Period("1500", "Y"), pd.Period("3000", "Y"), Extent(LOWEST, HIGHEST, False)),
    ],
    ids=str,
)
def test_a_range_goes_from_the_beginning_of_one_date_to_the_end_of_the_other(start, end, expected):
    wanted = {} if expected is None else {"start/end": expected}
    assert extents(load, start, end) == wanted
    assert extents(load, end=end, start=start) == wanted


def test_ranges_are_recognised_by_their_names():
    whole = span("2021-01-01", "2022-01-01")
    for start, end in (
        ("start", "end"),
        ("start_date", "end_date"),
        ("since", "until"),
        ("from_date", "to_date"),
    ):
        namespace = {}
        exec(f"def f({start}, /, *, {end}=None): ...", namespace)
        assert extents(namespace["f"], "2021", **{end: "2021"}) == {f"{start}/{end}": whole}

    def other(begin, stop, first, last): ...

    assert extents(other, "2021", "2021", "2021", "2021") == {}


def test_one_half_of_a_pair_is_open_on_the_other_side():
    def f(since): ...
    def g(end): ...

    assert extents(f, "2021") == {"since": span("2021-01-01", None)}
    assert extents(g, "2021") == {"end": span(None, "2022-01-01")}


def test_dates_in_kwargs_count():
    def f(symbol, **kw): ...
    def g(start, **kw): ...

    assert extents(f, "A", start="2021", end="2021") == {
        "start/end": span("2021-01-01", "2022-01-01")
    }
    assert extents(f, "A", end="2021") == {"end": span(None, "2022-01-01")}
    assert extents(f, "A") == {}
    assert extents(g, "2021", end="2021") == {"start/end": span("2021-01-01", "2022-01-01")}


def test_a_frame_by_the_name_of_a_range_counts_as_a_frame():
    assert extents(load, days("2024-01-01", 2)) == {
        "start": Extent(ns("2024-01-01"), ns("2024-01-02"), False)
    }


def test_a_time_zone_that_raises_costs_the_range_and_nothing_else():
    class Broken(dt.tzinfo):
        def utcoffset(self, when):
            raise RuntimeError("no such zone")

    assert extents(load, dt.datetime(2021, 1, 1, tzinfo=Broken()), "2021") == {
        "start/end": span(None, "2022-01-01")
    }


@pytest.mark.parametrize(
    ("close", "start", "end", "expected"),
    [
        (days("2024-01-01", 2), None, None, ["close"]),
        (days("2024-01-01", 2), "2024-01-02", None, ["close", "start/end"]),
        (1, None, None, ["start/end"]),
    ],
    ids=["bounded by the prices", "open at one end", "all there is"],
)
def test_a_range_that_was_left_out_counts_where_no_argument_has_dates(close, start, end, expected):
    dates = DateParameters(pairs=(("start", "end"),))
    values = {"close": close, "start": start, "end": end}
    assert sorted(extents_of(values, dates)) == expected
