"""What a Sharpe ratio is worth, held against the papers' own numbers and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afml_cache import ConfigurationError
from afml_cache.backtests.deflated import (
    deflated_sharpe_ratio,
    deflated_sharpe_report,
    expected_maximum_sharpe,
    minimum_backtest_length,
)
from afml_cache.backtests.sharpe import moments, probabilistic_sharpe_ratio, sharpe_ratio

GOOG = pytest.importorskip("backtesting.test").GOOG
RETURNS = GOOG.Close.pct_change().dropna()

#: Bailey and Lopez de Prado 2014, section "A numerical example": per day, of 250 a year.
PAPER = {"n_observations": 1250, "trial_variance": 0.5 / 250}
SHARPE = 2.5 / math.sqrt(250)


def test_the_deflated_ratio_of_the_papers_example() -> None:
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    deflated = deflated_sharpe_ratio(SHARPE, n_trials=100, skewness=-3, kurtosis=10, **PAPER)
    assert deflated == pytest.approx(0.9004, abs=5e-5)


def test_the_paper_would_have_accepted_it_after_46_trials_and_a_normal_one_after_88() -> None:
    after_46 = deflated_sharpe_ratio(SHARPE, n_trials=46, skewness=-3, kurtosis=10, **PAPER)
    assert after_46 == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe_ratio(SHARPE, n_trials=88, **PAPER) == pytest.approx(0.9505, abs=5e-5)


def test_five_years_of_data_bear_45_trials() -> None:
    # Bailey, Borwein, Lopez de Prado and Zhu 2014, after the theorem.
    assert minimum_backtest_length(45) == pytest.approx(5.0, abs=0.01)
    assert minimum_backtest_length(46) > 5
    assert minimum_backtest_length(45, 2.0) == pytest.approx(minimum_backtest_length(45) / 4)


@settings(deadline=None)
@given(st.integers(2, 10**6), st.floats(0.1, 5))
def test_the_minimum_length_keeps_below_its_bound(n_trials: int, target: float) -> None:
    assert 0 < minimum_backtest_length(n_trials, target) < 2 * math.log(n_trials) / target**2


def test_the_expected_maximum_is_what_drawing_finds() -> None:
    rng = np.random.default_rng(42)
    for n_trials in (10, 100, 500):
        found = rng.normal(0, 0.05, (4000, n_trials)).max(axis=1).mean()
        assert expected_maximum_sharpe(n_trials, 0.05**2) == pytest.approx(found, rel=0.03)


@settings(deadline=None)
@given(
    st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.integers(2, 5000), st.floats(-2, 2),
    st.floats(0, 20), st.integers(2, 10**5), st.floats(1e-8, 0.1),
)  # fmt: skip
def test_all_are_what_scipys_normal_distribution_makes_of_the_formulas(
    sharpe, benchmark, n_observations, skewness, excess, n_trials, variance
) -> None:
    norm = pytest.importorskip("scipy.stats").norm
    kurtosis = 1 + skewness**2 + excess

    def probability(against: float) -> float:
        error = (1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (n_observations - 1)
        return norm.cdf((sharpe - against) / np.sqrt(error))

    about = {"n_observations": n_observations, "skewness": skewness, "kurtosis": kurtosis}
    got = probabilistic_sharpe_ratio(sharpe, benchmark, **about)
    assert got == pytest.approx(probability(benchmark), abs=1e-9)
    gamma = np.euler_gamma
    maximum = (1 - gamma) * norm.isf(1 / n_trials) + gamma * norm.isf(1 / (n_trials * np.e))
    maximum *= np.sqrt(variance)
    assert expected_maximum_sharpe(n_trials, variance) == pytest.approx(maximum, abs=1e-9)
    deflated = deflated_sharpe_ratio(sharpe, n_trials=n_trials, trial_variance=variance, **about)
    assert deflated == pytest.approx(probability(maximum), abs=1e-9)


def test_moments_are_those_of_scipy_on_real_returns() -> None:
    stats = pytest.importorskip("scipy.stats")
    skewness, kurtosis = moments(RETURNS.to_numpy())
    assert skewness == pytest.approx(stats.skew(RETURNS))
    assert kurtosis == pytest.approx(stats.kurtosis(RETURNS, fisher=False))
    assert moments(RETURNS.to_numpy() * 1e-90) == pytest.approx((skewness, kurtosis))


def test_annualising_is_a_square_root() -> None:
    daily = RETURNS.mean() / RETURNS.std()
    assert sharpe_ratio(RETURNS) == pytest.approx(daily)
    assert sharpe_ratio(RETURNS, periods_per_year=252) == pytest.approx(daily * math.sqrt(252))
    less = sharpe_ratio(RETURNS, risk_free=0.0001)
    assert less == pytest.approx((RETURNS - 0.0001).mean() / RETURNS.std())


def test_one_trial_is_not_deflated() -> None:
    about = {"n_observations": 500, "skewness": -0.5, "kurtosis": 4.0}
    alone = deflated_sharpe_ratio(0.1, n_trials=1, trial_variance=0.0, **about)
    assert alone == probabilistic_sharpe_ratio(0.1, **about)
    report = deflated_sharpe_report(RETURNS, [sharpe_ratio(RETURNS)])
    assert report.probability == report.undeflated


@settings(deadline=None)
@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_more_trials_never_make_it_more_probable(one: int, other: int) -> None:
    fewer, more = sorted((one, other))

    def deflated(n_trials: int) -> float:
        return deflated_sharpe_ratio(
            0.1, n_observations=1000, n_trials=n_trials, trial_variance=0.001
        )

    assert deflated(more) <= deflated(fewer)


def test_returns_that_never_vary_have_no_sharpe_ratio() -> None:
    assert math.isnan(sharpe_ratio([0.1] * 7))
    assert math.isnan(sharpe_ratio(pd.Series(0.0, GOOG.index)))
    report = deflated_sharpe_report(np.zeros(100), [math.nan, 0.1, 0.2])
    assert math.isnan(report.probability)
    assert str(report).endswith("there is no Sharpe ratio to judge")


@pytest.mark.parametrize("growth", [1e-3, 1e-4, 1e-6, -1e-4])
def test_cash_has_no_sharpe_ratio_though_its_returns_differ_in_the_last_digit(
    growth: float,
) -> None:
    cash = pd.Series(10_000 * (1 + growth) ** np.arange(1000)).pct_change().dropna()
    assert cash.nunique() > 1
    assert math.isnan(sharpe_ratio(cash))
    assert math.isnan(sharpe_ratio([0.30000000000000004, 0.3, 0.3]))
    assert np.isnan(moments(cash.to_numpy()[:3].repeat(2) * 0 + growth)).all()


def test_a_steady_strategy_has_one() -> None:
    rng = np.random.default_rng(1)
    bills = 1e-4 + rng.normal(0, 1e-8, 500)  # varies by 0.000001 % a day
    assert sharpe_ratio(bills) == pytest.approx(1e4, rel=0.1)
    assert sharpe_ratio(RETURNS * 1e-9) == pytest.approx(sharpe_ratio(RETURNS))


def test_the_best_of_many_is_reported_as_what_it_is() -> None:
    # Moving averages on real prices: in the market while the fast one is above the slow one.
    close = GOOG.Close
    trials = {}
    for fast in range(5, 50, 5):
        for slow in range(60, 200, 20):
            above = close.rolling(fast).mean() > close.rolling(slow).mean()
            trials[fast, slow] = (close.pct_change() * above.shift(1, fill_value=False)).iloc[200:]
    sharpes = {name: sharpe_ratio(returns) for name, returns in trials.items()}
    best = max(sharpes, key=sharpes.__getitem__)
    report = deflated_sharpe_report(trials[best], list(sharpes.values()))
    assert report.n_trials == 63
    assert report.probability < report.undeflated
    skewness, kurtosis = moments(trials[best].to_numpy())
    assert report.probability == deflated_sharpe_ratio(
        sharpes[best],
        n_observations=len(trials[best]),
        n_trials=63,
        trial_variance=float(np.var(list(sharpes.values()), ddof=1)),
        skewness=skewness,
        kurtosis=kurtosis,
    )
    assert "best of 63 trials, 1,948 returns" in str(report)
    assert max(map(len, str(report).splitlines())) <= 80


def test_trials_without_a_ratio_count_as_trials() -> None:
    own = sharpe_ratio(RETURNS)
    report = deflated_sharpe_report(RETURNS, [0.01, own, math.nan, math.nan])
    assert report.n_trials == 4
    assert report.trial_variance == pytest.approx(np.var([0.01, own], ddof=1))
    assert deflated_sharpe_report(RETURNS, {"a": 0.01, "b": own}).n_trials == 2


def test_annualised_ratios_of_trials_are_told_from_daily_ones() -> None:
    rng = np.random.default_rng(2)
    trials = pd.DataFrame(rng.normal(0.0003, 0.01, (1000, 40)), columns=map(str, range(40)))
    daily = trials.apply(sharpe_ratio)
    best = trials[daily.idxmax()]
    expected = deflated_sharpe_report(best, daily)
    for periods in (252, 365, 52):
        annual = daily * math.sqrt(periods)
        with pytest.raises(ConfigurationError, match=f"look annualised.*_year={periods}"):
            deflated_sharpe_report(best, annual)
        report = deflated_sharpe_report(best, annual, periods_per_year=periods)
        assert report.probability == pytest.approx(expected.probability)
        assert report.trial_variance == pytest.approx(expected.trial_variance)
    with pytest.raises(ConfigurationError, match="periods_per_year=1"):
        deflated_sharpe_report(best, daily, periods_per_year=252)
    # A trial that happens to have the daily ratio does not hide that the others are annualised.
    annual = daily * math.sqrt(252)
    annual.iloc[0] = daily.max()
    with pytest.raises(ConfigurationError, match="look annualised"):
        deflated_sharpe_report(best, annual)
    # Any trial may be selected, and logarithmic returns are close enough.
    assert deflated_sharpe_report(trials[daily.sort_values().index[-5]], daily).n_trials == 40
    assert deflated_sharpe_report(np.log1p(best), daily).n_trials == 40


def test_returns_of_no_trial_are_refused() -> None:
    rng = np.random.default_rng(2)
    trials = pd.DataFrame(rng.normal(0, 0.01, (1000, 40)))
    sharpes = trials.apply(sharpe_ratio)
    with pytest.raises(ConfigurationError, match="none of the trials does"):
        deflated_sharpe_report(trials[sharpes.idxmax()] + 0.01, sharpes)
    with pytest.raises(ConfigurationError, match="none of the trials does, divided"):
        deflated_sharpe_report(
            trials[sharpes.idxmax()] + 0.01, sharpes * 252**0.5, periods_per_year=252
        )


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: sharpe_ratio([0.1]), "two are needed"),
        (lambda: sharpe_ratio([[0.1, 0.2]]), "one series"),
        (lambda: sharpe_ratio(GOOG.Close.pct_change()), r"returns\[0\] is nan; dropna"),
        (lambda: sharpe_ratio([0.1, math.inf]), r"returns\[1\] is inf"),
        (lambda: probabilistic_sharpe_ratio(0.1, n_observations=1), "two returns"),
        (
            lambda: probabilistic_sharpe_ratio(0.1, n_observations=9, skewness=0, kurtosis=0),
            "not in excess",
        ),
        (lambda: expected_maximum_sharpe(0, 0.1), "one trial at least"),
        (lambda: expected_maximum_sharpe(9, -0.1), "not negative"),
        (lambda: expected_maximum_sharpe(9, math.nan), "finite"),
        (lambda: minimum_backtest_length(9, 0.0), "positive"),
        (lambda: deflated_sharpe_report(RETURNS, []), "no trials"),
        (lambda: deflated_sharpe_report(RETURNS, [math.nan, 0.1]), "says nothing"),
        (lambda: deflated_sharpe_report(RETURNS, [math.inf, 0.1]), "trial 0 has an infinite"),
        (lambda: deflated_sharpe_report(RETURNS, [0.1, 7.9e11]), "trial 1 .* do not vary"),
        (
            lambda: deflated_sharpe_report(RETURNS, [0.1, 0.1], periods_per_year=0),
            "periods_per_year=0",
        ),
        (
            lambda: deflated_sharpe_ratio(math.inf, n_trials=2, **PAPER),
            "sharpe=inf.* give finite ratios",
        ),
        (
            lambda: probabilistic_sharpe_ratio(0.1, n_observations=math.nan),
            "n_observations=nan",
        ),
    ],
)
def test_what_cannot_be_told_says_why(call, told) -> None:
    with pytest.raises(ConfigurationError, match=told):
        call()


def test_two_values_leave_nothing_to_chance() -> None:
    # Kurtosis 1, no skewness and a ratio of any size: a fair coin, whose root stays positive.
    assert 0.5 < probabilistic_sharpe_ratio(0.3, n_observations=10, kurtosis=1.0) < 1
    # The very coin whose outcomes make the root vanish: skewness 2, kurtosis 5, ratio 1.
    assert probabilistic_sharpe_ratio(1.0, 0.0, n_observations=9, skewness=2, kurtosis=5) == 1.0
