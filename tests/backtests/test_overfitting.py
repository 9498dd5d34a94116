"""The probability of backtest overfitting, held against a plain implementation in loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from afml_cache import ConfigurationError
from afml_cache.backtests.overfitting import probability_of_backtest_overfitting as pbo_of

GOOG = pytest.importorskip("backtesting.test").GOOG


@pytest.fixture(scope="module")
def crossovers() -> pd.DataFrame:
    """Daily returns of moving-average crossovers on real prices, one column each."""
    close = GOOG.Close
    trials = {}
    for fast in (5, 10, 20, 40):
        for slow in (60, 90, 120, 180):
            above = close.rolling(fast).mean() > close.rolling(slow).mean()
            trials[f"{fast}/{slow}"] = close.pct_change() * above.shift(1, fill_value=False)
    return pd.DataFrame(trials).iloc[200:]


def in_loops(returns: np.ndarray, n_blocks: int):
    """CSCV as the paper describes it, step by step."""
    rankdata = pytest.importorskip("scipy.stats").rankdata
    blocks = np.array_split(returns, n_blocks)
    logits, before, after = [], [], []
    for chosen in itertools.combinations(range(n_blocks), n_blocks // 2):
        inside = np.vstack([blocks[i] for i in chosen])
        outside = np.vstack([blocks[i] for i in range(n_blocks) if i not in chosen])
        r = [column.mean() / column.std(ddof=1) for column in inside.T]
        r_bar = [column.mean() / column.std(ddof=1) for column in outside.T]
        best = int(np.argmax(r))
        w = rankdata(r_bar)[best] / (len(r) + 1)
        logits.append(math.log(w / (1 - w)))
        before.append(r[best])
        after.append(r_bar[best])
    return np.array(logits), np.array(before), np.array(after)


@pytest.mark.parametrize(("n_rows", "n_blocks"), [(1948, 8), (1003, 10), (40, 6)])
def test_it_is_what_loops_over_the_papers_steps_find(crossovers, n_rows, n_blocks) -> None:
    returns = crossovers.iloc[-n_rows:]
    found = pbo_of(returns, n_blocks)
    logits, before, after = in_loops(returns.to_numpy(), n_blocks)
    np.testing.assert_allclose(found.logits, logits, atol=1e-9)
    np.testing.assert_allclose(found.in_sample, before, rtol=1e-9)
    np.testing.assert_allclose(found.out_of_sample, after, rtol=1e-9, atol=1e-12)
    assert found.pbo == (logits <= 1e-12).mean()
    assert found.probability_of_loss == (after < 0).mean()
    slope, intercept = np.polyfit(before, after, 1)
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept))


def test_strategies_without_skill_are_overfitted_and_one_with_skill_is_not() -> None:
    rng = np.random.default_rng(7)
    shares = [pbo_of(rng.normal(0, 0.01, (400, 40)), 8).pbo for _ in range(12)]
    assert 0.35 < np.mean(shares) < 0.65  # by symmetry, one half
    skilled = rng.normal(0, 0.01, (1000, 40))
    skilled[:, 3] += 0.003
    found = pbo_of(skilled, 8)
    assert found.pbo == 0
    assert (found.selected == 3).all()


def test_sixteen_blocks_make_the_papers_12870_combinations(crossovers) -> None:
    found = pbo_of(crossovers)
    assert found.logits.shape == (12_870,)
    assert np.isfinite(found.logits).all()


def test_more_strategies_than_observations_are_fine() -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, (20, 150))
    found = pbo_of(returns, 4)
    np.testing.assert_allclose(found.logits, in_loops(returns, 4)[0], atol=1e-9)


def test_equal_strategies_share_their_ranks() -> None:
    column = GOOG.Close.pct_change().dropna().to_numpy()[:, None]
    found = pbo_of(np.repeat(column, 5, axis=1), 6)
    assert found.pbo == 1.0  # never above the median, which is where all of them are
    np.testing.assert_allclose(found.logits, 0.0, atol=1e-12)


def test_a_strategy_that_never_trades_performs_neither_well_nor_badly(crossovers) -> None:
    found = pbo_of(crossovers.assign(idle=0.0), 6)
    assert found.n_trials == 17
    losing = -crossovers.abs()
    found = pbo_of(losing.assign(idle=0.0), 6)
    assert (found.selected == 16).all()
    assert (found.out_of_sample == 0).all()
    assert math.isnan(found.slope)


def test_any_other_performance_can_be_measured(crossovers) -> None:
    found = pbo_of(crossovers, 6, performance=lambda rows: rows.mean(axis=0) / rows.std(axis=0))
    same = pbo_of(crossovers, 6)  # a ratio with another degree of freedom ranks alike
    np.testing.assert_allclose(found.logits, same.logits)
    assert not np.allclose(found.in_sample, same.in_sample, rtol=1e-6)


def test_small_returns_around_a_large_mean_lose_no_digits() -> None:
    returns = 1.0 + np.random.default_rng(5).normal(0, 1e-7, (120, 6))
    np.testing.assert_allclose(pbo_of(returns, 6).in_sample, in_loops(returns, 6)[1], rtol=1e-6)


def test_it_can_be_read(crossovers) -> None:
    text = str(pbo_of(crossovers, 8))
    assert text.startswith("probability of backtest overfitting: ")
    assert "16 trials, 1,948 observations, 70 combinations of 8 blocks" in text
    assert max(map(len, text.splitlines())) <= 80
    assert any(name in text.splitlines()[-1] for name in crossovers)


def test_the_answer_does_not_depend_on_the_order_of_the_strategies(crossovers) -> None:
    found, turned = pbo_of(crossovers, 8), pbo_of(crossovers.iloc[:, ::-1], 8)
    assert found.pbo == turned.pbo
    np.testing.assert_allclose(found.logits, turned.logits)


@pytest.mark.parametrize(
    ("returns", "options", "told"),
    [
        (np.ones((100, 1)), {}, "two strategies at least"),
        (np.ones(100), {}, "two strategies at least"),
        (pd.DataFrame(np.zeros((100, 3)), GOOG.index[100:0:-1]), {}, "not in time order"),
        (np.zeros((100, 3)), {"n_blocks": 7}, "n_blocks=7: it has to be even"),
        (np.zeros((100, 3)), {"n_blocks": 26}, "from 2 to 24"),
        (np.zeros((100, 3)), {"n_blocks": 0}, "from 2 to 24"),
        (np.zeros((20, 3)), {}, "20 observations make no 16 blocks"),
        (np.full((100, 3), 0.1), {}, "all 0.1 in half of the blocks"),
        (
            pd.DataFrame({"a": [0.1] * 39 + [math.nan], "b": 0.1}),
            {},
            "return of 'a' in row 39 is nan",
        ),
        (
            np.zeros((100, 3)),
            {"performance": lambda rows: rows.mean()},
            "one finite number for each",
        ),
        (
            np.zeros((100, 3)),
            {"performance": lambda rows: rows.mean(axis=0) / 0 * math.nan},
            "one finite number for each",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_told_says_why(returns, options, told) -> None:
    with pytest.raises(ConfigurationError, match=told):
        pbo_of(returns, **options)


def test_cash_among_the_strategies_is_refused_and_not_the_best() -> None:
    returns = pd.DataFrame(np.random.default_rng(1).normal(0, 0.01, (1000, 20)))
    returns["cash"] = pd.Series(10_000 * 1.0001 ** np.arange(1001)).pct_change()[1:].to_numpy()
    with pytest.raises(ConfigurationError, match=r"'cash' are all 0\.0001 .* as those of cash"):
        pbo_of(returns, 10)


def test_returns_may_be_a_dict_of_series_or_a_frame_of_polars() -> None:
    returns = pd.DataFrame(np.random.default_rng(1).normal(0, 0.01, (200, 3)), columns=list("abc"))
    expected = pbo_of(returns, 4)
    found = pbo_of({name: returns[name] for name in returns}, 4)
    assert found.names == expected.names
    np.testing.assert_array_equal(found.logits, expected.logits)
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({name: returns[name].to_numpy() for name in returns})
    np.testing.assert_array_equal(pbo_of(frame, 4).logits, expected.logits)
    with pytest.raises(ConfigurationError, match=r"n_blocks=4\.0: give an int"):
        pbo_of(returns, 4.0)
