"""What counts as shared memory: the bounds that NumPy itself gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_afml.compat.aliasing import change, common, shares

BASE = np.arange(24.0).reshape(4, 6)
SLICES = st.slices(4), st.slices(6)


@given(*SLICES, *SLICES)
def test_views_share_memory_as_numpy_says(rows, columns, other_rows, other_columns):
    one, other = BASE[rows, columns], BASE[other_rows, other_columns].T
    assert shares([one], {"a": other}) == np.may_share_memory(one, other)


def test_columns_share_memory_with_what_they_were_made_of():
    values = np.arange(4.0)
    frame = pd.DataFrame({"a": np.zeros(4), "b": values}, copy=False)
    assert shares(frame, values[::-2])
    assert not shares(frame, values.copy())
    assert shares(pd.Series(values, copy=False), [frame])
    masked = pd.array([1, None])
    assert shares(pd.Series(masked, copy=False), masked)


@pytest.mark.parametrize("empty", [np.zeros((0, 3)), np.array([])])
def test_nothing_is_shared_with_what_has_no_values(empty):
    assert not shares(empty, [empty[:0]])


def test_only_what_is_not_spared_is_changed():
    kept, own = np.arange(3.0), np.arange(3.0)
    value = {"kept": kept, "half": kept[::2], "own": own}
    spared = common(value, [kept])
    assert change(value, spared)
    assert kept.tolist() == [0.0, 1.0, 2.0]
    assert own.tolist() != [0.0, 1.0, 2.0]
    assert not change(kept, spared)
