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
from afml_cache.backtests.studies.walk_forward import join_equity

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
    assert join_equity([None, np.array([1.0, 2.0]), pd.Series(dtype=float)]) is None


@cached_backtest("fails in 2008")
def fails(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    if test.index[0].year == 2008:
        raise ZeroDivisionError("no trades")
    return {"bars": len(test)}


def test_a_fold_that_fails_is_recorded_and_the_others_go_on(goog: pd.DataFrame) -> None:
    with pytest.warns(CacheWarning, match=r"1 of 7 .*ZeroDivisionError: no trades"):
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
