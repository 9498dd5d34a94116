"""Purged cross-validation: no training label knows anything of the test."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afml_cache import ConfigurationError
from afml_cache.backtests.purged import (
    combinatorial_paths,
    combinatorial_purged_splits,
    purged_kfold,
)

GOOG = pytest.importorskip("backtesting.test").GOOG

#: Labels that are decided ten bars later.
T1 = pd.Series(GOOG.index[10:], GOOG.index[:-10])


def test_training_labels_that_overlap_the_test_are_purged() -> None:
    middle = purged_kfold(T1, 3)[1]
    first, last = T1.index[middle.test[0]], T1.iloc[middle.test].max()
    before, after = middle.train[middle.train < middle.test[0]], middle.train[-1]
    # Ten bars before the test are purged for their ends, and the one that ends where it begins.
    assert middle.test[0] - before[-1] == 11
    assert T1.iloc[before[-1]] < first
    assert T1.index[middle.train[middle.train > middle.test[-1]][0]] > last
    assert after == len(T1) - 1


def test_the_embargo_is_a_share_of_the_rows_so_many_rows_or_a_span() -> None:
    def first_after(embargo: object) -> int:
        split = purged_kfold(T1, 4, embargo)[0]
        return int(split.train[0])

    free = first_after(0)
    assert first_after(0.01) - free == math.floor(0.01 * len(T1))
    assert first_after(7) - free == 7
    last = T1.iloc[purged_kfold(T1, 4)[0].test].max()
    assert (
        T1.index[first_after("7D") - 1] <= last + pd.Timedelta("7D") < T1.index[first_after("7D")]
    )


def test_adjacent_groups_of_a_combination_are_one_block() -> None:
    t1 = T1[:2136]  # six equal groups
    splits = {split.test_groups: split for split in combinatorial_purged_splits(t1, 6, 2)}
    assert len(splits) == 15
    halves = purged_kfold(t1, 3)
    assert np.array_equal(splits[0, 1].train, halves[0].train)
    assert np.array_equal(splits[2, 3].train, halves[1].train)


def test_the_paths_of_six_groups_two_tested_are_those_of_the_book() -> None:
    # Lopez de Prado 2018, section 12.3: N = 6, k = 2 make 15 splits and 5 paths.
    paths = combinatorial_paths(6, 2)
    assert paths.shape == (5, 6)
    tested = list(itertools.combinations(range(6), 2))
    used = [(split, group) for path in paths for group, split in enumerate(path)]
    assert sorted(used) == sorted((n, g) for n, chosen in enumerate(tested) for g in chosen)


@pytest.mark.parametrize(
    ("t1", "options", "told"),
    [
        (GOOG.index, {}, "t1 has to be a Series"),
        (T1[::-1], {}, "not in time order"),
        (T1.where(T1.index != T1.index[3]), {}, "2004-08-24 .* has no end"),
        (pd.Series(T1.index[:-5], T1.index[5:]), {}, "ends before"),
        (T1.dt.tz_localize("UTC"), {}, "cannot be compared"),
        (pd.Series(1, T1.index), {}, "cannot be compared"),
        (T1, {"n_splits": 1}, "n_splits=1"),
        (T1[:3], {"n_splits": 4}, "3 at most"),
        (T1, {"embargo": 1.5}, "lies between 0 and 1"),
        (T1, {"embargo": -3}, "negative"),
        (T1, {"embargo": "-3D"}, "negative"),
        (T1, {"embargo": "soon"}, "not understood"),
        (pd.Series(T1.index[-1], T1.index), {}, "no label left to train on"),
    ],
)
def test_what_cannot_be_split_says_why(t1, options, told) -> None:
    with pytest.raises(ConfigurationError, match=told):
        purged_kfold(t1, **options)


@pytest.mark.parametrize("tested", [0, 6])
def test_some_groups_are_tested_and_some_trained_on(tested: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 5 are tested"):
        combinatorial_purged_splits(T1, 6, tested)


@st.composite
def labels(draw: st.DrawFn) -> pd.Series:
    """Irregular starts, duplicates among them, and spans of all lengths."""
    gaps = draw(st.lists(st.integers(0, 90), min_size=8, max_size=60))
    spans = draw(st.lists(st.integers(0, 300), min_size=len(gaps), max_size=len(gaps)))
    zone = draw(st.sampled_from([None, "US/Eastern"]))
    starts = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.cumsum(gaps), unit="h")
    if zone is not None:
        starts = starts.tz_localize("UTC").tz_convert(zone)
    return pd.Series(starts + pd.to_timedelta(spans, unit="h"), starts)


EMBARGOES = [0, 0.05, 3, "48h", pd.Timedelta("1D")]


def check(t1: pd.Series, split, blocks, embargo) -> None:
    starts, ends = t1.index, pd.DatetimeIndex(t1)
    kept = set(split.train.tolist())
    for i in kept:
        for j in split.test:
            assert ends[i] < starts[j] or starts[i] > ends[j]
    for block in blocks:
        last = ends[block].max()
        later = [i for i in range(len(t1)) if starts[i] > last]
        if isinstance(embargo, str | pd.Timedelta):
            banned = [i for i in later if starts[i] <= last + pd.Timedelta(embargo)]
        else:
            count = int(len(t1) * embargo) if isinstance(embargo, float) else embargo
            banned = later[:count]
        assert kept.isdisjoint(banned)


@settings(deadline=None)
@given(labels(), st.integers(2, 5), st.sampled_from(EMBARGOES))
def test_folds_cover_all_labels_and_training_overlaps_none_of_the_test(t1, n, embargo) -> None:
    try:
        splits = purged_kfold(t1, n, embargo)
    except ConfigurationError:
        return
    assert np.array_equal(np.concatenate([s.test for s in splits]), np.arange(len(t1)))
    for split in splits:
        check(t1, split, [split.test], embargo)


@settings(deadline=None)
@given(labels(), st.sampled_from([(4, 1), (4, 2), (5, 2)]), st.sampled_from(EMBARGOES))
def test_combinations_keep_to_the_same_rules(t1, groups, embargo) -> None:
    try:
        splits = combinatorial_purged_splits(t1, *groups, embargo)
    except ConfigurationError:
        return
    blocks = np.array_split(np.arange(len(t1)), groups[0])
    for split in splits:
        check(t1, split, [blocks[group] for group in split.test_groups], embargo)


@settings(deadline=None)
@given(labels(), st.integers(2, 5))
def test_nothing_is_purged_without_need(t1, n) -> None:
    try:
        splits = purged_kfold(t1, n)
    except ConfigurationError:
        return
    starts, ends = t1.index, pd.DatetimeIndex(t1)
    for split in splits:
        free = [
            i
            for i in range(len(t1))
            if i not in split.test
            and all(ends[i] < starts[j] or starts[i] > ends[j] for j in split.test)
        ]
        assert split.train.tolist() == free
