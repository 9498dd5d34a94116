"""What counts as a difference between two results, and in which words it is told."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import pickle
from collections import OrderedDict, deque, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    endless,
    lambda: Model({"weights": np.ones(3)}),
    lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
]


@pytest.mark.parametrize("make", SAME)
def test_equal_values_of_other_objects_do_not_differ(make):
    assert differences(make(), make()) == []


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
