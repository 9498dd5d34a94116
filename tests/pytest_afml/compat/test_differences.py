"""What counts as a difference between two results, and in which words it is told."""

from __future__ import annotations

import array
import copy
import datetime as dt
import functools
import io
import itertools
import pickle
import random
import re
import threading
import types
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.holiday import USFederalHolidayCalendar

from afml_cache import content_key
from pytest_afml.compat import MISSES
from pytest_afml.compat.differences import differences
from pytest_afml.compat.wording import difference_text

Bar = namedtuple("Bar", "open close")


@dataclass
class Fit:
    alpha: float
    path: list[float]


def frame(**options: object) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=3, tz="UTC", name="date")
    return pd.DataFrame({"close": [1.0, 2.0, 3.0], "volume": [1, 2, 3]}, index=days, **options)  # type: ignore[arg-type]


def without_freq() -> pd.DataFrame:
    found = frame()
    found.index.freq = None  # type: ignore[attr-defined]
    return found


def with_attrs(**attrs: object) -> pd.DataFrame:
    found = frame()
    found.attrs.update(attrs)
    return found


def with_close(*values: float) -> pd.DataFrame:
    return frame().assign(close=list(values))


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def categories(*names: str, ordered: bool = False) -> pd.Series:
    return pd.Series(pd.Categorical(["up"], categories=names, ordered=ordered))


TOLD = [
    (1, 2, ["the value is 2, was 1"]),
    (1, 1.0, ["the type is float, was int"]),
    (1, True, ["the type is bool, was int"]),
    (1.0, np.float64(1.0), ["the type is float64, was float"]),
    (0.0, -0.0, ["the value is -0.0, was 0.0"]),
    ("a", b"a", ["the type is bytes, was str"]),
    ((1, 2), [1, 2], ["the type is list, was tuple"]),
    ([1, [2, 3]], [1, [2, 4]], ["[1][1] is 4, was 3"]),
    ([1], [1, 2], ["the result has 2 items, had 1"]),
    (deque([1]), deque([2]), ["[0] is 2, was 1"]),
    (Bar(1, 2), Bar(1, 3), ["close is 3, was 2"]),
    (Bar(1, 2), (1, 2), ["the type is tuple, was Bar"]),
    ({"a": 1}, OrderedDict(a=1), ["the type is OrderedDict, was dict"]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, ["the order of the keys is ['b', 'a'], was ['a', 'b']"]),
    ({"a": 1}, {"b": 1}, ["['a'] is gone, was 1", "['b'] is 1, was not there"]),
    ({1: 2}, {True: 2}, ["[1] is gone, was 2", "[True] is 2, was not there"]),
    ({1, 2}, {1, 3}, ["the value is {1, 3}, was {1, 2}"]),
    (Fit(1.0, [2.0]), Fit(1.5, [2.5]), ["alpha is 1.5, was 1.0", "path[0] is 2.5, was 2.0"]),
    (
        [0] * 9,
        [1] * 9,
        [*(f"[{n}] is 1, was 0" for n in range(5)), "4 more differences in the result"],
    ),
    (
        dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC),
        dt.datetime(2024, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        [
            "tzinfo is datetime.timezone(datetime.timedelta(seconds=3600)), was "
            "datetime.timezone.utc"
        ],
    ),
    (np.zeros(3), np.zeros(4), ["shape is (4,), was (3,)"]),
    (np.zeros(3), np.zeros(3, "float32"), ["dtype is float32, was float64"]),
    (
        np.arange(4.0).reshape(2, 2),
        np.array([[0.0, 1.0], [2.0, 9.0]]),
        ["1 of 4 values differs, the first at [1, 1]: 9.0, was 3.0"],
    ),
    (np.array([0.0]), np.array([-0.0]), ["1 of 1 values differs, the first at [0]: -0.0, was 0.0"]),
    (np.zeros(1), read_only(np.zeros(1)), ["flags.writeable is False, was True"]),
    (
        np.array([1, None], object),
        np.array([1, "x"], object),
        ["[1] is 'x', was None"],
    ),
    (frame(), without_freq(), ["index.freq is None, was <Day>"]),
    (
        without_freq(),
        without_freq().tz_convert("Asia/Tokyo"),
        ["index.tz is Asia/Tokyo, was UTC"],
    ),
    (
        frame(),
        frame()[["volume", "close"]],
        ["the order of columns is ['volume', 'close'], was ['close', 'volume']"],
    ),
    (frame(), frame().astype({"volume": "int32"}), ["['volume'].dtype is int32, was int64"]),
    (frame(), with_attrs(source="feed"), ["attrs['source'] is 'feed', was not there"]),
    (frame(), frame().iloc[:2], ["index has 2 items, had 3"]),
    (frame(), frame().rename_axis("day"), ["index.name is 'day', was 'date'"]),
    (
        frame(),
        with_close(1.0, 2.5, 3.5),
        [
            "2 of 3 values of ['close'] differ, the first at [2024-01-02 00:00:00+00:00]: 2.5, "
            "was 2.0"
        ],
    ),
    (
        frame(),
        frame().set_flags(allows_duplicate_labels=False),
        ["flags.allows_duplicate_labels is False, was True"],
    ),
    (
        {"x": frame()["close"]},
        {"x": frame()["close"].rename("c")},
        ["['x'].name is 'c', was 'close'"],
    ),
    (frame()["close"], frame()[["close"]], ["the type is DataFrame, was Series"]),
    (
        pd.Series([1.0, 2.0]),
        pd.Series([1.0, 2.0], index=[0, 1]),
        ["the type of index is Index, was RangeIndex"],
    ),
    (
        categories("up", "down"),
        categories("down", "up"),
        ["dtype.categories is ['down', 'up'], was ['up', 'down']"],
    ),
    (
        pd.Period("2024-01"),
        pd.Period("2024-02"),
        ["the value is Period('2024-02', 'M'), was Period('2024-01', 'M')"],
    ),
    (
        pd.offsets.BDay(1),
        pd.offsets.BDay(2),
        ["the value is <2 * BusinessDays>, was <BusinessDay>"],
    ),
    (categories("up"), categories("up", ordered=True), ["dtype.ordered is True, was False"]),
    (
        pd.Series([1, None], dtype="Int64"),
        pd.Series([None, 1], dtype="Int64"),
        ["the type of [0] is NAType, was int", "the type of [1] is int, was NAType"],
    ),
    (
        pd.Timestamp("2024-01-01").as_unit("us"),
        pd.Timestamp("2024-01-01").as_unit("ns"),
        ["unit is 'ns', was 'us'"],
    ),
]


def adder(more: Any, by: int = 1) -> Any:
    return lambda x, by=by: x + more * by


class Tick(Decimal):
    pass


class Span(dt.timedelta):
    pass


class Curve(np.ndarray):
    source = "none"


class Noted(pd.DataFrame):
    _metadata: ClassVar = ["note"]

    @property
    def _constructor(self) -> type:
        return Noted


def with_attribute(value: Any, name: str, attribute: object) -> Any:
    setattr(value, name, attribute)
    return value


def levels(zone: str = "UTC", freq: str | None = "D") -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=3, tz="UTC", unit="us").tz_convert(zone)
    days.freq = None
    index = pd.MultiIndex.from_product([["ES"], pd.DatetimeIndex(days, freq=freq)])
    return pd.DataFrame({"close": 1.0}, index=index)


def holidays(day: str) -> Any:
    return pd.offsets.CustomBusinessDay(holidays=[day])


def on_working_days(day: str) -> pd.Series:
    return pd.Series(1, index=pd.DatetimeIndex(["2024-02-01", "2024-02-02"], freq=holidays(day)))


def masked(fill: float) -> Any:
    return np.ma.masked_array([1.0, 2.0], mask=[False, True], fill_value=fill)


def interval(unit: str) -> Any:
    days = (pd.Timestamp(year, 1, 1).as_unit(unit) for year in (2024, 2025))
    return pd.Interval(*days)


def rows(value: float, more: object = None) -> np.ndarray:
    return np.array([(1, value, more)], dtype=[("a", int), ("b", float), ("c", object)])


#: Pairs that Python, NumPy or pandas take for equal, or that have nothing but a state in C.
SLY = {
    "zone of a level": (levels(), levels("America/New_York")),
    "freq of a level": (levels(), levels(freq=None)),
    "holidays of a freq": (on_working_days("2024-01-02"), on_working_days("2024-01-03")),
    "holidays": (holidays("2024-01-02"), holidays("2024-01-03")),
    "key 1.0": ({1: 0}, {1.0: 0}),
    "key True": ({1: 0}, {True: 0}),
    "key of NumPy": ({1: 0}, {np.int64(1): 0}),
    "key Timestamp": ({dt.datetime(2024, 1, 1): 0}, {pd.Timestamp(2024, 1, 1): 0}),
    "member": ({(1, 2)}, {(1.0, 2)}),
    "member -0.0": ({0.0}, {-0.0}),
    "bytes of a buffer": (io.BytesIO(b"a"), io.BytesIO(b"b")),
    "text of a buffer": (io.StringIO("a"), io.StringIO("b")),
    "subclass of Decimal": (Tick("1"), Tick("2")),
    "subclass of timedelta": (Span(1), Span(2)),
    "digits of a Decimal": (Decimal("1.0"), Decimal("1.00")),
    "sign of a Decimal": (Decimal("0"), Decimal("-0")),
    "type of an array": (array.array("i", [1]), array.array("d", [1])),
    "mapping proxy": (types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 1.0})),
    "slice": (slice(1), slice(1.0)),
    "range": (range(0, 3, 2), range(0, 4, 2)),
    "maxlen": (deque([1], 2), deque([1], 3)),
    "factory": (defaultdict(list), defaultdict(set)),
    "attribute of an array": (
        np.zeros(1).view(Curve),
        with_attribute(np.zeros(1).view(Curve), "source", "feed"),
    ),
    "metadata": (
        with_attribute(Noted({"a": [1]}), "note", "x"),
        with_attribute(Noted({"a": [1]}), "note", "y"),
    ),
    "memory of a Series": (
        pd.Series(np.zeros(2)),
        pd.Series(read_only(np.zeros(2)), copy=False),
    ),
    "categories without a row": (
        pd.Series(pd.Categorical([], categories=[1])),
        pd.Series(pd.Categorical([], categories=[1.0])),
    ),
    "-0.0 in a record": (rows(0.0), rows(-0.0)),
    "an object in a record": (rows(0.0, [1]), rows(0.0, [2])),
    "fill value": (masked(0.0), masked(9.0)),
    "units of an interval": (interval("us"), interval("ns")),
    "args of an exception": (ValueError(1), ValueError(2)),
    "methods": (Fit(1.0, []).__eq__, Fit(2.0, []).__eq__),
    "closures": (adder(1), adder(2)),
    "defaults": (adder(1, 2), adder(1, 3)),
    "functions": (np.mean, np.median),
    "state of a generator": (random.Random(1), random.Random(2)),
    "state of NumPy's": (np.random.default_rng(1), np.random.default_rng(2)),
}


@pytest.mark.parametrize("name", SLY)
def test_what_is_only_loosely_equal_differs(name):
    was, now = SLY[name]
    assert "incomparable" not in [one.kind for one in differences(was, now)]
    assert differences(was, now)
    if not isinstance(was, types.MappingProxyType):  # which has no copy
        assert differences(was, copy.deepcopy(was)) == []


@pytest.mark.parametrize("make", [lambda: (n for n in ()), threading.Lock])
def test_what_says_only_which_object_it_is_cannot_be_compared(make):
    (found,) = differences([make()], [make()])
    assert found.kind == "incomparable"
    assert re.match(r"\[0\] is <.*>, which cannot be compared", difference_text(found))
    (found,) = differences({make()}, {make()})
    assert found.kind == "incomparable"


@pytest.mark.parametrize(("was", "now", "told"), TOLD, ids=[one[2][0] for one in TOLD])
def test_each_difference_is_told(was, now, told):
    assert [difference_text(one) for one in differences(was, now)] == told


def endless() -> list[object]:
    found: list[object] = [1]
    found.append(found)
    return found


class Model:
    def __init__(self, state: object) -> None:
        self.state = state

    @functools.cached_property
    def freq(self) -> object:
        return object()


def looked_at(value: Any) -> Any:
    """Every second time, its freq is asked for, which it remembers from then on."""
    if next(ASKED) % 2:
        assert value.freq is not None
    return value


ASKED = itertools.count()


def used(path: Path) -> Path:
    """Every second time, what it remembers of itself is asked for."""
    if next(ASKED) % 2:
        assert hash(path)
        assert path.parts
    return path


SAME = [
    lambda: float("nan"),
    lambda: np.array([np.nan, 1.0]),
    lambda: np.array(["NaT", "2024-01-01"], "datetime64[ns]"),
    lambda: np.array([1 + 2j, complex(np.nan, 1)]),
    lambda: np.ma.masked_array([1.0, np.nan], mask=[False, True]),
    lambda: np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
    frame,
    lambda: pd.Series([1, None], dtype="Int64"),
    lambda: pd.Series(["a", None], dtype="str"),
    lambda: pd.Series([None, np.nan, "x"], dtype=object),
    lambda: pd.concat({"ES": frame()}),
    lambda: pd.NaT,
    lambda: looked_at(pd.Period("2024-01")),
    lambda: pd.offsets.BDay(2),
    lambda: pd.Timedelta("1D"),
    lambda: looked_at(Model(1)),
    lambda: pd.Interval(0, 1),
    lambda: {"a": [1, {2, 3}], "b": (None, b"x")},
    lambda: rows(float("nan"), [float("nan")]),
    lambda: pd.DataFrame({"a": [np.nan, 1.0], "b": ["x", None]}).to_records(),
    lambda: np.array([([np.nan, 1.0],)], dtype=[("a", float, (2,))]),
    lambda: pd.Series([np.nan, 1.0]).value_counts(dropna=False).to_dict(),
    lambda: set(pd.Series([np.nan, 1.0, np.nan])),
    lambda: used(Path("a") / "b"),
    lambda: {Model(1), Model(2)},
    lambda: Decimal("NaN"),
    lambda: io.BytesIO(b"a"),
    lambda: ValueError("a", np.ones(2)),
    lambda: on_working_days("2024-01-02"),
    lambda: levels(),
    lambda: random.Random(1),
    lambda: np.random.default_rng(1),
    lambda: set(range(20_000)),
    lambda: dt.datetime(2024, 3, 10, 2, 30, tzinfo=ZoneInfo.no_cache("America/New_York")),
    lambda: pd.offsets.CustomBusinessDay(calendar=USFederalHolidayCalendar()),
    lambda: adder(1),
    lambda: Model(adder([1.0])),
    endless,
    lambda: Model({"weights": np.ones(3)}),
    lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
]


@pytest.mark.parametrize("make", SAME)
def test_equal_values_of_other_objects_do_not_differ(make):
    assert differences(make(), make()) == []


def test_distributions_are_compared_though_they_write_their_own_functions():
    norm = pytest.importorskip("scipy.stats").norm
    assert differences(norm(0, 1), norm(0, 1)) == []
    assert differences(norm(0, 1), norm(0, 2))


def test_two_lambdas_of_one_place_are_told_apart_by_what_they_hold():
    (found,) = differences([adder(1)], [adder(2)])
    assert difference_text(found) == "[0]['more'] is 2, was 1"


def test_fitted_models_are_compared_by_their_state():
    ensemble = pytest.importorskip("sklearn.ensemble")

    def fitted(depth):
        rows = np.arange(20.0).reshape(10, 2)
        model = ensemble.RandomForestClassifier(3, max_depth=depth, random_state=0)
        return model.fit(rows, np.arange(10) % 2)

    assert differences(fitted(2), fitted(2)) == []
    assert differences(fitted(1), fitted(3))


@pytest.mark.parametrize("pair", [one for one in MISSES if one.kind != "call"], ids=str)
def test_whatever_has_another_key_differs(pair):
    (one,), (other,) = pair.a.args, pair.b.args
    assert differences(one, other)
    assert differences(other, one)


ATOMS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, float("nan")])
) | st.sampled_from(["", "a", b"a", 1j])
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(ATOMS, inner, max_size=2)
        | st.frozensets(ATOMS, max_size=2)
    ),
    max_leaves=4,
)


@given(VALUES, VALUES)
def test_values_differ_when_their_keys_do(one, other):
    found = [difference for difference in differences(one, other) if difference.kind != "order"]
    assert (content_key(one) == content_key(other)) == (not found)


@given(VALUES)
def test_a_value_does_not_differ_from_its_copy(value):
    assert differences(value, pickle.loads(pickle.dumps(value))) == []
