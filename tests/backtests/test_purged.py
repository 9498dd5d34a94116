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
    # Lopez de Prado 2018, chapter 12: N = 6, k = 2 make 15 splits and 5 paths.
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
        (T1, {"embargo": [1]}, "not understood"),
        (T1, {"embargo": np.timedelta64(-3, "D")}, "negative"),
        (T1, {"n_splits": "5"}, "n_splits='5': give an int"),
        (T1, {"n_splits": 6.0}, "n_splits=6.0: give an int"),
        (T1.astype(str), {}, "cannot be compared"),
        (T1.set_axis(T1.index.to_period("D")), {}, "begin at periods"),
        (pd.Series([2, 3, 4], [1, 2, 3]), {"n_splits": 3, "embargo": "5D"}, "labels have dates"),
        (pd.Series(T1.index[-1], T1.index), {}, "no label left to train on"),
    ],
)
def test_what_cannot_be_split_says_why(t1, options, told) -> None:
    with pytest.raises(ConfigurationError, match=told):
        purged_kfold(t1, **options)


def test_dates_in_columns_of_objects_are_dates() -> None:
    as_objects = pd.Series(T1.to_numpy(dtype=object), T1.index.astype(object))
    assert purged_kfold(as_objects, 3) == purged_kfold(T1, 3)
    assert purged_kfold(T1, 3, np.timedelta64(7, "D")) == purged_kfold(T1, 3, "7D")
    assert purged_kfold(T1, 3, None) == purged_kfold(T1, 3, "0D") == purged_kfold(T1, 3)


def test_a_panel_is_divided_between_its_dates() -> None:
    panel = pd.Series(T1.repeat(5).to_numpy(), T1.index.repeat(5))
    for embargo in (0, 7, 0.01):
        folds = zip(purged_kfold(panel, 4, embargo), purged_kfold(T1, 4, embargo), strict=True)
        for fold, of_one_asset in folds:
            assert np.array_equal(np.unique(fold.train // 5), of_one_asset.train)
            assert np.array_equal(fold.test // 5, of_one_asset.test.repeat(5))
    assets = pd.MultiIndex.from_product([["A", "B"], T1.index], names=["asset", "date"])
    by_asset = pd.Series(np.tile(T1.to_numpy(), 2), assets)
    with pytest.raises(ConfigurationError, match=r"put the dates first, swaplevel\(0, 1\)"):
        purged_kfold(by_asset, 3)
    assert len(purged_kfold(by_asset.swaplevel(0, 1).sort_index(), 3)) == 3


@pytest.mark.parametrize("end", ["2021-03-13 02:30", "2021-11-06 01:30"])
@pytest.mark.parametrize("embargo", ["1D", pd.offsets.Day(1), pd.Timedelta("1D")])
def test_an_embargo_may_end_where_the_clocks_change(end: str, embargo: object) -> None:
    ends = pd.date_range(end, periods=4, freq="D")[[0, 1, 2, 3]]
    stamps = pd.DatetimeIndex([ends[0] - pd.Timedelta("1h"), ends[0], *ends[2:]])
    stamps = stamps.tz_localize("America/New_York")
    first, _ = purged_kfold(pd.Series(stamps, stamps), 2, embargo)
    assert first.train.tolist() == [2, 3]
    assert first.test.tolist() == [0, 1]


@pytest.mark.parametrize("month", ["1ME", "1MS"])
def test_a_month_of_embargo_is_a_whole_month(month: str) -> None:
    t1 = pd.Series(T1.index, T1.index)
    split = purged_kfold(t1, 4, month)[0]
    assert split.test_end.day < 25  # else there were little left of the month
    free = t1.index[split.train[0]]
    assert free > split.test_end + pd.DateOffset(months=1)


@pytest.mark.parametrize("tested", [0, 6])
def test_some_groups_are_tested_and_some_trained_on(tested: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 5 are tested"):
        combinatorial_purged_splits(T1, 6, tested)


@st.composite
def labels(draw: st.DrawFn) -> pd.Series:
    """Irregular starts, duplicates among them, and spans of all lengths."""
    gap = st.one_of(st.just(0), st.integers(0, 90))
    gaps = draw(st.lists(gap, min_size=8, max_size=60))
    spans = draw(st.lists(st.integers(0, 300), min_size=len(gaps), max_size=len(gaps)))
    zone = draw(st.sampled_from([None, "US/Eastern"]))
    starts = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.cumsum(gaps), unit="h")
    if zone is not None:
        starts = starts.tz_localize("UTC").tz_convert(zone)
    return pd.Series(starts + pd.to_timedelta(spans, unit="h"), starts)


EMBARGOES = [None, 0, 0.05, 3, "48h", pd.Timedelta("1D")]


def blocks_of(t1: pd.Series, count: int) -> list[np.ndarray]:
    """So many blocks of labels, those that begin at once in the same."""
    parts = np.array_split(t1.index.unique(), count)
    return [np.flatnonzero(t1.index.isin(part)) for part in parts]


def check(t1: pd.Series, split, blocks, embargo) -> None:
    starts, ends = t1.index, pd.DatetimeIndex(t1)
    kept = set(split.train.tolist())
    for i in kept:
        for j in split.test:
            assert ends[i] < starts[j] or starts[i] > ends[j]
    for block in blocks:
        last = ends[block].max()
        later = [i for i in range(len(t1)) if starts[i] > last]
        if isinstance(embargo, pd.Timedelta):  # days by the calendar
            banned = [i for i in later if starts[i] <= last + pd.DateOffset(days=embargo.days)]
        elif isinstance(embargo, str):
            banned = [i for i in later if starts[i] <= last + pd.Timedelta(embargo)]
        else:
            count = int(starts.nunique() * embargo) if isinstance(embargo, float) else embargo
            stamps = starts[later].unique()[: count or 0]
            banned = np.flatnonzero(starts.isin(stamps))
        assert kept.isdisjoint(banned)


@settings(deadline=None)
@given(labels(), st.integers(2, 5), st.sampled_from(EMBARGOES))
def test_folds_cover_all_labels_and_training_overlaps_none_of_the_test(t1, n, embargo) -> None:
    try:
        splits = purged_kfold(t1, n, embargo)
    except ConfigurationError:
        return
    assert np.array_equal(np.concatenate([s.test for s in splits]), np.arange(len(t1)))
    for split, block in zip(splits, blocks_of(t1, n), strict=True):
        assert np.array_equal(split.test, block)
    for split in splits:
        check(t1, split, [split.test], embargo)


@settings(deadline=None)
@given(labels(), st.sampled_from([(4, 1), (4, 2), (5, 2)]), st.sampled_from(EMBARGOES))
def test_combinations_keep_to_the_same_rules(t1, groups, embargo) -> None:
    try:
        splits = combinatorial_purged_splits(t1, *groups, embargo)
    except ConfigurationError:
        return
    blocks = blocks_of(t1, groups[0])
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
