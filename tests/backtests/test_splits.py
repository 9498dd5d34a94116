"""Walk-forward splits: whole blocks in time order, unchanged by rows that come later."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afml_cache import ConfigurationError, content_key
from afml_cache.backtests.splits import walk_forward_splits

prices = pytest.importorskip("backtesting.test")
GOOG, EURUSD = prices.GOOG, prices.EURUSD


def test_rows_are_laid_out_one_block_after_the_other() -> None:
    splits = walk_forward_splits(range(11), 4, 2, embargo=1)
    assert [(s.train.tolist(), s.test.tolist()) for s in splits] == [
        ([0, 1, 2, 3], [5, 6]),
        ([2, 3, 4, 5], [7, 8]),
        ([4, 5, 6, 7], [9, 10]),
    ]


def test_an_anchored_window_keeps_its_beginning() -> None:
    splits = walk_forward_splits(range(8), 3, 2, step=1, anchored=True)
    assert [(s.train.tolist(), s.test.tolist()) for s in splits] == [
        ([0, 1, 2], [3, 4]),
        ([0, 1, 2, 3], [4, 5]),
        ([0, 1, 2, 3, 4], [5, 6]),
        ([0, 1, 2, 3, 4, 5], [6, 7]),
    ]


def test_months_end_with_their_last_day() -> None:
    first, second, *_ = walk_forward_splits(GOOG["2004-09-01":], "6ME", "3ME")
    assert (first.train_start, first.train_end) == (
        pd.Timestamp("2004-09-01"),
        pd.Timestamp("2005-02-28"),
    )
    assert (first.test_start, first.test_end) == (
        pd.Timestamp("2005-03-01"),
        pd.Timestamp("2005-05-31"),
    )
    assert (second.train_start, second.train_end) == (
        pd.Timestamp("2004-12-01"),
        pd.Timestamp("2005-05-31"),
    )
    assert second.test_start == pd.Timestamp("2005-06-01")


@pytest.mark.parametrize(
    ("train", "test", "step", "embargo", "months"),
    [
        ("1YE", "1ME", None, 0, 12),
        ("1YS", "1MS", None, 0, 12),
        ("2YE", "1QE", None, 0, 24),
        ("4QE", "1ME", None, 0, 12),
        ("12ME", "10D", None, 0, 12),
        ("12ME", "1ME", None, "5D", 12),
        ("1YE", "1QE", "1ME", "1ME", 12),
    ],
)
@pytest.mark.parametrize("zone", [None, "US/Eastern"])
def test_every_fold_is_trained_on_the_whole_length(
    train: str, test: str, step: str | None, embargo: str | int, months: int, zone: str | None
) -> None:
    days = pd.date_range("2015-01-01", "2020-12-31", tz=zone)
    splits = walk_forward_splits(days, train, test, step, embargo=embargo)
    assert len(splits) > 12
    for split in splits:
        # No month is longer or shorter than another where all begin on the same day.
        until = split.train_end + pd.DateOffset(days=1)
        assert split.train_start == until - pd.DateOffset(months=months)
        if embargo == "1ME":
            assert split.test_start - split.train_end >= pd.Timedelta("28D")
            assert split.test_end - split.test_start >= pd.Timedelta("86D")
        if embargo == "5D":
            assert split.test_start - split.train_end >= pd.Timedelta("5D")


def test_the_first_fold_waits_until_there_is_a_whole_year_to_train_on() -> None:
    first = walk_forward_splits(GOOG, "1YE", "1ME")[0]  # from 2004-08-19 on
    assert (first.train_start, first.test_start) == (
        pd.Timestamp("2004-09-01"),
        pd.Timestamp("2005-09-01"),
    )
    assert first.train.size > 250


def test_a_year_of_month_ends_is_whole() -> None:
    months = pd.date_range("2015-01-31", periods=30, freq="ME")
    first = walk_forward_splits(months, "12ME", "3ME")[0]
    assert (first.train.size, first.test.size) == (12, 3)


@pytest.mark.parametrize("spelling", ["30D", dt.timedelta(days=30), pd.offsets.Day(30)])
def test_one_length_in_any_spelling(spelling: object) -> None:
    assert walk_forward_splits(EURUSD, spelling, "2W") == walk_forward_splits(EURUSD, "30D", "2W")


def test_days_are_calendar_days_where_the_clocks_change() -> None:
    hours = pd.date_range("2024-03-01", "2024-05-01", freq="h", tz="US/Eastern")
    for split in walk_forward_splits(hours, "10D", "5D"):
        assert split.test_start.hour == 0
        assert split.test_end.hour == 23
    elapsed = walk_forward_splits(hours, "240h", "120h")
    assert {len(split.test) for split in elapsed} == {120}
    assert elapsed[1].test_start.hour == 1


def test_what_lies_in_a_weekend_alone_is_no_fold() -> None:
    splits = walk_forward_splits(GOOG, "30D", "1D")
    assert all(split.test.size == 1 for split in splits)
    assert {split.test_start.weekday() for split in splits} == set(range(5))
    assert [split.number for split in splits] == list(range(len(splits)))


def test_an_unfinished_block_is_no_fold_yet() -> None:
    days = pd.bdate_range("2024-01-01", "2024-03-29")  # the last of March was a Sunday
    assert len(walk_forward_splits(days, "1ME", "1ME")) == 1
    assert len(walk_forward_splits(days.union([pd.Timestamp("2024-04-01")]), "1ME", "1ME")) == 2


def test_rows_of_one_stamp_are_never_divided() -> None:
    panel = pd.DataFrame({"close": 1.0}, GOOG.index[:60].repeat(3))
    for split in walk_forward_splits(panel, 20, 10):
        assert len(split.train) == 60
        assert len(split.test) == 30
        assert split.train_end < split.test_start


def test_a_panel_of_dates_and_assets_is_split_by_its_dates() -> None:
    index = pd.MultiIndex.from_product([["A", "B"], GOOG.index[:60]], names=["asset", "date"])
    panel = pd.DataFrame({"close": 1.0}, index.swaplevel()).sort_index()
    for split in walk_forward_splits(panel, "1ME", "1ME"):
        assert split.train_end < split.test_start
    assert len(walk_forward_splits(panel, 20, 10)[0].test) == 20
    with pytest.raises(ConfigurationError, match="not in time order"):
        walk_forward_splits(pd.DataFrame({"close": 1.0}, index), 20, 10)


def test_weeks_end_with_their_last_day() -> None:
    days = pd.date_range("2024-01-03", periods=60)  # a Wednesday
    for split in walk_forward_splits(days, "2W", "1W"):
        assert (split.test_start.day_name(), split.test_end.day_name()) == ("Monday", "Sunday")
    for split in walk_forward_splits(days, "14D", "7D"):
        assert split.test_start.day_name() == "Wednesday"


def test_a_list_of_splits_is_what_scikit_learn_takes() -> None:
    model_selection = pytest.importorskip("sklearn.model_selection")
    linear_model = pytest.importorskip("sklearn.linear_model")
    returns = GOOG.Close.pct_change().dropna()
    features, target = returns.to_frame()[:-1], returns.shift(-1)[:-1]
    splits = walk_forward_splits(features, 500, 250)
    scores = model_selection.cross_val_score(
        linear_model.LinearRegression(), features, target, cv=splits
    )
    assert scores.shape == (len(splits),)


def test_a_split_says_what_it_is_and_has_a_key() -> None:
    first = walk_forward_splits(GOOG, 250, 125)[0]
    again = walk_forward_splits(GOOG, 250, 125)[0]
    assert str(first) == (
        "fold 0: train 2004-08-19 to 2005-08-15 (250 rows), "
        "test 2005-08-16 to 2006-02-13 (125 rows)"
    )
    assert first == again
    assert hash(first) == hash(again)
    assert first != walk_forward_splits(GOOG, 250, 124)[0]
    assert content_key(first) == content_key(again)


@pytest.mark.parametrize(
    ("index", "lengths", "told"),
    [
        (GOOG.index[::-1], {"train": 5, "test": 5}, "row 1 .* not in time order|not in time order"),
        (pd.DatetimeIndex(["2024-01-01", None]), {"train": 1, "test": 1}, "row 1 has no date"),
        ([], {"train": 1, "test": 1}, "no rows"),
        (GOOG, {"train": 2000, "test": 200}, "need 2,200 rows .* there are 2,148"),
        (GOOG, {"train": "9YE", "test": "1YE"}, "the first test block is whole once"),
        (GOOG, {"train": "1YE", "test": 20}, "all lengths in rows"),
        (GOOG, {"train": 20, "test": 20, "embargo": "5D"}, "all lengths in rows"),
        (range(50), {"train": "5D", "test": "5D"}, "need dates"),
        (GOOG, {"train": "a while", "test": "5D"}, "train='a while' is not understood"),
        (GOOG, {"train": "5D", "test": "-5D"}, "lead forward"),
        (GOOG, {"train": 0, "test": 5}, "one row at least"),
        (GOOG, {"train": 5, "test": 5, "embargo": -1}, "negative"),
    ],
)
def test_what_cannot_be_split_says_why(index, lengths, told) -> None:
    with pytest.raises(ConfigurationError, match=told):
        walk_forward_splits(index, **lengths)


def stamps(draw: st.DrawFn) -> pd.DatetimeIndex:
    """Irregular, with duplicates, of any zone."""
    gaps = draw(st.lists(st.integers(0, 200), min_size=30, max_size=120))
    zone = draw(st.sampled_from([None, "UTC", "US/Eastern"]))
    naive = pd.Timestamp("2024-02-20") + pd.to_timedelta(np.cumsum(gaps), unit="h")
    if zone is None:
        return naive
    return naive.tz_localize("UTC").tz_convert(zone)


LENGTHS = [(5, 3, 2, 1), (10, 2, 2, 0), ("20D", "10D", "10D", "2D"), ("1ME", "1ME", "1ME", 0),
           ("100h", "50h", "30h", "5h"), ("2MS", "1MS", "1MS", "1D")]  # fmt: skip


@settings(deadline=None)
@given(st.data(), st.sampled_from(LENGTHS), st.booleans())
def test_rows_that_come_later_leave_the_earlier_folds_as_they_are(data, lengths, anchored) -> None:
    whole = stamps(data.draw)
    cut = whole[: data.draw(st.integers(1, len(whole)))]
    cut = whole[whole <= cut[-1]]  # later rows have later stamps
    train, test, step, embargo = lengths

    def split(index: pd.DatetimeIndex):
        try:
            return walk_forward_splits(index, train, test, step, embargo=embargo, anchored=anchored)
        except ConfigurationError:
            return []

    earlier, all_of_them = split(cut), split(whole)
    assert all_of_them[: len(earlier)] == earlier


@settings(deadline=None)
@given(st.data(), st.sampled_from(LENGTHS), st.booleans())
def test_training_is_over_before_the_test_and_its_embargo_begin(data, lengths, anchored) -> None:
    index = stamps(data.draw)
    train, test, step, embargo = lengths
    try:
        splits = walk_forward_splits(index, train, test, step, embargo=embargo, anchored=anchored)
    except ConfigurationError:
        return
    for split in splits:
        assert split.train_end < split.test_start
        if isinstance(embargo, str):
            assert split.test_start - split.train_end > pd.Timedelta(embargo)
        else:
            between = index[(index > split.train_end) & (index < split.test_start)]
            assert between.nunique() >= embargo
        assert (np.diff(split.train) == 1).all()
        assert (np.diff(split.test) == 1).all()
        assert not anchored or split.train[0] == 0
    if step == test:
        tested = np.concatenate([split.test for split in splits])
        assert (np.diff(tested) == 1).all()  # disjoint, and nothing left out between
