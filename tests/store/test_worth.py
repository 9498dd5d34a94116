"""A function is told of once when its hits cost more than the computations they save."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from afml_cache import CacheWarning, robust_cacheable


@robust_cacheable
def rows_of(frame):
    return len(frame)


@robust_cacheable
def slow(number):
    return sum(step * number for step in range(500_000))


def test_a_key_dearer_than_the_computation_is_told_once(store):
    frame = pd.DataFrame(np.zeros((1_000_000, 8)))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(2):
            while store._ledger._worth._spent[rows_of.identity] < 1.0 and not told:
                rows_of(frame)
                store.flush()
        for _ in range(10):
            rows_of(frame)
        store.flush()
    (warning,) = told
    assert warning.category is CacheWarning
    assert f"caching {rows_of.identity}() costs more than it saves" in str(warning.message)
    assert "Do not cache it" in str(warning.message)


@pytest.mark.filterwarnings("error")
def test_what_pays_and_what_hardly_costs_is_not_told(store):
    small = pd.DataFrame({"close": np.zeros(10)})
    for _ in range(50):
        slow(1)
        rows_of(small)  # a loss, of a millisecond or two
    store.flush()
    worth = store._ledger._worth
    assert worth._saved[slow.identity] > worth._spent[slow.identity]
    assert worth._spent[rows_of.identity] > worth._saved[rows_of.identity]


def test_many_quick_hits_that_lose_are_told_of_too(store):
    store.tally("m.f").hits += 2_000
    store.tally("m.f").time(0.0001)
    with pytest.warns(CacheWarning, match=r"m\.f\(\).*2,000 hits took 0\.2 s"):
        store.flush()


@pytest.mark.filterwarnings("error")
def test_one_hit_that_was_held_up_is_no_measure_of_the_others(store):
    tally = store.tally("m.f")
    tally.hits += 1
    tally.time(0.00001)
    tally.hits += 1_000
    tally.time(0.09)  # the machine had other things to do
    assert tally.seconds == pytest.approx(0.09 + 1_000 * 0.00001, rel=0.01)
    store.flush()
