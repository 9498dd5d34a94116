import numpy as np
import pytest
from afml.structural_breaks.explosiveness import sadf

from legacy_quant.features import entropy_rate, in_letters, kontoyiannis, price_features
from legacy_quant.labels import cusum_events


def test_features_do_not_depend_on_later_prices(google):
    whole, early = price_features(google), price_features(google.iloc[:500])
    np.testing.assert_allclose(whole.iloc[:500], early, atol=1e-9)


def test_relative_strength_is_a_share(close):
    strength = price_features(close)["strength_21"].dropna()
    assert strength.between(-1e-9, 1.0 + 1e-9).all()


def test_repetition_has_less_entropy_than_noise():
    noise = in_letters(np.random.default_rng(1).normal(size=200), 6)
    assert kontoyiannis("ab" * 100) < 0.5 * kontoyiannis(noise)


def test_letters_are_equally_frequent():
    message = in_letters(np.random.default_rng(2).normal(size=600), 6)
    assert {message.count(letter) for letter in "abcdef"} == {100}


def test_entropy_is_known_once_the_window_is_full(google):
    events = cusum_events(google)
    rates = entropy_rate(google, events, window=100)
    full = google.index.get_indexer(events) >= 100
    assert rates.notna().to_numpy().tolist() == full.tolist()


def test_a_bubble_is_explosive_and_noise_is_not(google):
    calm = google.iloc[:150].copy()
    calm[:] = 100.0 * np.exp(np.random.default_rng(3).normal(scale=0.01, size=150))
    bubble = calm * np.exp(0.0005 * 1.06 ** np.arange(150))
    options = {"shortest": 40, "longest": 100, "stride": 10}
    assert sadf(calm, **options).iloc[-1] < 0.0 < sadf(bubble, **options).iloc[-1]


def test_sadf_needs_the_shortest_window(google):
    series = sadf(google.iloc[:80], shortest=60, longest=70)
    assert series.notna().sum() == pytest.approx(21)
