"""Keys and descriptions leave the values as they were, down to what a pickle of them shows.

joblib hashes the pickle, hidden state included: were an index asked for its first element here,
the next function that it is handed to would not find joblib's entry any more.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache.keys import content
from afml_cache.keys.extent import extents_of
from afml_cache.keys.ranges import DateParameters


def extents(value: Any) -> object:
    """The stretches of time that an argument covers."""
    return extents_of({"x": value}, DateParameters())


STAMPS = np.arange("2024-01-01", "2024-01-09", dtype="datetime64[h]")


def hours() -> pd.DatetimeIndex:
    """An index that has not worked anything out yet."""
    return pd.DatetimeIndex(STAMPS.copy())


def fresh(make: Callable[[], Any]) -> Callable[[], Any]:
    """The value as it comes out of a cache."""
    return lambda: pickle.loads(pickle.dumps(make()))


VALUES: dict[str, Callable[[], Any]] = {
    "an index": hours,
    "an index with a zone": fresh(lambda: hours().tz_localize("UTC")),
    "durations": lambda: pd.TimedeltaIndex((STAMPS - STAMPS[0]).astype("timedelta64[s]")),
    "periods": fresh(lambda: hours().to_period("h")),
    "a frame": lambda: pd.DataFrame({"a": range(len(STAMPS)), "b": "x"}, index=hours()),
    "a series": lambda: pd.Series(1.5, index=hours()),
    "times in a column": lambda: pd.DataFrame({"t": hours()}),
    "two levels": fresh(
        lambda: pd.DataFrame(
            {"v": range(2 * len(STAMPS))}, index=pd.MultiIndex.from_product([hours(), ["x", "y"]])
        )
    ),
    "categories": lambda: pd.Series(pd.Categorical(["a", "b"] * 4)),
    "a dictionary of frames": lambda: {"prices": pd.DataFrame({"a": 1.0}, index=hours())},
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    "look",
    [content.content_key, lambda value: content.describe(value, "x"), extents],
    ids=["key", "description", "extent"],
)
def test_looking_at_a_value_does_not_change_its_joblib_hash(
    name: str, look: Callable[[Any], object]
) -> None:
    if name == "periods" and pd.__version__ < "3":
        pytest.skip("this pandas remembers the dtype of periods as soon as anything is asked")
    value = VALUES[name]()
    before = joblib.hash(value)
    look(value)
    assert joblib.hash(value) == before


def test_the_values_are_such_that_a_look_could_show() -> None:
    """Else the test above could not fail."""
    index = hours()
    before = joblib.hash(index)
    index[0]
    assert joblib.hash(index) != before
