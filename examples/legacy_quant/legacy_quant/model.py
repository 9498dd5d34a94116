"""Random forests on overlapping labels: purged cross-validation, importance, fits.

A label may look into bars that belong to a neighbouring fold. Purging takes such labels out
of the training set, the embargo keeps a distance after the test set (AFML, chapter 7).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from afml.cache import cacheable
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Samples:
    """Labelled events, oldest first, that a model can learn from.

    Attributes
    ----------
    features : DataFrame
        A row an event, no NaN.
    labels : Series
        -1 or 1.
    weights : Series
        Sample weights.
    spans : DataFrame
        ``start`` and ``end``: the bars from which and up to which a label looks.
    """

    features: pd.DataFrame
    labels: pd.Series
    weights: pd.Series
    spans: pd.DataFrame

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> "Samples":
        """The samples in these rows."""
        return Samples(
            self.features.iloc[rows],
            self.labels.iloc[rows],
            self.weights.iloc[rows],
            self.spans.iloc[rows],
        )


@cacheable
def fit_forest(samples: Samples, params: dict, seed: int = 0):
    """A random forest of ``params`` fitted to ``samples`` (AFML, 6.4)."""
    forest = new_forest(params, seed)
    return forest.fit(samples.features, samples.labels, sample_weight=samples.weights)


@cacheable
def purged_cv_scores(samples: Samples, params: dict, folds: int = 5, embargo: int = 5):
    """Weighted log likelihood of each test fold, purged and embargoed (AFML, 7.4).

    Parameters
    ----------
    samples : Samples
        What to learn from and to be scored on.
    params : dict
        Parameters of the forest.
    folds : int
        Number of contiguous test sets.
    embargo : int
        Bars after a test set whose labels are not trained on.

    Returns
    -------
    ndarray
        One score a fold; that of a coin is ``-log(2) = -0.693``, more is better.
    """
    scores = []
    for train, test in purged_folds(samples.spans, folds, embargo):
        learned, judged = samples.take(train), samples.take(test)
        forest = new_forest(params, seed=0)
        forest.fit(learned.features, learned.labels, sample_weight=learned.weights)
        scores.append(log_likelihood(forest, judged.features, judged))
    return np.array(scores)


@cacheable
def feature_importance(samples: Samples, params: dict, folds: int = 5, embargo: int = 5):
    """What each feature is worth out of sample: mean decrease of the score (AFML, 8.3.2).

    Parameters
    ----------
    samples : Samples
        What to learn from and to be scored on.
    params : dict
        Parameters of the forest.
    folds, embargo : int
        As in ``purged_cv_scores``.

    Returns
    -------
    DataFrame
        ``mean`` and ``error`` (its standard error) of the log likelihood lost when the column
        is shuffled, a row a feature.
    """
    generator = np.random.default_rng(0)
    losses = []
    for train, test in purged_folds(samples.spans, folds, embargo):
        learned, judged = samples.take(train), samples.take(test)
        forest = new_forest(params, seed=0)
        forest.fit(learned.features, learned.labels, sample_weight=learned.weights)
        whole = log_likelihood(forest, judged.features, judged)
        lost = {}
        for column in judged.features.columns:
            shuffled = judged.features.copy()
            shuffled[column] = generator.permutation(shuffled[column].to_numpy())
            lost[column] = whole - log_likelihood(forest, shuffled, judged)
        losses.append(lost)
    table = pd.DataFrame(losses)
    return pd.DataFrame({"mean": table.mean(), "error": table.std() / np.sqrt(len(table))})


def new_forest(params: dict, seed: int):
    """An unfitted forest, reproducible and on one core."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**params, random_state=seed, n_jobs=1)


def purged_folds(
    spans: pd.DataFrame, folds: int, embargo: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows to test on, fold by fold (AFML, 7.4.1).

    No training label looks into a bar that a test label looks into, and none starts within
    ``embargo`` bars after the last of them.
    """
    starts, ends = spans["start"].to_numpy(), spans["end"].to_numpy()
    for test in np.array_split(np.arange(len(spans)), folds):
        first, last = starts[test].min(), ends[test].max()
        apart = (ends < first) | (starts > last + embargo)
        yield np.flatnonzero(apart), test


def log_likelihood(forest, features: pd.DataFrame, judged: Samples) -> float:
    """Weighted mean logarithm of the probability that ``forest`` gave to what happened."""
    upward = upward_probability(forest, features)
    given = np.where(judged.labels == 1, upward, 1.0 - upward)
    return float(np.average(np.log(np.clip(given, 1e-6, 1.0)), weights=judged.weights))


def upward_probability(forest, features: pd.DataFrame) -> np.ndarray:
    """Probability of the label 1; 0 where the forest has never met that label."""
    probabilities = forest.predict_proba(features)
    return probabilities[:, forest.classes_ == 1].sum(axis=1)
