import numpy as np
import pandas as pd
import pytest

from legacy_quant.model import (
    Samples,
    feature_importance,
    fit_forest,
    purged_cv_scores,
    purged_folds,
)

FOREST = {"n_estimators": 20, "max_depth": 3}


@pytest.fixture(scope="module")
def samples():
    """Labels that the column ``signal`` decides and the column ``noise`` does not."""
    generator = np.random.default_rng(4)
    times = pd.date_range("2020-01-01", periods=150, freq="D")
    features = pd.DataFrame(generator.normal(size=(150, 2)), times, ["signal", "noise"])
    labels = pd.Series(np.where(features["signal"] > 0.0, 1, -1), times)
    starts = np.arange(150) * 2
    spans = pd.DataFrame({"start": starts, "end": starts + 9}, times)
    return Samples(features, labels, pd.Series(1.0, times), spans)


def test_no_training_label_looks_into_a_test_label(labels):
    embargo = 4
    for train, test in purged_folds(labels, 5, embargo):
        assert len(train) > 0
        first, last = labels["start"].iloc[test].min(), labels["end"].iloc[test].max()
        before = labels["end"].iloc[train] < first
        after = labels["start"].iloc[train] > last + embargo
        assert (before | after).all()


def test_every_sample_is_tested_once(labels):
    tested = np.concatenate([test for _, test in purged_folds(labels, 5, 3)])
    assert tested.tolist() == list(range(len(labels)))


def test_what_decides_the_labels_scores_better_than_a_coin(samples):
    assert (purged_cv_scores(samples, FOREST) > np.log(0.5)).all()


def test_importance_tells_signal_from_noise(samples):
    importance = feature_importance(samples, FOREST)["mean"]
    assert importance["signal"] > 0.1 > abs(importance["noise"])


def test_a_fit_is_reproducible(samples):
    first, again = fit_forest(samples, FOREST), fit_forest(samples.take(np.arange(150)), FOREST)
    np.testing.assert_array_equal(
        first.predict_proba(samples.features), again.predict_proba(samples.features)
    )
