import numpy as np
import pytest

from legacy_quant.weights import (
    average_uniqueness,
    concurrent_labels,
    return_attribution,
    sequential_bootstrap,
)

STARTS, ENDS = np.array([0, 1, 5]), np.array([3, 4, 7])


def test_concurrency_counts_the_bars_after_each_start():
    assert concurrent_labels(STARTS, ENDS, 8).tolist() == [0, 1, 2, 2, 1, 0, 1, 1]


def test_a_label_that_overlaps_nothing_is_wholly_unique():
    uniqueness = average_uniqueness(STARTS, ENDS, 8)
    assert uniqueness.tolist() == pytest.approx([(1 + 0.5 + 0.5) / 3, (0.5 + 0.5 + 1) / 3, 1.0])


def test_attribution_shares_the_return_of_a_bar_among_its_labels():
    returns = np.array([0.0, 0.01, 0.02, 0.0, 0.0, 0.0, 0.03, 0.0])
    raw = np.array([0.02, 0.01, 0.03])
    np.testing.assert_allclose(return_attribution(STARTS, ENDS, returns), raw / raw.mean())


def test_the_sequential_bootstrap_draws_more_unique_labels_than_chance(labels, close):
    starts, ends = labels["start"].to_numpy(), labels["end"].to_numpy()

    def uniqueness(draws):
        return average_uniqueness(starts[draws], ends[draws], len(close)).mean()

    chance = np.random.default_rng(0)
    sequential = [uniqueness(sequential_bootstrap(starts, ends, len(close), s)) for s in range(5)]
    independent = [uniqueness(chance.integers(len(starts), size=len(starts))) for _ in range(5)]
    assert np.mean(sequential) > np.mean(independent)


def test_the_same_seed_draws_the_same_labels():
    first = sequential_bootstrap(STARTS, ENDS, 8, 3)
    assert first.tolist() == sequential_bootstrap(STARTS.copy(), ENDS.copy(), 8, 3).tolist()
