"""When the results of two arms are equal, and what is said when they are not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pytest_afml.gates.equal import difference

NAN = float("nan")


@dataclass
class Fit:
    weights: Any
    name: str = "ridge"


class Unclear:
    """As arrays of other libraries: a comparison has no truth value."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("truth is ambiguous")


def protected(array: Any) -> Any:
    array.flags.writeable = False
    return array


def daily(freq: Any) -> pd.DatetimeIndex:
    found = pd.date_range("2024-01-01", periods=3, freq="D")
    found.freq = freq
    return found


def with_attrs(**attrs: Any) -> pd.DataFrame:
    found = frame()
    found.attrs.update(attrs)
    return found


def masked(*mask: int) -> Any:
    return np.ma.MaskedArray([1.0, 2.0, 3.0], mask=list(mask))


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns or {"close": [1.0, NAN, 3.0]}, index=[3, 4, 5])


EQUAL = [
    (1, 1),
    (NAN, float("nan")),
    ([1, NAN, "a"], [1, float("nan"), "a"]),
    ({"a": 1, "b": [2]}, {"a": 1, "b": [2]}),
    ({1, 2}, {2, 1}),
    (np.array([1.0, NAN]), np.array([1.0, NAN])),
    (np.array(["2024-01-01", "NaT"], "M8[ns]"), np.array(["2024-01-01", "NaT"], "M8[ns]")),
    (np.array([1, "a", NAN], object), np.array([1, "a", float("nan")], object)),
    (np.asfortranarray(np.ones((2, 3))), np.ones((2, 3))),
    (protected(np.ones(3)), np.ones(3)),
    (np.ones(3), protected(np.ones(3))),
    ([np.ones(3)] * 20, [protected(np.ones(3)) for _ in range(20)]),
    (masked(0, 1, 0), masked(0, 1, 0)),
    (frame(), frame()),
    (with_attrs(unit="USD"), with_attrs(unit="USD")),
    (pd.Series([1, 2], name="x"), pd.Series([1, 2], name="x")),
    (pd.Categorical(["a", None]), pd.Categorical(["a", None])),
    (daily("D"), daily("D")),
    (pd.NaT, pd.NaT),
    ([pd.NA], [pd.NA]),
    (Fit(np.ones(3)), Fit(np.ones(3))),
    ((frame(), {"f": Fit(frame())}), (frame(), {"f": Fit(frame())})),
]

DIFFERENT = [
    (1, 2, "the result is 1 of the candidate, 2 of the baseline"),
    (1, 1.0, "the type of the result is int of the candidate, float of the baseline"),
    (1, True, "bool of the baseline"),
    (NAN, 1.0, "nan of the candidate"),
    (0.0, -0.0, "-0.0 of the baseline"),
    ([1, 2], (1, 2), "tuple of the baseline"),
    ([1, 2], [1], "the length of the result is 2"),
    ({"a": 1}, {"b": 1}, "the result['a'] is 1 of the candidate, and not there in the baseline's"),
    ({}, {"b": 1}, "the result['b'] is 1 of the baseline, and not there in the candidate's"),
    ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "the result['a'][1]['b'] is 2"),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "the order of the result is ['a', 'b'] of the cand"),
    ({1: 2}, {True: 2}, "the result[1]"),
    ({1}, {1.0}, "the result is {1} of the candidate, {1.0} of the baseline"),
    (np.ones(3), np.ones(4), "the result.shape is (3,)"),
    (np.ones(3), np.ones(3, "f4"), "the result.dtype is float64"),
    (np.array([1.0, NAN, 3.0]), np.array([1.0, 2.0, 3.0]), "1 of 3 values of the result differ"),
    (np.array([1, "a"], object), np.array([1, "b"], object), "the result[1] is 'a'"),
    ([np.ones(3)] * 20, [protected(np.ones(3))] * 19 + [protected(np.zeros(3))], "the result[19]"),
    ([protected(np.zeros(3)), *[protected(np.ones(3))] * 9], [np.ones(3)] * 10, "the result[0]"),
    (masked(1, 1, 1), masked(0, 1, 0), "2 of 3 values of the result.mask differ"),
    (masked(0, 1, 0), np.ma.MaskedArray([1.0, 2.0, 4.0], mask=[0, 1, 0]), "the result differ"),
    (frame(), frame(open=[1.0, NAN, 3.0]), "columns"),
    (frame(), frame(close=[1.0, NAN, 3.0 + 1e-12]), "the result['close'] differ, the first at [5]"),
    (frame(close=[1, None, "a"]), frame(close=[1.0, NAN, "a"]), "the result['close'][3]"),
    (frame(), frame().reset_index(drop=True), "index"),
    (pd.RangeIndex(2), pd.Index([0, 1]), "type of the result is RangeIndex"),
    (frame().set_axis(pd.RangeIndex(3)), frame().set_axis(pd.Index([0, 1, 2])), "result.index"),
    (frame().set_index(daily("D")), frame().set_index(daily(None)), "the result.index.freq is"),
    (with_attrs(unit="USD"), with_attrs(unit="EUR"), "the result.attrs['unit'] is 'USD'"),
    (pd.Series([1], name="x"), pd.Series([1], name="y"), "name"),
    (pd.Index([1, 2]), pd.Index([2, 1]), "the result differ"),
    (Fit(np.ones(3)), Fit(np.zeros(3)), "3 of 3 values of the result.weights differ"),
    (pd.NaT, pd.NA, "NAType of the baseline"),
    (pd.array([1, None], "Int64"), pd.array([2, None], "Int64"), "the result[0] is 1 of the cand"),
    (Unclear(1), Unclear(2), "the result.value is 1 of the candidate, 2 of the baseline"),
    ("a" * 1000, "b" * 1000, "..."),
]


def kind(value: object) -> str:
    """A name for a test, the same in every process."""
    return type(value).__name__


#: pandas warns of some comparisons; a suite that turns warnings into errors is to see none.
pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(("candidate", "baseline"), EQUAL, ids=kind)
def test_equal_results_have_no_difference(candidate: Any, baseline: Any) -> None:
    assert difference(candidate, baseline) is None


@pytest.mark.parametrize(("candidate", "baseline", "words"), DIFFERENT, ids=kind)
def test_a_difference_is_named_with_its_place(candidate: Any, baseline: Any, words: str) -> None:
    found = difference(candidate, baseline)
    assert found is not None
    assert words in found
    assert len(found) < 1000
    assert difference(baseline, candidate) is not None


def test_neither_numpy_nor_pandas_is_imported_for_it() -> None:
    code = (
        "import sys; from pytest_afml.gates.equal import difference;"
        "assert difference([1], [2]); print({'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
