"""Cross-validation: by parameters, by fitted state, fold by fold, in pipelines, cleared alone."""

from __future__ import annotations

import copy
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    UncacheableFunctionError,
    clear_afml_cache,
    clear_cv_cache,
    configure,
    cross_validate_cached,
    cv_cache_with_classifier_state,
    cv_cacheable,
    list_cleared,
    purged_kfold,
    restore_cleared,
    robust_cacheable,
    walk_forward_splits,
)
from afml_cache.errors import ConfigurationError
from afml_cache.store.store import Store

GOOG = pytest.importorskip("backtesting.test").GOOG
pytest.importorskip("sklearn")

from sklearn.base import BaseEstimator, ClassifierMixin, clone  # noqa: E402
from sklearn.ensemble import BaggingClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression, SGDClassifier  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.tree import DecisionTreeClassifier  # noqa: E402

RAN: list[str] = []


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.Series]:
    """Returns of five days, and whether the next day went up, on real prices."""
    returns = GOOG.Close.pct_change()
    features = pd.DataFrame({f"lag{n}": returns.shift(n) for n in range(5)}).iloc[10:-1]
    up = (returns.shift(-1) > 0).astype(int).loc[features.index]
    return features.iloc[:600], up.iloc[:600]


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@cv_cacheable
def scores(classifier, X, y, cv=3):
    RAN.append(type(classifier).__name__)
    return cross_val_score(classifier, X, y, cv=cv)


@cv_cacheable
def in_place(classifier, X, y, splits):
    """As in the book: the classifier itself is fitted, fold by fold."""
    RAN.append("in place")
    found = []
    for train, test in splits:
        classifier.fit(X.iloc[train], y.iloc[train])
        found.append(log_loss(y.iloc[test], classifier.predict_proba(X.iloc[test]), labels=[0, 1]))
    return found


@cv_cache_with_classifier_state
def accuracy(classifier, X, y):
    RAN.append("accuracy")
    return classifier.score(X, y)


@cv_cache_with_classifier_state
def refitted(classifier, X, y):
    RAN.append("refitted")
    return classifier.fit(X, y).score(X, y)


@robust_cacheable
def mean(X):
    RAN.append("mean")
    return float(X.to_numpy().mean())


TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


def test_a_fitted_estimator_hits_what_its_unfitted_clone_stored(data) -> None:
    X, y = data
    first = scores(TREE, X, y)
    again = scores(clone(TREE).fit(X, y), X, y)
    assert RAN == ["DecisionTreeClassifier"]
    assert (first == again).all()
    assert (first == cross_val_score(TREE, X, y, cv=3)).all()


def test_parameters_data_folds_and_class_count(data) -> None:
    X, y = data
    scores(TREE, X, y)
    changed = X.copy()
    changed.iloc[77, 2] += 1e-9
    for call in (
        lambda: scores(clone(TREE).set_params(max_depth=4), X, y),
        lambda: scores(TREE, changed, y),
        lambda: scores(TREE, X, y, cv=4),
        lambda: scores(TREE, X, y, cv=KFold(3)),
        lambda: scores(LogisticRegression(), X, y),
        lambda: scores(make_pipeline(StandardScaler(), TREE), X, y),
        lambda: scores(make_pipeline(StandardScaler(with_mean=False), TREE), X, y),
    ):
        before = len(RAN)
        call()
        assert len(RAN) == before + 1
        call()
        assert len(RAN) == before + 1


@pytest.mark.parametrize(
    "estimator",
    [
        TREE,
        make_pipeline(StandardScaler(), LogisticRegression()),
        BaggingClassifier(TREE, 3, random_state=1),
    ],
    ids=["plain", "pipeline", "ensemble"],
)
def test_fitting_in_place_is_cached_and_leaves_the_callers_estimator_alone(data, estimator) -> None:
    X, y = data
    splits = [tuple(split) for split in walk_forward_splits(X, 300, 100)]
    mine = clone(estimator).fit(X, y)
    state = copy.deepcopy(mine)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)  # no word of changed arguments
        first = in_place(mine, X, y, splits)
        assert in_place(mine, X, y, splits) == first
    assert RAN == ["in place"]
    assert (mine.predict_proba(X) == state.predict_proba(X)).all()


def test_the_result_does_not_depend_on_what_the_estimator_was_fitted_to(data, store) -> None:
    X, y = data
    splits = [(np.arange(300), np.arange(300, 400))]
    warm = SGDClassifier(loss="log_loss", warm_start=True, random_state=0, max_iter=1, tol=None)
    fresh = in_place(clone(warm), X, y, splits)
    store.clear()
    assert in_place(clone(warm).fit(X[::-1], y), X, y, splits) == fresh


def test_an_estimator_that_is_a_default_is_unfitted_at_every_call(data) -> None:
    X, y = data
    seen = []

    @cv_cacheable
    def by_default(X, y, classifier=SGDClassifier(random_state=0), *, others=(TREE,)):  # noqa: B008
        RAN.append("by default")
        fitted = hasattr(classifier, "coef_") or hasattr(others[0], "tree_")
        others[0].fit(X, y)
        return fitted, classifier.fit(X, y).score(X, y)

    seen.append(by_default(X, y))
    assert by_default(X, y) == seen[0]
    seen.append(by_default(X[:300], y[:300]))
    seen.append(by_default(X, y, TREE))
    seen.append(by_default(X, y=y, others=(TREE,)))
    assert not any(fitted for fitted, _ in seen)
    assert len(RAN) == 3  # the last is the first in other words
    assert not hasattr(TREE, "tree_")


def test_the_state_counts_where_the_name_says_so(data) -> None:
    X, y = data
    fitted = clone(TREE).fit(X, y)
    assert accuracy(fitted, X, y) == fitted.score(X, y)
    accuracy(clone(TREE).fit(X, y), X, y)  # fitted alike
    assert RAN == ["accuracy"]
    elsewhere = clone(TREE).fit(X[:200], y[:200])
    assert accuracy(elsewhere, X, y) == elsewhere.score(X, y) != fitted.score(X, y)
    assert RAN == ["accuracy"] * 2


def test_how_long_a_search_took_is_no_state(data) -> None:
    X, y = data
    searches = [GridSearchCV(TREE, {"max_depth": [1, 2]}, cv=3).fit(X, y) for _ in range(2)]
    assert searches[0].refit_time_ != searches[1].refit_time_
    for search in searches:
        accuracy(search, X, y)
    assert RAN == ["accuracy"]
    assert searches[0].refit_time_ > 0
    accuracy(GridSearchCV(TREE, {"max_depth": [1, 3]}, cv=3).fit(X, y), X, y)
    assert RAN == ["accuracy"] * 2


def test_refitting_an_estimator_whose_state_counts_works_on_a_copy(data) -> None:
    X, y = data
    mine = clone(TREE).fit(X[:200], y[:200])
    before = mine.score(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        assert refitted(mine, X, y) == refitted(mine, X, y)
    assert RAN == ["refitted"]
    assert mine.score(X, y) == before


def test_estimators_in_containers_count_by_their_parameters(data) -> None:
    X, y = data

    @cv_cacheable
    def best(models, X, y):
        RAN.append("best")
        return max(models, key=lambda name: cross_val_score(models[name], X, y, cv=2).mean())

    models = {"tree": TREE, "linear": LogisticRegression()}
    first = best(models, X, y)
    assert best({name: clone(m).fit(X, y) for name, m in models.items()}, X, y) == first
    assert RAN == ["best"]


class Majority(ClassifierMixin, BaseEstimator):
    """A project's own classifier."""

    def __init__(self, share=0.5):
        self.share = share

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.answer_ = int(np.mean(y) > self.share)
        return self

    def predict(self, X):
        return np.full(len(X), self.answer_)


def test_the_code_of_an_estimators_class_counts(data, monkeypatch) -> None:
    X, y = data
    scores(Majority(), X, y)
    scores(Majority().fit(X, y), X, y)
    assert RAN == ["Majority"]
    monkeypatch.setattr(Majority, "predict", lambda self, X: np.zeros(len(X), int))
    scores(Majority(), X, y)
    assert RAN == ["Majority"] * 2


class Unclonable(BaseEstimator):
    """Changes its parameters as it is made, which scikit-learn forbids."""

    def __init__(self, names=None):
        self.names = list(names or ())

    def fit(self, X, y):
        return self


def test_what_cannot_be_cloned_is_told_and_used_as_it_is(data) -> None:
    X, y = data

    @cv_cacheable
    def named(classifier, X, y):
        RAN.append("named")
        return classifier.names

    with pytest.warns(CacheWarning, match="Unclonable cannot be copied .*fitted state counts"):
        assert named(Unclonable(["a"]), X, y) == ["a"]
    assert named(Unclonable(["a"]), X, y) == ["a"]
    assert RAN == ["named"]


@pytest.mark.parametrize(
    ("estimator", "cv", "told"),
    [
        (DecisionTreeClassifier(), 3, r"classifier\.random_state is None"),
        (make_pipeline(StandardScaler(), DecisionTreeClassifier()), 3, "tree.*__random_state"),
        (TREE, KFold(3, shuffle=True), r"cv\.random_state"),
    ],
    ids=["estimator", "pipeline", "splitter"],
)
def test_what_is_not_reproducible_is_cached_and_told_once(data, estimator, cv, told) -> None:
    X, y = data
    with pytest.warns(CacheWarning, match=told) as caught:
        first = scores(estimator, X, y, cv)
        assert (scores(estimator, X, y, cv) == first).all()
        scores(estimator, X[:500], y[:500], cv)
    assert len(caught) == 1
    assert len(RAN) == 2


@pytest.mark.parametrize(
    ("estimator", "cv"), [(LogisticRegression(), 3), (TREE, KFold(3)), (Majority(), 3)]
)
def test_what_is_reproducible_is_not_complained_about(data, estimator, cv) -> None:
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("error", CacheWarning)
        scores(estimator, X, y, cv)


def test_an_exception_passes_through_and_nothing_is_stored(data) -> None:
    X, y = data
    for _ in range(2):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            scores(TREE, X, y[:-1])
    assert RAN == ["DecisionTreeClassifier"] * 2
    assert scores.cache_info().entries == 0


def test_methods_and_options_work_as_under_the_other_decorators(data) -> None:
    X, y = data

    class Study:
        def __init__(self, cv):
            self.cv = cv

        @cv_cacheable(ignore="verbose")
        def run(self, classifier, X, y, verbose=0):
            RAN.append("run")
            return cross_val_score(classifier, X, y, cv=self.cv).mean()

    study = Study(3)
    assert study.run(TREE, X, y) == study.run(clone(TREE).fit(X, y), X, y, verbose=5)
    assert Study(3).run(TREE, X, y) is not None
    assert RAN == ["run"]
    assert study.run.cache_contains(TREE, X, y)
    assert study.run.explain(clone(TREE).fit(X, y), X, y).reason is None


def test_it_is_pickled_with_all_that_makes_it(data) -> None:
    X, y = data

    @cv_cacheable(version=2)
    def local(classifier, X, y):
        return cross_val_score(classifier, X, y, cv=2)

    first = local(TREE, X, y)
    again = joblib.wrap_non_picklable_objects(local)
    again = pickle.loads(pickle.dumps(again))
    assert (first == again(clone(TREE).fit(X, y), X, y)).all()
    assert local.cache_info().hits == 1


@pytest.mark.slow
def test_it_travels_to_other_processes(data) -> None:
    X, y = data

    @cv_cacheable
    def local(classifier, X, y):
        return cross_val_score(classifier, X, y, cv=2)

    first = local(TREE, X, y)
    [again] = joblib.Parallel(n_jobs=2)([joblib.delayed(_call)(local, clone(TREE).fit(X, y), X, y)])
    assert (first == again[0]).all()
    assert again[1] == 1


def _call(function, *args):
    return function(*args), function.cache_info().hits


def test_waiting_functions_are_refused() -> None:
    with pytest.raises(UncacheableFunctionError, match="async"):

        @cv_cacheable
        async def never(classifier):
            return classifier


def test_without_the_cache_results_are_the_same(data) -> None:
    X, y = data
    splits = [(np.arange(300), np.arange(300, 400))]
    mine = clone(TREE).fit(X, y)
    with_cache = in_place(mine, X, y, splits)
    configure(mode="off")
    assert in_place(mine, X, y, splits) == with_cache
    assert len(mine.predict(X)) == len(X)
    assert RAN == ["in place"] * 2


# -- clearing ----------------------------------------------------------------------------


def test_clearing_clears_these_and_nothing_else(data) -> None:
    X, y = data
    first = scores(TREE, X, y)
    accuracy(clone(TREE).fit(X, y), X, y)
    cross_validate_cached(TREE, X, y, splits=[(np.arange(300), np.arange(300, 400))])
    mean(X)
    would = clear_cv_cache(dry_run=True)
    assert would.dry_run
    assert would.entries == 3
    assert "cross_validate_cached" in would.functions
    cleared = clear_cv_cache()
    assert cleared.functions == would.functions
    assert mean.cache_contains(X)
    assert not scores.cache_contains(TREE, X, y)
    assert not clear_cv_cache()
    restore_cleared()
    assert (scores(TREE, X, y) == first).all()
    assert RAN == ["DecisionTreeClassifier", "accuracy", "mean"]


def test_clearing_knows_the_functions_of_other_processes(run_python, store: Store) -> None:
    run_python(
        """
        from sklearn.dummy import DummyClassifier
        from afml_cache import cv_cacheable, robust_cacheable
        @cv_cacheable
        def elsewhere(classifier, x):
            return x
        @robust_cacheable
        def other(x):
            return x
        elsewhere(DummyClassifier(), 1), elsewhere(DummyClassifier(), 2), other(1)
        """,
        name="study.py",
    )
    assert clear_cv_cache().functions.keys() == {"study.elsewhere"}
    assert store.sizes().keys() == {"study.other"}


@pytest.mark.slow
def test_other_functions_of_the_same_name_are_not_cleared(run_python, store: Store) -> None:
    study = """
        from afml_cache import cv_cacheable, robust_cacheable
        @cv_cacheable
        def scores(x):
            return x
        scores(1), scores(2)
    """
    run_python(study, name="study.py")
    other = study.replace("@cv_cacheable", "@robust_cacheable").replace("return x", "return -x")
    run_python(other, name="study.py")  # in another project, say
    redecorated = study.replace("@cv_cacheable", "@robust_cacheable").replace("scores(1)", "0")
    run_python(redecorated.replace("scores(2)", "scores(3)"), name="study.py")
    assert store.sizes()["study.scores"][0] == 5
    assert clear_cv_cache().functions["study.scores"][0] == 2
    assert store.sizes()["study.scores"][0] == 3
    assert not clear_cv_cache()


def test_the_list_of_them_outlives_clearing_everything(data, store: Store) -> None:
    X, y = data
    scores(TREE, X, y)
    clear_afml_cache(warn=False)
    listed = store.directory / "records" / "cross_validated_entries.txt"
    assert len(listed.read_text().split()) == 1
    assert len(list_cleared()) == 1
    restore_cleared()
    assert clear_cv_cache().entries == 1


def test_where_the_list_cannot_be_written_the_result_is_cached_all_the_same(data, store) -> None:
    X, y = data
    (store.directory / "records").mkdir(parents=True)
    (store.directory / "records" / "cross_validated_entries.txt").mkdir()
    with pytest.warns(CacheWarning, match="selective_cache_clear"):
        scores(TREE, X, y)
    assert scores.cache_contains(TREE, X, y)


# -- fold by fold ------------------------------------------------------------------------


def folds_computed(call) -> int:
    from afml_cache import watch_calls

    calls = []
    with watch_calls(calls.append):
        call()
    return sum(not one.was_served for one in calls)


def test_folds_score_as_scikit_learn_does(data) -> None:
    X, y = data
    splits = walk_forward_splits(X, 200, 100)
    metrics = ["accuracy", "neg_log_loss"]
    found = cross_validate_cached(TREE, X, y, splits=splits, scoring=metrics)
    expected = cross_validate(TREE, X, y, cv=splits, scoring=metrics)
    for metric in metrics:
        np.testing.assert_array_equal(found[metric], expected[f"test_{metric}"])
    assert found.test_start.tolist() == [split.test_start for split in splits]
    assert found.train_rows.tolist() == [200] * 4
    own = cross_validate_cached(TREE, X, y, splits=KFold(3))
    np.testing.assert_array_equal(own.score, cross_validate(TREE, X, y, cv=KFold(3))["test_score"])


def test_another_fold_and_later_rows_compute_only_themselves(data) -> None:
    X, y = data

    def run(rows: int) -> pd.DataFrame:
        splits = walk_forward_splits(X[:rows], 200, 100)
        return cross_validate_cached(TREE, X[:rows], y[:rows], splits=splits)

    assert folds_computed(lambda: run(500)) == 3
    assert folds_computed(lambda: run(600)) == 1
    assert folds_computed(lambda: run(600)) == 0
    pd.testing.assert_frame_equal(run(500), run(600)[:3])


def test_rows_that_end_a_regular_index_leave_the_earlier_folds(data) -> None:
    X = pd.DataFrame({"a": np.arange(80.0)}, pd.bdate_range("2024-01-01", periods=80))
    y = pd.Series(np.arange(80) % 2, X.index)
    irregular = pd.Timestamp("2025-01-01")
    longer = pd.concat([X, pd.DataFrame({"a": [1.0] * 10}, [irregular] * 10)])
    target = pd.concat([y, pd.Series([0, 1] * 5, [irregular] * 10)])
    splits = [(np.arange(n), np.arange(n, n + 10)) for n in range(40, 80, 10)]
    assert folds_computed(lambda: cross_validate_cached(TREE, X, y, splits=splits)) == 4
    more = [*splits, (np.arange(80), np.arange(80, 90))]
    assert folds_computed(lambda: cross_validate_cached(TREE, longer, target, splits=more)) == 1


def test_a_corrected_row_costs_the_folds_that_contain_it(data) -> None:
    X, y = data
    splits = walk_forward_splits(X, 100, 100)
    assert folds_computed(lambda: cross_validate_cached(TREE, X, y, splits=splits)) == 5
    corrected = X.copy()
    corrected.iloc[250, 0] += 0.01  # tested in fold 1, trained on in fold 2
    assert folds_computed(lambda: cross_validate_cached(TREE, corrected, y, splits=splits)) == 2


def test_a_fitted_estimator_and_threads_hit_the_same_folds(data) -> None:
    X, y = data
    t1 = pd.Series(X.index[5:], X.index[:-5])
    splits = purged_kfold(t1, 6, 0.01)
    first = cross_validate_cached(TREE, X, y, splits=splits, n_jobs=2)
    assert (
        folds_computed(lambda: cross_validate_cached(clone(TREE).fit(X, y), X, y, splits=splits))
        == 0
    )
    pd.testing.assert_frame_equal(first, cross_validate_cached(TREE, X, y, splits=splits))


def test_weights_count_in_fitting_and_in_scoring(data) -> None:
    X, y = data
    splits = [(np.arange(300), np.arange(300, 400))]
    weight = np.linspace(0.1, 1, len(X))
    found = cross_validate_cached(TREE, X, y, splits=splits, sample_weight=weight)
    fitted = clone(TREE).fit(X[:300], y[:300], sample_weight=weight[:300])
    expected = fitted.score(X[300:400], y[300:400], sample_weight=weight[300:400])
    assert found.score[0] == expected
    piped = cross_validate_cached(
        make_pipeline(StandardScaler(), TREE),
        X.to_numpy(),
        y.tolist(),
        splits=splits,
        fit_params={"decisiontreeclassifier__sample_weight": weight},
    )
    assert piped.test_start[0] == 300


def grid_of(estimator):
    return GridSearchCV(estimator, {"decisiontreeclassifier__max_depth": [1, 2]}, cv=3)


@pytest.mark.parametrize("wrap", [lambda one: one, grid_of, lambda one: make_pipeline(one)])
def test_the_last_step_of_a_pipeline_is_fitted_with_the_weights(data, wrap) -> None:
    X, y = data
    splits = [(np.arange(300), np.arange(300, 400))]
    weight = np.where(np.arange(len(X)) % 3, 0.01, 5.0)
    estimator = wrap(make_pipeline(StandardScaler(), TREE))
    if isinstance(estimator, GridSearchCV):  # its own score takes no weights
        with pytest.warns(CacheWarning, match=r"Search.*score\(\) takes no sample_weight"):
            cross_validate_cached(estimator, X, y, splits=splits, sample_weight=weight)
    found = cross_validate_cached(
        estimator, X, y, splits=splits, sample_weight=weight, scoring="accuracy"
    )
    name = "decisiontreeclassifier__sample_weight"
    if isinstance(estimator, type(make_pipeline(TREE))) and len(estimator.steps) == 1:
        name = f"pipeline__{name}"
    fitted = clone(estimator).fit(X[:300], y[:300], **{name: weight[:300]})
    predicted = fitted.predict(X[300:400])
    expected = np.average(predicted == y[300:400], weights=weight[300:400])
    assert found.score[0] == pytest.approx(expected)


def count_right(estimator, X, y):
    return float(estimator.score(X, y))


def test_a_scorer_without_weights_scores_without_and_is_told(data) -> None:
    X, y = data
    splits = [(np.arange(300), np.arange(300, 400))]
    given = {"splits": splits, "sample_weight": np.linspace(0.1, 1, len(X))}
    with pytest.warns(CacheWarning, match=r"count_right\(\) takes no sample_weight"):
        found = cross_validate_cached(TREE, X, y, scoring=count_right, **given)
    fitted = clone(TREE).fit(X[:300], y[:300], sample_weight=given["sample_weight"][:300])
    assert found.score[0] == fitted.score(X[300:400], y[300:400])
    assert (
        folds_computed(lambda: cross_validate_cached(TREE, X, y, scoring=count_right, **given)) == 0
    )


def test_lists_of_rows_are_taken(data) -> None:
    X, y = data
    splits = [(np.arange(300), np.arange(300, 400))]
    found = cross_validate_cached(TREE, X.to_numpy().tolist(), y.tolist(), splits=splits)
    expected = cross_validate_cached(TREE, X.to_numpy(), y.to_numpy(), splits=splits)
    assert found.score[0] == expected.score[0]
    assert (found.train_start[0], found.test_end[0]) == (0, 399)


@pytest.mark.parametrize(
    ("estimator", "splits", "told"),
    [
        (DecisionTreeClassifier(), KFold(2), r"estimator\.random_state"),
        (TREE, KFold(2, shuffle=True), r"splits\.random_state"),
        (
            GridSearchCV(TREE, {"max_depth": [1, 2]}, cv=KFold(2, shuffle=True)),
            KFold(2),
            r"estimator\.cv\.random_state",
        ),
    ],
)
def test_folds_that_are_not_reproducible_are_told(data, estimator, splits, told) -> None:
    X, y = data
    with pytest.warns(CacheWarning, match=rf"cross_validate_cached\(\) .* {told}") as caught:
        cross_validate_cached(estimator, X, y, splits=splits)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"splits": []}, "splits is empty"),
        ({"splits": [([0, 1], [2, 600])]}, "fold 0 leads to row 600, but there are 600"),
        ({"splits": [([0, 1], [])]}, "fold 0 has no rows"),
        ({"y": [0, 1]}, "X has 600 rows and y 2"),
        ({"sample_weight": [0.5]}, "sample_weight 1"),
        ({"splits": 5}, r"splits=5: give pairs of positions.*KFold\(5\)"),
        ({"estimator": DecisionTreeClassifier}, "is the class DecisionTreeClassifier; give an"),
        ({"estimator": "tree"}, "str is no estimator"),
        ({"scoring": {"train_start": "accuracy"}}, "cannot be called train_start"),
    ],
)
def test_folds_that_cannot_be_made_say_why(data, changed, told) -> None:
    X, y = data
    given = {"estimator": TREE, "y": y, "splits": KFold(3), **changed}
    with pytest.raises(ConfigurationError, match=told):
        cross_validate_cached(given.pop("estimator"), X, **given)
