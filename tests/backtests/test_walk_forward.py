"""Each fold of a walk-forward study is an entry of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    cached_backtest,
    get_backtest_cache,
    walk_forward,
)
from afml_cache.backtests.studies.equity import join_equity

seen: list[tuple[Any, Any]] = []


@cached_backtest("best window")
def run(train: pd.DataFrame, test: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
    """The window that did best in training, tried on what comes after."""
    seen.append((train, test))

    def equity(data: pd.DataFrame, window: int) -> pd.Series:
        close = data["Close"]
        held = (close > close.rolling(window).mean()).shift(1, fill_value=False)
        return (1 + close.pct_change().fillna(0.0) * held).cumprod()

    windows = (params or {}).get("windows", (5, 10, 20))
    best = max(windows, key=lambda window: equity(train, window).iloc[-1])
    tested = equity(test, best)
    return {"window": best, "return": float(tested.iloc[-1] - 1)}, None, tested


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


def test_each_fold_sees_its_rows_only_and_says_which(goog: pd.DataFrame) -> None:
    found = walk_forward(run, goog, train=500, test=250, embargo=5, n_jobs=1)
    folds = found.folds
    assert list(folds["fold"]) == list(range(6)) and folds["outcome"].eq("computed").all()
    for fold, (train, test) in zip(folds.itertuples(), seen, strict=True):
        assert (train.index[0], train.index[-1]) == (fold.train_start, fold.train_end)
        assert (test.index[0], test.index[-1]) == (fold.test_start, fold.test_end)
        assert len(train) == 500 and len(test) == 250
        # The embargo lies between them, and nothing of the test is in the training.
        assert goog.index.get_loc(test.index[0]) - goog.index.get_loc(train.index[-1]) == 6
    runs = get_backtest_cache().runs("best window").set_index("run_id")
    assert runs.loc[folds["run_id"], "return"].tolist() == folds["return"].tolist()


def test_a_sixth_fold_computes_only_itself(goog: pd.DataFrame) -> None:
    walk_forward(run, goog.iloc[:1750], train=500, test=250, n_jobs=1)
    seen.clear()
    found = walk_forward(run, goog.iloc[:2000], train=500, test=250, n_jobs=1)
    assert list(found.folds["outcome"]) == ["hit"] * 5 + ["computed"] and len(seen) == 1


def test_a_new_month_computes_only_itself(goog: pd.DataFrame) -> None:
    def study(until: str) -> Any:
        return walk_forward(run, goog[:until], train="1YE", test="1ME", n_jobs=1).folds

    count = len(study("2006-03-05"))
    seen.clear()
    folds = study("2006-04-05")
    assert len(folds) == count + 1 and len(seen) == 1
    assert list(folds["outcome"]) == ["hit"] * count + ["computed"]


def test_parameters_reach_every_fold_and_stand_in_the_table(goog: pd.DataFrame) -> None:
    def study(windows: tuple[int, ...]) -> Any:
        lengths = {"train": 500, "test": 500, "n_jobs": 1}
        return walk_forward(run, goog, **lengths, params={"windows": windows}).folds

    folds = study((7,))
    assert folds["window"].eq(7).all() and list(folds["windows"]) == [(7,)] * len(folds)
    assert study((8,))["outcome"].eq("computed").all()


def test_the_tests_are_joined_into_one_equity_curve(goog: pd.DataFrame) -> None:
    found = walk_forward(run, goog, train=500, test=500, n_jobs=1)
    assert found.equity is not None
    assert found.equity.index.equals(goog.index[500:2000])
    grown = np.prod(1 + found.folds["return"])
    assert found.equity.iloc[0] == 1.0 and found.equity.iloc[-1] == pytest.approx(grown)
    again = walk_forward(run, goog, train=500, test=500, n_jobs=1)
    assert again.folds["outcome"].eq("hit").all()
    pd.testing.assert_series_equal(again.equity, found.equity)


def test_overlapping_tests_count_each_day_once(goog: pd.DataFrame) -> None:
    found = walk_forward(run, goog, train=500, test=500, step=250, n_jobs=1)
    assert found.equity is not None and found.equity.index.equals(goog.index[500:2000])
    # The second half of fold 1 grows as it does in fold 1 by itself.
    _, _, alone = run(goog.iloc[250:750], goog.iloc[750:1250])
    joined = found.equity.loc[goog.index[999] : goog.index[1249]]
    mine = alone.loc[goog.index[999] : goog.index[1249]]
    assert np.allclose(joined / joined.iloc[0], mine / mine.iloc[0])


def test_the_engines_equity_curves_are_joined_by_their_equity_column() -> None:
    frame = pd.DataFrame({"Equity": [100.0, 120.0], "DrawdownPct": [0.0, 0.0]}, index=[0, 1])
    joined = join_equity([frame, None, frame.set_axis([2, 3])])
    assert joined is not None and joined.tolist() == pytest.approx([1.0, 1.2, 1.2, 1.44])


def test_without_curves_there_is_no_joined_one() -> None:
    assert join_equity([None, pd.Series(dtype=float)]) is None


DAYS = pd.date_range("2024-01-01", periods=8)


@pytest.mark.parametrize(
    ("curve", "why"),
    [
        (pd.Series([0.0, 1.0, 2.0], DAYS[4:7]), "begins with 0.0, which is no capital"),
        (pd.Series([1.0, 1.5, 2.0]), "labels are of another kind"),
        (pd.Series([1.0, 1.5, 2.0], DAYS[:3]), "do not go on after"),
        (pd.Series(["a", "b", "c"], DAYS[4:7]), "no numbers"),
        (pd.Series([np.nan, np.inf], DAYS[4:6]), "no values but missing ones"),
        (pd.DataFrame({"date": DAYS[4:7]}), "no column of numbers"),
        (np.array([1.0, 2.0]), "ndarray has no labels"),
    ],
)
def test_what_cannot_be_joined_is_left_out_and_told(curve: Any, why: str) -> None:
    good = pd.Series([1.0, 1.1, 1.2], DAYS[:3])
    with pytest.warns(CacheWarning, match=rf"curve 1 is left out .*{why}"):
        joined = join_equity([good, curve, good.set_axis(DAYS[5:8])])
    assert joined is not None and joined.iloc[-1] == pytest.approx(1.44)


def returns_of(close: pd.Series) -> pd.Series:
    return close.pct_change().fillna(0.0)


def shaped(close: pd.Series, shape: str) -> Any:
    """The equity of who holds it, as people write it down."""
    equity = (1 + returns_of(close)).cumprod()
    if shape == "rows 0 to n":
        return equity.reset_index(drop=True)
    if shape == "an array":
        return equity.to_numpy()
    if shape == "a frame with a column of dates":
        return pd.DataFrame({"date": close.index, "equity_value": equity.to_numpy()})
    if shape == "warming up":
        return equity.where(np.arange(len(close)) >= 3)
    if shape == "with the capital before":
        before = pd.Series([1.0], [close.index[0] - pd.Timedelta(days=1)])
        return pd.concat([before, equity])
    if shape == "the newest first":
        return equity[::-1]
    return equity


@cached_backtest("shaped")
def hold(train: Any, test: Any, params: dict[str, Any]) -> Any:
    return {"n": len(test)}, None, shaped(test["Close"], params["shape"])


@pytest.mark.parametrize(
    "shape",
    [
        "rows 0 to n",
        "an array",
        "a frame with a column of dates",
        "warming up",
        "with the capital before",
        "the newest first",
    ],
)
@pytest.mark.filterwarnings("error")
def test_curves_are_joined_as_they_are_written_down(goog: pd.DataFrame, shape: str) -> None:
    def equity(shape: str) -> pd.Series:
        lengths = {"train": 300, "test": 200, "embargo": 5, "n_jobs": 1}
        found = walk_forward(hold, goog.iloc[:1000], **lengths, params={"shape": shape})
        assert found.equity is not None
        return found.equity

    plain, found = equity("plain"), equity(shape)
    if shape == "warming up":
        folds = [goog["Close"].iloc[305 + 200 * n :][:200] for n in range(3)]
        grown = np.prod([close.iloc[-1] / close.iloc[3] for close in folds])
        assert len(found) == 3 * 197 and found.iloc[-1] == pytest.approx(grown)
    else:
        assert found.iloc[-1] == pytest.approx(plain.iloc[-1])
        assert plain.index.isin(found.index).all()


@cached_backtest("earns at the first bar")
def earns(train: Any, test: Any) -> Any:
    returns = test["Close"].pct_change().fillna(0.01 * len(train) / 300)
    return {"r": (1 + returns).prod() - 1}, None, 100 * (1 + returns).cumprod()


def test_what_the_first_bar_earned_is_not_lost_without_a_word(goog: pd.DataFrame) -> None:
    lengths: dict[str, Any] = {"train": 300, "test": 200, "anchored": True, "n_jobs": 1}
    with pytest.warns(CacheWarning, match="starting_capital=100"):
        found = walk_forward(earns, goog.iloc[:1000], **lengths)
    grown = np.prod(1 + found.folds["r"])
    assert found.equity is not None and found.equity.iloc[-1] < grown
    found = walk_forward(earns, goog.iloc[:1000], **lengths, starting_capital=100.0)
    assert found.equity is not None and found.equity.iloc[-1] == pytest.approx(grown)


@cached_backtest("texts")
def texts(train: Any, test: Any) -> Any:
    return {"n": len(test)}, None, pd.Series(["up"] * len(test), test.index)


def test_a_finished_study_is_not_lost_for_its_curves(goog: pd.DataFrame) -> None:
    for _ in range(2):
        with pytest.warns(CacheWarning, match="curves 0, 1, 2, 3, 4, ... are left out .* numbers"):
            found = walk_forward(texts, goog, train=500, test=200, n_jobs=1)
        assert found.equity is None and found.folds["n"].eq(200).all()


@cached_backtest("on an array")
def on_array(train: Any, test: Any) -> Any:
    return {"train": len(train), "test": len(test)}, None, test / test[0]


@pytest.mark.parametrize("prices", ["as they are", "rounded and sorted"])
def test_an_array_of_prices_is_split_by_its_rows(goog: pd.DataFrame, prices: str) -> None:
    array = goog["Close"].to_numpy()[:500]
    if prices == "rounded and sorted":
        array = np.sort(array.round(-1))
    found = walk_forward(on_array, array, train=100, test=100, n_jobs=1)
    assert found.folds["train"].eq(100).all() and found.folds["test"].eq(100).all()
    assert found.equity is not None and list(found.equity.index) == list(range(100, 500))


@cached_backtest("fails in 2008")
def fails(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    if test.index[0].year == 2008:
        raise ZeroDivisionError("no trades")
    return {"bars": len(test)}


def test_a_fold_that_fails_is_recorded_and_the_others_go_on(goog: pd.DataFrame) -> None:
    with pytest.warns(CacheWarning, match=r"1 of 7 folds .*ZeroDivisionError: no trades"):
        folds = walk_forward(fails, goog, train="1YE", test="1YE", n_jobs=1).folds
    failed = folds[folds["outcome"] == "failed"]
    assert list(failed["test_start"].dt.year) == [2008]


def test_data_without_order_is_refused(goog: pd.DataFrame) -> None:
    with pytest.raises(ConfigurationError, match="not in time order"):
        walk_forward(run, goog.iloc[::-1], train=500, test=250)


NESTED = """
    import numpy as np
    import pandas as pd
    from afml_cache import cached_backtest, sweep, walk_forward

    @cached_backtest("inner")
    def inner(data, params):
        return {"mean": float(data.mean()) * params["a"]}

    @cached_backtest("outer")
    def outer(train, test):
        table = sweep(inner, train, {"a": [1, -1]}, n_jobs=2)
        return {"best": table["mean"].max()}, None, test / test.iloc[0]

    if __name__ == "__main__":
        index = pd.bdate_range("2024-01-01", periods=60)
        prices = pd.Series(np.linspace(1.0, 2.0, 60), index=index)
        for jobs in (2, 1):
            found = walk_forward(outer, prices, train=10, test=10, n_jobs=jobs)
            print(found.folds["outcome"].unique().tolist(), inner.cache_info().computed)
"""


@pytest.mark.slow
def test_a_fold_may_sweep_its_training_window(run_python: Callable[..., str]) -> None:
    assert run_python(NESTED).splitlines() == ["['computed'] 10", "['hit'] 10"]


@pytest.mark.slow
def test_processes_make_the_folds(run_python: Callable[..., str]) -> None:
    script = """
    import numpy as np
    import pandas as pd
    from afml_cache import cached_backtest, walk_forward

    @cached_backtest("walking")
    def run(train, test):
        equity = test / test.iloc[0]
        return {"mean": float(train.mean())}, None, equity

    if __name__ == "__main__":
        index = pd.bdate_range("2024-01-01", periods=60)
        prices = pd.Series(np.linspace(1.0, 2.0, 60), index=index)
        first = walk_forward(run, prices.iloc[:50], train=10, test=10, n_jobs=2)
        found = walk_forward(run, prices, train=10, test=10, n_jobs=2)
        print(found.folds["outcome"].tolist(), len(found.equity), round(found.equity.iloc[-1], 3))
        print([round(mean, 3) for mean in found.folds["mean"]])
    """
    assert run_python(script).splitlines() == [
        "['hit', 'hit', 'hit', 'hit', 'computed'] 50 1.637",
        "[1.076, 1.246, 1.415, 1.585, 1.754]",
    ]
