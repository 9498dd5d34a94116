"""Estimators, pipelines and splitters of scikit-learn: class, parameters and fitted state."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import content_key, robust_cacheable

pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest, f_classif, mutual_info_classif
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

Make = Callable[[], Any]
X = np.random.default_rng(0).normal(size=(60, 4))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


class Spread(BaseEstimator, TransformerMixin):
    """An estimator of the project."""

    def __init__(self, window: int = 5) -> None:
        self.window = window

    def fit(self, X: np.ndarray, y: object = None) -> Spread:
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X - self.mean_


class PurgedFold(KFold):
    def __init__(self, n_splits: int = 3, purge: int = 0) -> None:
        super().__init__(n_splits)
        self.purge = purge


def double(values: np.ndarray) -> np.ndarray:
    return values * 2


ESTIMATORS: dict[str, Make] = {
    "logistic": LogisticRegression,
    "ridge": Ridge,
    "lasso": Lasso,
    "svc": lambda: SVC(random_state=0),
    "linear svc": lambda: LinearSVC(random_state=0),
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "forest on two threads": lambda: RandomForestClassifier(5, random_state=0, n_jobs=2),
    "extra trees": lambda: ExtraTreesClassifier(5, random_state=0),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=5, random_state=0),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=5, random_state=0),
    "ada boost": lambda: AdaBoostClassifier(n_estimators=3, random_state=0),
    "bagging": lambda: BaggingClassifier(DecisionTreeClassifier(), 3, random_state=0),
    "neighbours by tree": lambda: KNeighborsClassifier(3, algorithm="kd_tree"),
    "neighbours by ball tree": lambda: KNeighborsClassifier(3, algorithm="ball_tree"),
    "bayes": GaussianNB,
    "k-means": lambda: KMeans(2, n_init=1, random_state=0),
    "pca": lambda: PCA(2),
    "gaussian process": lambda: GaussianProcessClassifier(ConstantKernel() * RBF()),
    "perceptron": lambda: MLPClassifier((3,), max_iter=2, random_state=0),
    "scaler": StandardScaler,
    "selection": lambda: SelectKBest(f_classif, k=2),
    "function": lambda: FunctionTransformer(double),
    "of the project": Spread,
    "pipeline": lambda: make_pipeline(StandardScaler(), Spread(), LogisticRegression()),
    "columns": lambda: ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", "drop", [2])]),
    "union": lambda: FeatureUnion([("a", StandardScaler()), ("b", PCA(2))]),
    "vote": lambda: VotingClassifier([("a", GaussianNB()), ("b", LogisticRegression())]),
    "one-hot": OneHotEncoder,
}


def fitted(make: Make, X: np.ndarray = X, y: np.ndarray = Y) -> Any:
    return make().fit(X, y)


COUNTING = pytest.mark.xfail(
    strict=True, reason="a tree of neighbours counts its queries, and the counts are in the key"
)
FORGETTING = pytest.mark.xfail(
    strict=True, reason="a Bunch loses an empty attribute of its own when pickled"
)
BROKEN = {
    "neighbours by tree": COUNTING,
    "neighbours by ball tree": COUNTING,
    "vote": FORGETTING,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [pytest.param(make, id=name, marks=BROKEN.get(name, ())) for name, make in ESTIMATORS.items()],
)
def test_an_estimator_is_keyed_by_class_parameters_and_fitted_state(make: Make) -> None:
    unfitted, trained = make(), fitted(make)
    key = content_key(trained)
    assert content_key(unfitted) == content_key(make()) == content_key(clone(trained))
    assert key != content_key(unfitted)
    if not isinstance(trained, HistGradientBoostingClassifier) or np.__version__ >= "2":
        # its generator loses the seed sequence in a pickle of numpy 1
        assert key == content_key(pickle.loads(pickle.dumps(trained)))
    assert key == content_key(fitted(make)), "fitted again on the same data"
    if not isinstance(unfitted, FunctionTransformer):
        assert key != content_key(fitted(make, X[:-1] * 1.5, Y[:-1]))
    for method in ("predict", "predict_proba", "transform", "score", "kneighbors"):
        if hasattr(trained, method):
            getattr(trained, method)(*((X, Y) if method == "score" else (X,)))
    (
        repr(trained),
        trained.get_params(),
        trained._repr_html_() if hasattr(trained, "_repr_html_") else None,
    )
    assert content_key(trained) == key, "using it changed the key"


FAMILIES: dict[str, list[Make]] = {
    "parameters": [
        LogisticRegression,
        lambda: LogisticRegression(C=1),
        lambda: LogisticRegression(C=2.0),
        lambda: LogisticRegression(max_iter=101),
        lambda: LogisticRegression(class_weight="balanced"),
        lambda: LogisticRegression(class_weight={0: 1, 1: 2}),
        lambda: LogisticRegression(class_weight={0: 2, 1: 1}),
        lambda: LogisticRegression(random_state=1),
        lambda: LogisticRegression(random_state=np.random.RandomState(1)),
        lambda: LogisticRegression(random_state=np.random.RandomState(2)),
        lambda: fitted(LogisticRegression),
        Ridge,
        Lasso,
        Spread,
        lambda: Spread(6),
        lambda: StandardScaler(with_mean=False),
        StandardScaler,
        MinMaxScaler,
        lambda: StandardScaler().set_output(transform="pandas"),
    ],
    "functions in parameters": [
        lambda: SelectKBest(f_classif),
        lambda: SelectKBest(mutual_info_classif),
        lambda: FunctionTransformer(np.log1p),
        lambda: FunctionTransformer(np.sqrt),
        lambda: FunctionTransformer(double),
        lambda: FunctionTransformer(lambda v: v * 2),
        lambda: FunctionTransformer(lambda v: v * 3),
        lambda: make_scorer(accuracy_score),
        lambda: make_scorer(f1_score),
        lambda: make_scorer(f1_score, greater_is_better=False),
        lambda: make_scorer(f1_score, average="micro"),
    ],
    "pipelines": [
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        lambda: make_pipeline(LogisticRegression(), StandardScaler()),
        lambda: make_pipeline(MinMaxScaler(), LogisticRegression()),
        lambda: make_pipeline(StandardScaler(), LogisticRegression(C=2)),
        lambda: Pipeline([("scale", StandardScaler()), ("fit", LogisticRegression())]),
        lambda: Pipeline([("scale", "passthrough"), ("fit", LogisticRegression())]),
        lambda: make_pipeline(LogisticRegression()),
        lambda: ColumnTransformer([("a", StandardScaler(), [0])]),
        lambda: ColumnTransformer([("a", StandardScaler(), [1])]),
        lambda: ColumnTransformer([("a", StandardScaler(), ["0"])]),
        lambda: ColumnTransformer([("a", StandardScaler(), [0])], remainder="passthrough"),
        lambda: GridSearchCV(LogisticRegression(), {"C": [1, 2]}),
        lambda: GridSearchCV(LogisticRegression(), {"C": [1, 3]}),
        lambda: GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=KFold(3)),
        lambda: GridSearchCV(LogisticRegression(), {"C": [1, 2]}, cv=KFold(4)),
    ],
    "splitters": [
        lambda: KFold(3),
        lambda: KFold(4),
        lambda: KFold(3, shuffle=True),
        lambda: KFold(3, shuffle=True, random_state=1),
        lambda: KFold(3, shuffle=True, random_state=2),
        lambda: StratifiedKFold(3),
        lambda: TimeSeriesSplit(3),
        lambda: TimeSeriesSplit(3, gap=1),
        lambda: TimeSeriesSplit(3, max_train_size=5),
        lambda: PurgedFold(3),
        lambda: PurgedFold(3, purge=1),
    ],
    "kernels": [
        lambda: RBF(1.0),
        lambda: RBF(2.0),
        lambda: ConstantKernel(1.0),
        lambda: RBF(1.0) + ConstantKernel(1.0),
        lambda: RBF(1.0) * ConstantKernel(1.0),
        lambda: RBF(1.0, (1e-5, 1)),
    ],
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_no_two_of_a_family_share_a_key(family: list[Make]) -> None:
    keys = [content_key(make()) for make in family]
    assert keys == [content_key(make()) for make in family], "made again, another key"
    pairs = itertools.combinations(zip(family, keys, strict=True), 2)
    shared = [(repr(one()), repr(other())) for (one, a), (other, b) in pairs if a == b]
    shared = [pair for pair in shared if pair[0] != pair[1] or "C=1)" not in pair[0]]
    assert not shared


def test_feature_names_of_a_fit_count() -> None:
    frame = pd.DataFrame(X, columns=list("abcd"))
    one, other = (
        StandardScaler().fit(frame),
        StandardScaler().fit(frame.rename(columns={"a": "e"})),
    )
    assert content_key(one) != content_key(other) != content_key(StandardScaler().fit(X))


def test_one_leaf_of_a_tree_counts() -> None:
    one = fitted(ESTIMATORS["forest"])
    other = fitted(ESTIMATORS["forest"])
    assert content_key(one) == content_key(other)
    other.estimators_[2].tree_.value[0, 0, 0] += 1e-9
    assert content_key(one) != content_key(other)


def test_a_model_as_an_argument_hits_when_it_is_equal() -> None:
    @robust_cacheable
    def score(model: BaseEstimator, features: np.ndarray, target: np.ndarray) -> float:
        return float(model.score(features, target))  # type: ignore[attr-defined]

    score(fitted(LogisticRegression), X, Y)
    score(fitted(LogisticRegression), X.copy(), Y.copy())
    assert score.cache_info().hits == 1
    score(fitted(LogisticRegression, X[:50], Y[:50]), X, Y)
    assert score.cache_info().computed == 2
