"""``@time_aware_cacheable``: what is stored about dates, and dates that are normalised."""

from __future__ import annotations

import asyncio
import datetime as dt
import pickle
import shutil
from importlib import import_module
from importlib.util import find_spec
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    Reason,
    UncacheableFunctionError,
    configure,
    robust_cacheable,
    time_aware_cacheable,
    use_store,
)
from afml_cache.store.store import Store

JANUARY = [
    pd.Timestamp("2024-01-01").as_unit("ns").value,
    pd.Timestamp("2024-02-01").as_unit("ns").value - 1,
]


def prices(start="2024-01-01", n=3, **options):
    return pd.Series(np.arange(n, dtype=float), pd.date_range(start, periods=n, **options))


def ns(text):
    return pd.Timestamp(text).as_unit("ns").value


def stored(store):
    """The extents of the only entry."""
    (entry,) = store.entries()
    return store.description(entry.digest).get("extents")


# -- what is stored ----------------------------------------------------------------------


def test_each_argument_is_stored_by_itself_beside_the_union(store):
    @time_aware_cacheable
    def spread(close, other, start=None, end="2024-01"):
        return float(close.sum() - other.sum())

    spread(prices(), prices("2020-01-01"), "2024-01")
    assert stored(store) == {
        "close": [ns("2024-01-01"), ns("2024-01-03"), False],
        "other": [ns("2020-01-01"), ns("2020-01-03"), False],
        "start/end": [*JANUARY, False],
    }
    (entry,) = store.entries()
    assert entry.extent == (ns("2020-01-01"), JANUARY[1], False)


def test_a_robust_function_stores_no_dates(store):
    @robust_cacheable
    def f(close, start):
        return 1

    f(prices(), "2024")
    assert stored(store) is None


def test_the_extents_survive_a_lost_index(store, tmp_path):
    @time_aware_cacheable
    def f(start, end):
        return np.zeros(100_000)  # large enough for a file of its own

    f("2024-01", "2024-01")
    wanted = stored(store)
    store.close()
    for path in store.directory.glob("index*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert stored(Store(store.directory)) == wanted == {"start/end": [*JANUARY, False]}


def test_positional_and_keyword_ranges_and_defaults_are_one_call(store):
    @time_aware_cacheable
    def f(start, end="2024-01", /, *frames, **kw):
        return 1

    f("2024-01")
    f("2024-01", "2024-01")
    assert stored(store) == {"start/end": [*JANUARY, False]}
    assert f.cache_info().hits == 1


def test_dates_in_kwargs_and_frames_in_args_are_stored(store):
    @time_aware_cacheable
    def f(*frames, **kw):
        return 1

    f(prices(), start="2024-01", end="2024-01")
    assert stored(store) == {
        "start/end": [*JANUARY, False],
        "frames[0]": [ns("2024-01-01"), ns("2024-01-03"), False],
    }


def test_declared_ranges_replace_the_names_that_are_recognised(store):
    @time_aware_cacheable(ranges=("first", "last"))
    def f(first, last, start="1999"):
        return 1

    f("2024-01", "2024-01")
    assert stored(store) == {"first/last": [*JANUARY, False]}


def test_several_ranges_can_be_declared(store):
    @time_aware_cacheable(ranges=[("train", "train_end"), ("day", "day")])
    def f(train, train_end, day):
        return 1

    f("2024-01", "2024-01", dt.date(2024, 1, 1))
    assert stored(store) == {
        "train/train_end": [*JANUARY, False],
        "day": [ns("2024-01-01"), ns("2024-01-02") - 1, False],
    }


def test_no_ranges_can_be_declared(store):
    @time_aware_cacheable(ranges=())
    def f(start, end):
        return 1

    f("2024-01", "2024-01")
    assert stored(store) is None


def test_a_range_that_the_function_does_not_have_is_refused_when_it_is_decorated():
    with pytest.raises(ConfigurationError, match=r"ranges= names begin, but .*f\(\) has .*start"):

        @time_aware_cacheable(ranges=("begin", "start"))
        def f(start, *frames): ...


def test_a_range_may_come_in_kwargs(store):
    @time_aware_cacheable(ranges=("begin", "finish"))
    def f(symbol, **query):
        return 1

    f("A", begin="2024-01", finish="2024-01")
    assert stored(store) == {"begin/finish": [*JANUARY, False]}


@pytest.mark.parametrize(
    "ranges", ["start", ("start",), ("a", "b", "c"), [("a",)], {"a": "b"}, [1, 2]]
)
def test_ranges_that_are_no_pairs_are_refused(ranges):
    with pytest.raises(ConfigurationError, match="two names of parameters"):
        time_aware_cacheable(ranges=ranges)(lambda start, end: 1)


def test_an_unknown_value_of_dates_is_refused():
    with pytest.raises(ConfigurationError, match="'exact' or 'normalise'"):
        time_aware_cacheable(dates="normal")


def test_what_cannot_be_cached_is_refused_as_ever():
    def items(start, end):
        yield start

    for options in ({}, {"dates": "normalise"}, {"ranges": ("start", "end")}):
        with pytest.raises(UncacheableFunctionError):
            time_aware_cacheable(**options)(items)
        with pytest.raises(UncacheableFunctionError):
            time_aware_cacheable(**options)(property(items))


def test_ignored_parameters_count_for_no_date(store):
    @time_aware_cacheable(ignore=["end", "close"])
    def f(start, end, close):
        return 1

    f("2024-01", "2024-02", prices())
    assert stored(store) == {"start": [JANUARY[0], 2**63 - 1, False]}


def test_a_function_that_changes_its_own_range_has_stored_what_it_was_called_with(store):
    @time_aware_cacheable
    def f(start, end):
        start = end = "1999"
        return start + end

    f("2024-01", "2024-01")
    assert stored(store) == {"start/end": [*JANUARY, False]}


# -- keys stay exact ---------------------------------------------------------------------


def test_a_text_and_a_timestamp_are_two_keys():
    @time_aware_cacheable
    def f(start):
        return type(start)

    assert f("2021-01-01") is str
    assert f(pd.Timestamp("2021-01-01")) is pd.Timestamp
    assert f(dt.date(2021, 1, 1)) is dt.date
    assert f.cache_info().computed == 3


# -- dates="normalise" -------------------------------------------------------------------

MIDNIGHT = pd.Timestamp("2021-01-01").as_unit("ns")
INSTANT = pd.Timestamp("2021-01-01T05:00Z").as_unit("ns")

NAIVE = [
    "2021-01-01",
    "20210101",
    "2021-01-01 00:00",
    "2021-01-01T00:00:00.000000000",
    dt.date(2021, 1, 1),
    dt.datetime(2021, 1, 1),
    np.datetime64("2021-01-01"),
    np.datetime64("2021-01-01T00", "h"),
    np.datetime64("2021-01-01", "ns"),
    *(pd.Timestamp("2021-01-01").as_unit(unit) for unit in ("s", "ms", "us", "ns")),
]
AWARE = [
    "2021-01-01T05:00Z",
    "2021-01-01 06:00+01:00",
    pd.Timestamp("2021-01-01", tz="US/Eastern"),
    pd.Timestamp("2021-01-01T05:00", tz="UTC").as_unit("s"),
    dt.datetime(2021, 1, 1, tzinfo=ZoneInfo("America/New_York")),
    dt.datetime(2021, 1, 1, 5, tzinfo=dt.UTC),
]


@pytest.mark.parametrize(("spellings", "wanted"), [(NAIVE, MIDNIGHT), (AWARE, INSTANT)])
def test_spellings_of_one_instant_share_a_key(spellings, wanted):
    @time_aware_cacheable(dates="normalise")
    def f(start, end=None):
        return start, end

    for spelling in spellings:
        start, end = f(spelling, spelling)
        assert start == end == wanted
        assert (type(start), start.unit, str(start.tz)) == (pd.Timestamp, "ns", str(wanted.tz))
    assert f.cache_info().computed == 1
    assert len({f.cache_key(start=spelling) for spelling in spellings}) == 1
    assert f.cache_contains(spellings[-1], end=spellings[0])
    assert f.explain(spellings[-1], spellings[0]).reason is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2021", "2021-01-01", "2021-12-31T23:59:59.999999999"),
        ("2021-02", "2021-02-01", "2021-02-28T23:59:59.999999999"),
        ("2021Q1", "2021-01-01", "2021-03-31T23:59:59.999999999"),
        (np.datetime64("2021-02"), "2021-02-01", "2021-02-28T23:59:59.999999999"),
        (pd.Period("2021-02-03", "D"), "2021-02-03", "2021-02-03T23:59:59.999999999"),
    ],
    ids=str,
)
def test_a_period_is_its_first_instant_as_a_start_and_its_last_as_an_end(text, first, last):
    @time_aware_cacheable(dates="normalise")
    def f(start, end):
        return start, end

    assert f(text, text) == (pd.Timestamp(first), pd.Timestamp(last))


def test_a_month_as_an_end_slices_the_same_rows_as_before():
    def rows(close, start, end):
        return len(close.loc[start:end])

    close = prices("2021-01-01", 90)
    exact = time_aware_cacheable(rows)
    normal = time_aware_cacheable(dates="normalise")(rows)
    assert exact(close, "2021-02", "2021-02") == normal(close, "2021-02", "2021-02") == 28


@pytest.mark.parametrize(
    "value", [None, "yesterday", 3, pd.NaT, "2021-02-30", np.datetime64("NaT", "ns"), 0.5]
)
def test_what_is_no_date_stays_as_it_is(value):
    @time_aware_cacheable(dates="normalise")
    def f(start=None):
        return [start]

    received = f.__wrapped__(value)[0]
    (start,) = f(value)
    assert start is received or type(start) is type(received)
    assert not isinstance(start, pd.Timestamp)


@pytest.mark.parametrize("unit", ["s", "us"])
def test_dates_beyond_nanoseconds_are_as_fine_as_they_fit(unit):
    @time_aware_cacheable(dates="normalise")
    def f(start):
        return start

    far = pd.Timestamp(dt.datetime(3000, 1, 1)).as_unit(unit)
    assert f(far) == f("3000-01-01") == f(dt.date(3000, 1, 1)) == far
    assert f.cache_info().computed == 1
    assert f(np.datetime64(10**6, "Y")) == np.datetime64(10**6, "Y")


def test_defaults_are_normalised():
    @time_aware_cacheable(dates="normalise")
    def f(a, start="2021-01-01", /, window=3, end="2021-02", *, since=dt.date(2021, 1, 1), **kw):
        return [start, end, since]

    last = pd.Timestamp("2021-02-28T23:59:59.999999999")
    assert f(0) == [MIDNIGHT, last, MIDNIGHT]
    assert f(0, window=3, end=last) == f(0, MIDNIGHT, 3, "2021-02", since="2021-01-01")
    assert f.cache_info().computed == 1
    assert f.cache_key(0) == f.cache_key(0, "2021-01-01")
    assert f.cache_contains(0)


def test_a_default_behind_others_that_only_go_by_position_is_normalised():
    @time_aware_cacheable(dates="normalise")
    def f(a=1, b=2, start="2021-01-01", /):
        return [a, b, start]

    assert f() == f(1) == f(1, 2) == f(1, 2, "2021-01-01") == [1, 2, MIDNIGHT]
    assert f.cache_info().computed == 1


def test_dates_in_kwargs_are_normalised():
    @time_aware_cacheable(dates="normalise")
    def f(symbol, **kw):
        return kw

    assert f("A", start="2021-01-01", note="2021-01-01") == {
        "start": MIDNIGHT,
        "note": "2021-01-01",
    }
    assert f.cache_contains("A", note="2021-01-01", start=MIDNIGHT)


def test_declared_ranges_are_the_ones_that_are_normalised():
    @time_aware_cacheable(ranges=("begin", "finish"), dates="normalise")
    def f(begin, finish, start):
        return [begin, finish, start]

    assert f("2021-01-01", None, "2021-01-01") == [MIDNIGHT, None, "2021-01-01"]


def test_a_call_that_python_refuses_is_refused_in_its_words():
    @time_aware_cacheable(dates="normalise")
    def f(a, start="2021-01-01", /):
        return start

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        f()
    with pytest.raises(TypeError, match="positional-only"):
        f(1, start="2021-01-01")
    with pytest.raises(TypeError, match=r"multiple values|positional"):
        time_aware_cacheable(dates="normalise")(lambda start: start)("2021", start="2021")


class Loader:
    def __init__(self, symbol):
        self.symbol = symbol

    @time_aware_cacheable(dates="normalise")
    def load(self, start="2021-01-01"):
        return [self.symbol, start]

    @time_aware_cacheable(dates="normalise")
    @classmethod
    def first(cls, start):
        return start

    @classmethod
    @time_aware_cacheable(dates="normalise")
    def second(cls, start):
        return start

    @staticmethod
    @time_aware_cacheable(dates="normalise")
    def third(start="2021-01-01"):
        return start


def test_methods_are_normalised_and_pickle():
    loader = Loader("A")
    assert (
        loader.load() == loader.load("2021-01-01") == loader.load(start=MIDNIGHT) == ["A", MIDNIGHT]
    )
    assert Loader.load.cache_info().computed == 1
    assert loader.load.cache_contains(dt.date(2021, 1, 1))
    for method in (Loader.first, loader.second, Loader.third):
        assert method("2021-01-01") == method(start=MIDNIGHT) == MIDNIGHT
        assert method.cache_key("2021-01-01") == method.cache_key(MIDNIGHT)
        assert method.cache_contains(start="2021-01-01")
    assert Loader.third() == MIDNIGHT
    assert pickle.loads(pickle.dumps(Loader.load)) is Loader.load
    assert pickle.loads(pickle.dumps(loader.load))("2021-01-01") == ["A", MIDNIGHT]


def test_a_local_function_travels_by_its_parts():
    # joblib brings one along, up to 1.5 inside of itself.
    has_own = find_spec("cloudpickle") is not None
    cloudpickle = import_module("cloudpickle" if has_own else "joblib.externals.cloudpickle")

    @time_aware_cacheable(dates="normalise", ranges=("day", "day"))
    def f(day="2021-01-01"):
        return day

    again = pickle.loads(cloudpickle.dumps(f))
    assert again is not f
    assert again() == again("2021-01-01") == MIDNIGHT


def test_coroutines_are_normalised():
    @time_aware_cacheable(dates="normalise")
    async def f(start):
        return start

    async def both():
        return await f("2021-01-01"), await f(MIDNIGHT)

    assert asyncio.run(both()) == (MIDNIGHT, MIDNIGHT)
    assert f.cache_info().hits == 1
    assert asyncio.iscoroutinefunction(f)


def test_the_function_receives_timestamps_while_the_cache_is_off():
    @time_aware_cacheable(dates="normalise")
    def f(start="2021-01-01"):
        return start

    configure(mode="off")
    assert f() == MIDNIGHT
    assert f.cache_info().reasons == {Reason.MODE_OFF: 1}


def test_what_a_normalised_function_received_is_what_is_stored(store):
    @time_aware_cacheable(dates="normalise")
    def f(start, end):
        return 1

    f("2024-01", "2024-01")
    assert stored(store) == {"start/end": [*JANUARY, False]}


def test_a_store_that_cannot_be_used_costs_nothing_but_the_cache(tmp_path):
    @time_aware_cacheable
    def f(close, start):
        return 1

    place = tmp_path / "a file"
    place.write_text("")
    with use_store(place), pytest.warns(CacheWarning):
        assert f(prices(), "2024") == 1
