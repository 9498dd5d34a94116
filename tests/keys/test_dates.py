"""Spellings of a date and the stretches of time that they name."""

from __future__ import annotations

import datetime as dt
import warnings
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afml_cache.keys.dates import is_missing, read_date

TEXTS = [
    "2021",
    "2021-03",
    "2021-3",
    "2021/03",
    "2021Q1",
    "2021-Q4",
    "2021q2",
    "20210301",
    "2021-03-01",
    "2021-3-1",
    "2021/03/01",
    "2021.03.01",
    " 2021-03-01 ",
    "2021-03-01T10",
    "2021-03-01t10:30",
    "2021-03-01 10:30",
    "2021-03-01 1:30",
    "2021-03-01 10:30:15",
    "20210301T103015",
    "20210301 103015",
    "2021-03-01T10:30:15.5",
    "2021-03-01T10:30:15.123",
    "2021-03-01T10:30:15.1234",
    "2021-03-01T10:30:15.123456",
    "2021-03-01T10:30:15.12345678",
    "2021-03-01T10:30:15.123456789",
    "2021-03-01T10:30Z",
    "2021-03-01 10:30:15+01:00",
    "2021-03-01 10:30:15 -0530",
    "2021-03-01 10:30:15+01",
    "2021-03-01 10:30:15 UTC",
    "2024-02-29",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_names_what_pandas_slices_with_it(text):
    date = read_date(text)
    zone = None if date.offset is None else "UTC"
    # Rows right at both ends, and right outside of them.
    near = [date.first - 1, date.first, date.last, date.last + 1]
    index = pd.DatetimeIndex(np.array(near, "M8[ns]")).tz_localize(zone)
    rows = pd.Series(range(4), index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # quarters are deprecated as texts, not as periods
        within = rows.loc[text:text]
    assert list(within) == [1, 2] if date.last > date.first else [1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "now",
        "May",
        "10:30",
        "3/4/2021",
        "2021-13",
        "2021-00",
        "2021Q5",
        "2021-02-29",
        "2021-03-01T24:00",
        "2021-03-01T10:60",
        "2021-03/01",
        "0000",
        "20211",
        "２０２１",
        "2021-03-01T10:30:15,5",
        "2021-03-01Z",
        "2021-W05",
        "last 2021-03-01",
    ],
)
def test_a_text_that_is_no_iso_date_is_not_read(text):
    assert read_date(text) is None


@pytest.mark.parametrize(
    "value", [0, 1.5, True, 20210301, b"2021", dt.time(1), [], pd.Timedelta(1)]
)
def test_numbers_and_other_things_are_no_dates(value):
    assert read_date(value) is None
    assert not is_missing(value)


@pytest.mark.parametrize("value", [None, pd.NaT, np.datetime64("NaT", "ns")])
def test_a_missing_date_is_missing(value):
    assert is_missing(value)
    assert read_date(value) is None


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_an_instant_is_the_same_in_every_spelling(unit):
    stamp = pd.Timestamp("2021-03-01T10:30").as_unit(unit)
    spellings = [
        stamp,
        stamp.to_pydatetime(),
        stamp.to_datetime64(),
        np.datetime64("2021-03-01T10:30"),
    ]
    assert {read_date(spelling) for spelling in spellings} == {read_date(stamp)}
    assert read_date(stamp).first == read_date(stamp).last


def test_two_instants_of_one_wall_clock_in_autumn_are_two():
    berlin = ZoneInfo("Europe/Berlin")
    early, late = (dt.datetime(2024, 10, 27, 2, 30, fold=fold, tzinfo=berlin) for fold in (0, 1))
    hour = 3600 * 10**9
    assert read_date(late).first - read_date(early).first == hour
    assert read_date(early).first - read_date(pd.Timestamp(early)).first == 0
    assert read_date(late).first - read_date(pd.Timestamp(late)).first == 0
    assert (read_date(early).offset, read_date(late).offset) == (2 * hour, hour)


def test_datetime64_of_calendar_units_names_all_of_it():
    def length(value):
        date = read_date(value)
        return (date.last - date.first + 1) // (86_400 * 10**9)

    assert length(np.datetime64("2024")) == 366
    assert length(np.datetime64("2024-02")) == 29
    assert length(np.datetime64("2024-02-01", "W")) == 7
    assert length(np.datetime64("2024-02-01")) == 1
    assert (
        read_date(np.datetime64("2024-02-01T00", "h")).first
        == read_date(np.datetime64("2024-02-01T00", "h")).last
    )


def test_units_finer_than_a_nanosecond_are_read():
    assert read_date(np.datetime64(1_500, "ps")).first == 1
    assert read_date(np.datetime64(-1, "as")).first == -1


def test_text_is_read_without_pandas_and_numpy(run_python):
    script = """
        import sys
        from datetime import date, datetime
        from afml_cache import time_aware_cacheable
        @time_aware_cacheable
        def f(start, end):
            return 1
        f("2021", "2022Q1"), f(date(2021, 1, 1), datetime(2022, 1, 1))
        from afml_cache.store.active import active
        for entry in sorted(active().entries(), key=lambda entry: entry.extent):
            print(entry.extent)
        print({"pandas", "joblib"} & set(sys.modules))
    """
    assert run_python(script).splitlines() == [
        "(1609459200000000000, 1640995200000000000, False)",
        "(1609459200000000000, 1648771199999999999, False)",
        "set()",
    ]


@given(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)))
def test_a_datetime_and_its_iso_text_begin_together(moment):
    assert read_date(moment.isoformat()).first == read_date(moment).first
    assert read_date(moment).first == pd.Timestamp(moment).as_unit("ns").value


@given(st.text(alphabet="0123456789-/:T QZ+.", max_size=24))
def test_no_text_raises(text):
    date = read_date(text)
    assert date is None or date.first <= date.last
