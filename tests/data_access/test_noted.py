"""Data hygiene: who touched which dates for what, on hits and computed calls."""

from __future__ import annotations

import asyncio
import datetime as dt
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    DataAccessTracker,
    data_tracking_cacheable,
    log_data_access,
    robust_cacheable,
)
from tests.data_access import loaders
from tests.data_access.loaders import PRICES, RAN, accesses, load, ranges_of, training


def test_hits_count_as_computed_calls_do() -> None:
    for _ in range(3):
        training("2021-12-31")
    assert RAN == ["training"]
    table = accesses()
    assert table["count"].sum() == 3
    assert ranges_of(table) == [("2020-01-01", "2021-12-31")]
    assert set(table.use) == {"training"}


def test_the_dates_are_those_of_the_data_that_came_back() -> None:
    training("2020-06")
    assert ranges_of(accesses()) == [("2020-01-01", "2020-06-30")]


def test_where_the_data_has_no_dates_those_of_the_arguments_count() -> None:
    load("GOOG", "2020-03", "2020-05-15")
    table = accesses()
    assert ranges_of(table) == [("2020-03-01", "2020-05-15")]
    assert table.end[0] == pd.Timestamp("2020-05-15 23:59:59.999999999")
    assert table.dataset.tolist() == ["prices/GOOG"]
    assert table.purpose.tolist() == ["test"]


def test_several_frames_at_once_and_aware_ones_are_noted() -> None:
    @data_tracking_cacheable("pair", "optimize")
    def pair() -> dict[str, pd.Series]:
        aware = pd.date_range("2024-01-01", periods=3, tz="Asia/Tokyo")
        return {"x": pd.Series(1.0, aware), "y": pd.Series(1.0, aware + pd.Timedelta("9D"))}

    pair()
    table = accesses()
    assert table.start[0] == pd.Timestamp("2023-12-31 15:00")  # UTC
    assert table.end[0] == pd.Timestamp("2024-01-11 15:00")
    assert table.use.tolist() == ["tuning"]


@data_tracking_cacheable("folds", "train")
def rows_of(index: pd.Index, kept: list[tuple[str, str]]) -> pd.Series:
    parts = [pd.Series(1.0, index)[first:last] for first, last in kept]
    return pd.concat(parts) if parts else pd.Series(1.0, index)


@pytest.mark.parametrize("freq", ["B", "h", "W", "MS", "QS"])
@pytest.mark.parametrize("zone", [None, "US/Eastern"])
def test_what_a_fold_leaves_out_was_not_touched(freq: str, zone: str | None) -> None:
    index = pd.date_range("2018-01-01", "2021-12-31", freq=freq, tz=zone)
    rows_of(index, [("2018", "2018"), ("2020", "2021")])
    log_data_access("folds", "2019-02", "2019-09", "test")
    assert len(accesses()) == 3
    assert DataAccessTracker().contamination().empty
    rows_of(index, [])
    assert len(accesses()) == 4
    assert len(DataAccessTracker().contamination()) == 1


def test_frames_of_panels_and_of_parts_are_taken_together() -> None:
    @data_tracking_cacheable("parts", "train")
    def parts(kind: str) -> object:
        left, right = PRICES[:"2020-06-30"], PRICES["2020-07-01":"2020-12-31"]
        panel = pd.concat({"A": left, "B": right})
        return {"dict": {"A": left, "B": right}, "list": [right, left], "panel": panel}[kind]

    for kind in ("dict", "list", "panel"):
        parts(kind)
    assert ranges_of(accesses()) == [("2020-01-01", "2020-12-31")]


def test_weeks_without_trading_and_rare_events_are_no_holes() -> None:
    @data_tracking_cacheable("events", "train")
    def events(kind: str) -> pd.Series:
        if kind == "holidays":
            index = PRICES.index[(PRICES.index < "2021-10-01") | (PRICES.index > "2021-10-08")]
        else:
            index = pd.DatetimeIndex(["2020-01-01", "2020-02-20", "2020-03-31", "2020-05-30"])
        return pd.Series(1.0, index)

    events("holidays"), events("rare")
    assert len(accesses()) == 2


def test_of_many_holes_the_longest_are_told() -> None:
    @data_tracking_cacheable("sparse", "train")
    def sparse() -> pd.Series:
        starts = pd.date_range("2000-01-01", periods=60, freq="60D")
        days = [start + pd.Timedelta(days=n) for start in starts for n in range(20)]
        return pd.Series(1.0, days)[lambda s: (s.index < "2005-03") | (s.index > "2006-03")]

    sparse()
    table = accesses()
    assert len(table) == 20
    log_data_access("sparse", "2005-06", "2005-12", "test")
    assert DataAccessTracker().contamination().empty


def test_without_any_dates_it_is_told_once_and_the_result_comes_back() -> None:
    @data_tracking_cacheable("numbers", "train")
    def numbers(count: int) -> list[int]:
        return list(range(count))

    with pytest.warns(CacheWarning, match=r"numbers\(\) shows no dates.*log_data_access") as caught:
        assert numbers(2) == [0, 1]
        assert numbers(3) == [0, 1, 2]
    assert len(caught) == 1
    assert accesses().empty


@pytest.mark.parametrize(
    ("dataset", "purpose", "told"),
    [
        ("prices/{ticker}", "train", r"names 'ticker', but .*wrong\(\) has the parameters symbol"),
        ("prices/{symbol", "train", "dataset_name='prices/{symbol'"),
        ("prices/{}", "train", "names ''"),
        ("prices", "{use}", "purpose='{use}' names 'use'"),
    ],
)
def test_a_placeholder_that_is_no_parameter_is_refused(
    dataset: str, purpose: str, told: str
) -> None:
    def wrong(symbol: str) -> pd.DataFrame:
        return PRICES

    with pytest.raises(ConfigurationError, match=told):
        data_tracking_cacheable(dataset, purpose)(wrong)


def test_a_name_that_cannot_be_filled_in_is_told_and_costs_no_result() -> None:
    @data_tracking_cacheable("prices/{symbol.name}", "train")
    def wrong(symbol: str) -> pd.DataFrame:
        return PRICES

    with pytest.warns(CacheWarning, match="is not noted .AttributeError"):
        assert len(wrong("GOOG")) == len(PRICES)


def test_a_call_that_raises_touches_nothing() -> None:
    @data_tracking_cacheable("prices", "train")
    def broken(start: str, end: str) -> None:
        raise LookupError(start)

    with pytest.raises(LookupError, match="2020"):
        broken("2020", "2021")
    assert accesses().empty


def test_methods_and_awaited_loaders_are_tracked() -> None:
    class Feed:
        @data_tracking_cacheable("feed", "train")
        def read(self, start: str, end: str) -> pd.DataFrame:
            return PRICES.loc[start:end]

        @data_tracking_cacheable("feed", "test")
        async def fetch(self, start: str, end: str) -> pd.DataFrame:
            return PRICES.loc[start:end]

    feed = Feed()
    feed.read("2020", "2020")
    assert len(asyncio.run(feed.fetch("2021", "2021"))) == 261
    table = accesses()
    assert sorted(table.purpose) == ["test", "train"]
    assert set(table.function) == {"test_methods_and_awaited_loaders_are_tracked"}


def test_whoever_called_is_named_and_neither_we_nor_pandas() -> None:
    def study(row: pd.Series) -> float:
        return float(training("2021").close.iloc[0])

    pd.DataFrame({"x": [1]}).apply(study, axis=1)
    log_data_access("prices", "2020", "2020", "train")
    table = accesses().sort_values("line")
    here = str(Path(__file__).absolute())
    assert table.file.tolist() == [here, here]
    outer = "test_whoever_called_is_named_and_neither_we_nor_pandas"
    assert table.function.tolist() == [f"{outer}.<locals>.study", outer]
    source = Path(__file__).read_text().splitlines()
    assert "training(" in source[table.line.iloc[0] - 1]
    assert "log_data_access(" in source[table.line.iloc[1] - 1]


def test_in_the_worker_of_a_pool_the_loader_itself_is_named() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(training, ["2020", "2021"]))
    table = accesses()
    assert set(table.file) == {loaders.__file__}
    assert set(table.function) == {"training"}
    source = Path(loaders.__file__).read_text().splitlines()
    assert "@data_tracking_cacheable" in source[table.line.iloc[0] - 1]


def test_code_in_a_notebook_is_called_one() -> None:
    space = {"log_data_access": log_data_access}
    code = "def explore():\n    log_data_access('prices', '2020', '2021', 'plots')\nexplore()"
    exec(compile(code, "/tmp/ipykernel_4711/123.py", "exec"), space)
    assert accesses()[["file", "line", "function", "use"]].values.tolist() == [
        ["a notebook", 2, "explore", "other"]
    ]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-03", "2024-03"),
        (dt.date(2024, 3, 1), dt.date(2024, 3, 31)),
        (pd.Timestamp("2024-03-01"), pd.Period("2024-03", "M")),
        (np.datetime64("2024-03-01"), np.datetime64("2024-03-31")),
    ],
)
def test_dates_may_be_spelled_in_any_way(start: object, end: object) -> None:
    log_data_access("prices", start, end, "TRAIN ")
    table = accesses()
    assert ranges_of(table) == [("2024-03-01", "2024-03-31")]
    assert table.purpose.tolist() == ["train"]


@pytest.mark.parametrize(
    ("use", "purposes"),
    [
        ("training", ["train", "trained", "train_set", "Training", "in-sample", "FIT"]),
        ("tuning", ["val", "cv", "cross-validation", "Cross Validation", "hyperopt", "tuned"]),
        ("testing", ["eval", "tests", "Tested", "out of sample", "out_of_sample", "backtest"]),
        ("other", ["plots", "live", "other"]),
    ],
)
def test_purposes_count_in_all_their_forms(use: str, purposes: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for purpose in purposes:
            log_data_access("prices", "2020", "2020", purpose)
    assert set(accesses().use) == {use}


def test_a_word_that_counts_as_nothing_is_told_once() -> None:
    with pytest.warns(CacheWarning, match="'fianl' .*none of training, tuning and") as caught:
        log_data_access("prices", "2020", "2020", "fianl")
        log_data_access("prices", "2021", "2021", "fianl")
    assert len(caught) == 1
    report = " ".join(DataAccessTracker().report().split())
    assert "fianl: 2020-01-01 to 2021-12-31, twice in 2 ranges (counts as none of" in report


def test_an_open_end_is_open() -> None:
    log_data_access("prices", None, "2024", "train")
    log_data_access("prices", "2024-12", None, "test")
    table = accesses()
    assert table.start.isna().tolist() == [True, False]
    assert table.end.isna().tolist() == [False, True]
    assert len(DataAccessTracker().contamination()) == 1
    assert "up to 2024-12-31" in DataAccessTracker().report()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: log_data_access("", "2020", "2021", "train"), "dataset=''"),
        (lambda: log_data_access("x", "2020", "2021", None), "purpose=None"),
        (lambda: log_data_access("x", "soon", "2021", "train"), "start='soon' is not read"),
        (lambda: log_data_access("x", "2021", "2020", "train"), "lies after"),
        (lambda: data_tracking_cacheable("", "train"), "dataset_name=''"),
        (
            lambda: data_tracking_cacheable("x", "train")(robust_cacheable(len)),
            "is cached already",
        ),
    ],
)
def test_what_cannot_be_meant_says_why(call: Callable[[], object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        call()
