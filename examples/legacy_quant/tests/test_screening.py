"""Thresholds against noise, and features that can be compared."""

import numpy as np
import pandas as pd

from legacy_quant.screening import noise_threshold, standardised
from legacy_quant.volatility import bar_returns


def test_noise_reaches_less_than_a_bar_moves(google):
    returns = bar_returns(google)
    assert 0.0 < noise_threshold(returns) < returns.std()


def test_standardised_features_have_mean_0_and_deviation_1(google):
    returns = bar_returns(google)
    features = pd.DataFrame({"return": returns, "size": returns.abs()})
    made = standardised(features)
    assert np.allclose(made.mean(), 0.0)
    assert np.allclose(made.std(), 1.0)
