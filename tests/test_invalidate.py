"""Entries by date: which are dropped, which are listed."""

from __future__ import annotations

import datetime as dt
import functools
import tempfile
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afml_cache import (
    ConfigurationError,
    Reason,
    cacheable,
    invalidate,
    list_entries,
    robust_cacheable,
    time_aware_cacheable,
    use_store,
)
from afml_cache.store.claims import Claim


def prices(start, n=31, **options):
    return pd.Series(np.arange(n, dtype=float), pd.date_range(start, periods=n, **options))


@time_aware_cacheable
def load(symbol, start=None, end=None):
    return symbol


@time_aware_cacheable
def spread(close, other):
    return float(close.sum() - other.sum())


MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04"]


def load_months():
    for month in MONTHS:
        load("A", month, month)


def left():
    return [month for month in MONTHS if load.cache_contains("A", month, month)]


@pytest.mark.parametrize(
    ("since", "until", "dropped"),
    [
        ("2024-03", None, "34"),
        (None, "2024-03", "123"),
        ("2024-02", "2024-03", "23"),
        ("2024", "2024", "1234"),
        ("2024Q2", None, "4"),
        ("2024-02-29", "2024-02-29", "2"),
        ("2024-01-31T23:59:59.999999999", "2024-02-01T00:00:00", "12"),
        (dt.date(2024, 2, 29), dt.date(2024, 2, 29), "2"),
        (pd.Timestamp("2024-03-31"), None, "34"),
        (pd.Timestamp("2024-04-01"), None, "4"),
        (np.datetime64("2024-02"), np.datetime64("2024-02"), "2"),
        (pd.Period("2024-02"), pd.Period("2024-02"), "2"),
        ("2025", None, ""),
        (None, "2023", ""),
        (None, dt.datetime(2023, 12, 31, 23, 59, 59, 999999), ""),
        (None, dt.datetime(2024, 1, 1), "1"),
        ("1500", "9999", "1234"),
    ],
    ids=str,
)
def test_what_touches_the_closed_range_is_dropped(since, until, dropped):
    load_months()
    load("no dates, and so not a range", 1, 2)
    listed = list_entries(load, since=since, until=until)
    assert invalidate(load, since=since, until=until) == len(listed) == len(dropped)
    assert left() == [month for month in MONTHS if month[-1] not in dropped]
    assert load.cache_contains("no dates, and so not a range", 1, 2)


def test_what_was_dropped_is_computed_with_a_reason():
    load_months()
    invalidate(load, since="2024-04")
    load("A", "2024-04", "2024-04")
    assert load.cache_info().reasons[Reason.CLEARED] == 1


def test_each_argument_counts_by_itself_and_not_what_lies_between():
    spread(prices("2020-01-01"), prices("2024-01-01"))
    assert invalidate(spread, since="2021", until="2023") == 0
    assert invalidate(spread, since="2024-01-31", until="2024-02") == 1


def test_a_side_that_is_open_overlaps_whatever_lies_there():
    load("A", "2024")
    load("A", None, "2024")
    load("A")
    assert [str(e.extents["start/end"]) for e in list_entries(load)] == [
        "up to 2024-12-31",
        "all dates",
        "from 2024-01-01",
    ]
    assert invalidate(load, until="1990") == 2
    assert invalidate(load, since="2050") == 1


def test_a_naive_bound_is_read_as_utc_by_aware_arguments():
    spread(prices("2024-01-01", 2, tz="US/Eastern"), prices("2024-01-01", 2, tz="US/Eastern"))
    assert invalidate(spread, until="2024-01-01 04:59:59") == 0
    assert invalidate(spread, since="2024-01-02 05:00:01") == 0
    assert invalidate(spread, until="2024-01-01 05:00") == 1


def test_an_aware_bound_goes_by_its_own_wall_clock_with_naive_arguments():
    close = prices("2024-01-01", 2)
    spread(close, close)
    midnight = pd.Timestamp("2024-01-01", tz="Asia/Tokyo")  # still 2023 in UTC
    assert invalidate(spread, until=midnight - pd.Timedelta(1, "ns")) == 0
    assert invalidate(spread, since=pd.Timestamp("2024-01-02 00:00:01", tz="Asia/Tokyo")) == 0
    assert invalidate(spread, until=midnight) == 1


@pytest.mark.parametrize(("bound", "fold"), [("2024-10-27T00:30Z", 0), ("2024-10-27T01:30Z", 1)])
def test_the_hour_that_autumn_repeats_is_told_apart(bound, fold):
    moment = pd.Timestamp(bound).tz_convert("Europe/Berlin")
    assert (moment.hour, moment.fold) == (2, fold)
    load("A", moment, moment)
    assert invalidate(load, since=moment + pd.Timedelta(1, "s")) == 0
    assert invalidate(load, until=moment - pd.Timedelta(1, "s")) == 0
    assert invalidate(load, since=bound, until=bound) == 1


def test_periods_and_levels_are_found_by_date():
    periods = pd.Series(1.0, pd.period_range("2024-01", periods=2, freq="M"))
    panel = pd.Series(
        1.0, pd.MultiIndex.from_product([["A", "B"], pd.date_range("2020-01-01", periods=2)])
    )
    spread(periods, panel)
    assert invalidate(spread, since="2024-03", until="2025") == 0
    assert invalidate(spread, since="2020-01-03", until="2023") == 0
    assert [str(span) for span in list_entries(spread)[0].extents.values()] == [
        "2024-01-01 to 2024-02-29",
        "2020-01-01 to 2020-01-02",
    ]
    assert invalidate(spread, since="2024-02-29 12:00", until="2024-02-29 12:00") == 1


class Source:
    @time_aware_cacheable
    def load(self, start, end):
        return 1

    @time_aware_cacheable
    @classmethod
    def of_class(cls, start, end):
        return 1

    @classmethod
    @time_aware_cacheable
    def below(cls, start, end):
        return 1

    @staticmethod
    @time_aware_cacheable
    def of_none(start, end):
        return 1

    @robust_cacheable
    def undated(self, start, end):
        return 1

    @cacheable
    def legacy(self, start, end):
        return 1


def test_methods_of_every_kind_are_invalidated():
    source = Source()
    methods = [
        (source.load, source.load),
        (source.load, Source.load),
        (Source.of_class, Source.of_class),
        (source.below, source.below),
        (Source.of_none, source.of_none),
        (Source.of_none, vars(Source)["of_none"]),
        (Source.below, vars(Source)["below"]),
        (source.load, functools.partial(source.load, "2024")),
    ]
    for called, named in methods:
        called("2024", "2024")
        assert invalidate(named, since="2024") == 1


def test_a_wrapper_around_the_function_leads_to_it():
    @functools.wraps(load)
    def logged(*args):
        return load(*args)

    load_months()
    assert len(list_entries(logged)) == 4


@pytest.mark.parametrize(
    "named", [Source.undated, Source().undated, Source.legacy, Source().legacy]
)
def test_a_function_without_dates_is_refused_with_the_remedy(named):
    with pytest.raises(ConfigurationError, match=r"@time_aware_cacheable.*\.cache_clear\(\)"):
        invalidate(named, since="2024")
    with pytest.raises(ConfigurationError, match="@time_aware_cacheable"):
        list_entries(named)


@pytest.mark.parametrize("named", [len, print, 3, "load", Source])
def test_what_is_not_cached_is_refused(named):
    with pytest.raises(ConfigurationError, match="is not cached"):
        invalidate(named, since="2024")


def test_an_object_that_answers_to_every_name_is_refused_and_not_followed_for_ever():
    with pytest.raises(ConfigurationError, match="@time_aware_cacheable"):
        invalidate(mock.call, since="2024")


def test_no_bound_at_all_is_refused_and_points_to_cache_clear():
    load_months()
    for nothing in ({}, {"since": None, "until": pd.NaT}):
        with pytest.raises(ConfigurationError, match=r"load\.cache_clear\(\)"):
            invalidate(load, **nothing)
    assert left() == MONTHS


@pytest.mark.parametrize("bound", ["yesterday", 2024, True, 1.0, "2024-02-30", [], "3/4/2024"])
def test_a_bound_that_is_no_date_is_refused(bound):
    with pytest.raises(ConfigurationError, match=r"until=.* is no date"):
        invalidate(load, until=bound)


def test_bounds_the_wrong_way_round_are_refused():
    with pytest.raises(ConfigurationError, match="is after"):
        invalidate(load, since="2024-03", until="2024-02")


VERSION = """
from afml_cache import time_aware_cacheable

@time_aware_cacheable
def f(start, end):
    return {}
"""


def test_entries_of_every_version_of_the_code_are_covered(tmp_path):
    functions = []
    for number in (1, 2):
        path = tmp_path / f"v{number}.py"
        path.write_text(VERSION.format(number))
        namespace = {"__name__": "strategy", "__file__": str(path)}
        exec(compile(path.read_text(), str(path), "exec"), namespace)
        functions.append(namespace["f"])
        assert functions[-1]("2024", "2024") == number
    assert [entry.is_current for entry in list_entries(functions[1])].count(True) == 1
    assert "of other code" in str(list_entries(functions[1]))
    assert invalidate(functions[1], since="2024") == 2


def test_an_entry_whose_arguments_bring_code_along_is_current():
    class Strategy:
        def signal(self):
            return 1

    @time_aware_cacheable
    def f(strategy, start):
        return strategy.signal()

    f(Strategy(), "2024")
    assert [entry.is_current for entry in list_entries(f)] == [True]


def test_other_functions_keep_their_entries():
    load_months()
    spread(prices("2024-01-01"), prices("2024-01-01"))
    assert invalidate(load, since="2024") == 4
    assert spread.cache_info().entries == 1


def test_entries_that_only_know_one_extent_for_all_arguments_go_by_it(store):
    load("A", "2024")
    (entry,) = store.entries()
    day = 86_400 * 10**9
    claim = Claim(entry.function, entry.code, entry.environment, b"a" * 16, extent=(0, day, False))
    store.put(b"d" * 16, 1, claim)
    assert list_entries(load)[0].extents.keys() == {"(arguments)"}
    assert invalidate(load, since="1970-01-02", until="1970") == 1


# -- listing -----------------------------------------------------------------------------


def test_entries_are_listed_by_date():
    load("no dates", 1, 2)
    for month in ("2024-03", "2024-01"):
        load("A", month, month)
    spans = [entry.extents for entry in list_entries(load)]
    assert [dict(s) and s["start/end"].first for s in spans] == [
        pd.Timestamp("2024-01-01"),
        pd.Timestamp("2024-03-01"),
        {},
    ]
    assert [e.key for e in list_entries(load, until="2024-02")] == [
        load.cache_key("A", "2024-01", "2024-01")
    ]


def test_an_entry_reads_well(store):
    close = prices("2024-01-01", 2, tz="UTC")
    spread(close, close + 1)
    (entry,) = list_entries(spread)
    assert str(entry).startswith(
        f"{spread.cache_key(close, close + 1)[:8]}: close 2024-01-01 to 2024-01-02 UTC, other "
    )
    assert repr([entry]) == f"[<{entry}>]"
    (known,) = store.entries()
    assert (entry.size, entry.seconds) == (known.size, known.seconds)
    assert entry.created.timestamp() == pytest.approx(known.created, abs=1e-5)
    assert entry.created.tzinfo is dt.UTC
    assert entry.is_current
    with pytest.raises(AttributeError):
        entry.size = 3


# -- the law -----------------------------------------------------------------------------

DAYS = st.integers(0, 40)
ZONES = st.sampled_from([None, "UTC", "Asia/Tokyo", "US/Eastern"])


@st.composite
def frames(draw):
    return prices("2024-03-01", draw(st.integers(1, 4)), tz=draw(ZONES)).shift(
        draw(DAYS), freq="12h"
    )


@st.composite
def bounds(draw):
    since, until = sorted([draw(DAYS), draw(DAYS)])
    zone = draw(ZONES)
    stamps = [
        pd.Timestamp("2024-02-27", tz=zone) + pd.Timedelta(12 * n, "h") for n in (since, until)
    ]
    side = draw(st.sampled_from(["both", "since", "until"]))
    return {
        **({"since": stamps[0]} if side != "until" else {}),
        **({"until": stamps[1]} if side != "since" else {}),
    }


def overlaps(frame, since=None, until=None):
    """The naive model: is any instant of the hull within the bounds?"""

    def met(bound):
        if bound is None or (bound.tz is None) == (frame.index.tz is None):
            return bound
        return bound.tz_localize("UTC") if bound.tz is None else bound.tz_localize(None)

    since, until = met(since), met(until)
    first, last = frame.index[0], frame.index[-1]
    return (until is None or first <= until) and (since is None or last >= since)


@pytest.mark.slow
@given(st.lists(st.tuples(frames(), frames()), max_size=4), bounds())
def test_exactly_those_entries_are_dropped_of_which_some_argument_overlaps(calls, bounds):
    with tempfile.TemporaryDirectory() as folder, use_store(folder):
        for call in calls:
            spread(*call)
        keys = {spread.cache_key(*call): call for call in calls}
        gone = {key for key, call in keys.items() if any(overlaps(f, **bounds) for f in call)}
        assert {entry.key for entry in list_entries(spread, **bounds)} == gone
        assert invalidate(spread, **bounds) == len(gone)
        assert {entry.key for entry in list_entries(spread)} == keys.keys() - gone


SPELLINGS = {
    "day": lambda day: f"{day:%Y-%m-%d}",
    "month": lambda day: f"{day:%Y-%m}",
    "date": lambda day: day.date(),
    "instant": lambda day: day,
    "datetime64": lambda day: np.datetime64(day.date()),
    "open": lambda day: None,
}


def named_by(spelling, day):
    """The naive model: the first and the last instant that a spelling of a day names."""
    if spelling == "open":
        return None, None
    if spelling == "instant":
        return day, day
    period = pd.Period(day, "M" if spelling == "month" else "D")
    return period.start_time, (period + 1).start_time - pd.Timedelta(1, "ns")


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(*[st.tuples(st.integers(0, 90), st.sampled_from(sorted(SPELLINGS)))] * 2),
        min_size=2,
        max_size=6,
    )
)
def test_ranges_are_met_as_their_spellings_say(drawn):
    spans = []
    for pair in drawn:
        (first, one), (last, other) = sorted(pair, key=lambda end: end[0])
        days = [
            pd.Timestamp("2024-01-20").as_unit("ns") + pd.Timedelta(n, "D") for n in (first, last)
        ]
        start, end = SPELLINGS[one](days[0]), SPELLINGS[other](days[1])
        spans.append((start, end, named_by(one, days[0])[0], named_by(other, days[1])[1]))
    (since, until, lowest, highest), calls = spans[0], spans[1:]
    if since is None and until is None:
        return
    with tempfile.TemporaryDirectory() as folder, use_store(folder):
        for start, end, *_ in calls:
            load("A", start, end)
        gone = {
            load.cache_key("A", start, end)
            for start, end, first, last in calls
            if (highest is None or first is None or first <= highest)
            and (lowest is None or last is None or last >= lowest)
        }
        assert {entry.key for entry in list_entries(load, since=since, until=until)} == gone
        assert invalidate(load, since=since, until=until) == len(gone)


RAN = []


def load_prices(symbol, start, end):
    RAN.append(start)
    return [symbol, start, end]


def double(x):
    RAN.append(x)
    return 2 * x


def test_what_the_old_decorator_has_stored_of_the_period_is_not_adopted_any_more():
    for month in MONTHS:
        cacheable(load_prices)("A", month, month)
    migrated = time_aware_cacheable(load_prices)
    assert invalidate(migrated, since="2024-03", until="2024-03") == 0  # nothing adopted yet
    RAN.clear()
    for month in MONTHS:
        assert migrated("A", month, month) == ["A", month, month]
    assert RAN == ["2024-03"]
    assert migrated.cache_info().adopted == 3
    assert migrated.cache_info().reasons["cleared"] == 1


def test_clearing_a_function_keeps_out_what_the_old_decorator_has_stored():
    cacheable(double)(1), cacheable(double)(2)
    migrated = robust_cacheable(double)
    assert migrated(1) == 2
    migrated.cache_clear()
    RAN.clear()
    assert [migrated(1), migrated(2)] == [2, 4]
    assert RAN == [1, 2]
    cacheable(double)(3)  # stored after the clearing
    assert migrated(3) == 6
    assert RAN == [1, 2, 3]
