import numpy as np
import pytest

from legacy_quant.fracdiff import (
    binomial_weights,
    dickey_fuller,
    fractional_difference,
    minimum_order,
)


def test_order_one_gives_log_returns(close):
    series = fractional_difference(close, 1.0)
    np.testing.assert_allclose(series.iloc[1:], np.diff(np.log(close)), atol=1e-12)


def test_order_nought_gives_log_prices(close):
    np.testing.assert_array_equal(fractional_difference(close, 0.0), np.log(close))


def test_weights_alternate_from_a_positive_newest_to_negative_older_ones():
    weights = binomial_weights(0.4, 1e-3, 100)
    assert weights[-1] == 1.0
    assert (weights[:-1] < 0.0).all()


def test_a_random_walk_does_not_pass_for_stationary_and_its_changes_do():
    steps = np.random.default_rng(5).normal(size=2000)
    assert dickey_fuller(np.cumsum(steps), lags=5) > -2.86
    assert dickey_fuller(steps, lags=5) < -10.0


def test_the_minimum_order_lies_between_prices_and_returns(close):
    orders = (0.0, 0.25, 0.5, 0.75, 1.0)
    order = minimum_order(close, orders, smallest_weight=1e-3)
    assert order in orders
    passing = fractional_difference(close, order, 1e-3).dropna().to_numpy()
    assert dickey_fuller(passing, lags=5) < -2.86


def test_when_nothing_passes_the_last_order_is_the_answer(close):
    assert minimum_order(close, (0.0, 0.5), critical=-1e9) == pytest.approx(0.5)
