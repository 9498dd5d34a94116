"""Cross-validation whose folds are entries of their own: a sixth fold computes only itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from afml_cache.attempt import Options
from afml_cache.cv_functions import CrossValidatedFunction, is_estimator, say_unseeded
from afml_cache.cv_weights import weighted_step, with_weights
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cross_validate_cached"]

#: Counts in the keys of folds: raise it when a change here changes their scores.
_VERSION = 1

#: A name of scikit-learn's, or ``scorer(estimator, X, y)``.
Scorer = str | Callable[..., Any]


def cross_validate_cached(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    splits: Any,
    scoring: Scorer | Iterable[str] | Mapping[str, Scorer] | None = None,
    sample_weight: Any = None,
    fit_params: Mapping[str, Any] | None = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Cross-validate an estimator; each fold is fitted once and never again.

    A fold is keyed by the class and the parameters of the estimator, the rows that it trains and
    tests on, and the scoring. So another fold, or rows that only later folds contain, cost only
    themselves, and a corrected row costs the folds that contain it.

    Parameters
    ----------
    estimator : estimator
        As scikit-learn defines it. Its fitted state does not count: each fold fits a clone.
    X : DataFrame, ndarray or sparse matrix, shape (n, n_features)
    y : Series, array_like, optional
    splits : list of Split, iterable of (train, test), or splitter
        Positions of rows: :func:`~afml_cache.walk_forward_splits`, :func:`~afml_cache.purged_kfold`
        and so on; or an object with ``split(X, y)``.
    scoring : str, callable, sequence of str, or mapping, optional
        As for scikit-learn's ``cross_validate``; None: the estimator's own ``score``.
    sample_weight : array_like of shape (n,), optional
        Weights of the rows, in fitting as in scoring (Lopez de Prado 2018, snippet 7.4). The last
        step of a pipeline is fitted with them. A scorer of your own that takes no
        ``sample_weight`` scores without, which is told.
    fit_params : mapping, optional
        More arguments of ``fit``; what has ``n`` rows is cut to the fold's.
    n_jobs : int, optional
        So many folds at once, in threads.

    Returns
    -------
    DataFrame
        One row a fold: ``train_start``, ``train_end``, ``test_start``, ``test_end`` (labels of
        the rows where X has an index, else positions), ``train_rows``, ``test_rows``, the seconds
        that fitting and scoring took when it was done, and a column for each score: ``score``, or
        by the names in ``scoring``.

    Raises
    ------
    ConfigurationError
        There is no split, one is empty or leads beyond the rows, X, y and the weights differ in
        length, the estimator is none, or a score bears the name of another column. What the
        estimator raises passes through.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from afml_cache import cross_validate_cached, use_store, walk_forward_splits
    >>> X = np.arange(60.0).reshape(-1, 1)
    >>> with use_store(tmp_path / "folds"):
    ...     scores = cross_validate_cached(
    ...         LinearRegression(), X, 2 * X[:, 0], splits=walk_forward_splits(X, 30, 10)
    ...     )
    >>> scores["score"].round(3).tolist()
    [1.0, 1.0, 1.0]
    """
    import joblib
    import numpy as np
    import pandas as pd

    _check_estimator(estimator)
    size = _length(X)
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None and _length(given) != size:
            raise ConfigurationError(f"X has {size:,} rows and {name} {_length(given):,}")
    say_unseeded(_NAME, {"splits": splits})
    if hasattr(splits, "split"):
        splits = splits.split(X, y)
    if not isinstance(splits, Iterable):
        raise ConfigurationError(
            f"splits={splits!r}: give pairs of positions, walk_forward_splits(X, 500, 100) or "
            "purged_kfold(t1, 5), or a splitter such as KFold(5)"
        )
    pairs = [tuple(np.asarray(rows) for rows in pair) for pair in splits]
    if not pairs:
        raise ConfigurationError("splits is empty: there is no fold to fit")
    metrics = _metrics(scoring)
    others = dict(fit_params or {})
    fit_weight = sample_weight
    if sample_weight is not None:
        metrics = {name: with_weights(name, one, estimator) for name, one in metrics.items()}
        if step := weighted_step(estimator):
            # A pipeline takes no weights itself; its last step does, which is what is scored.
            others.setdefault(f"{step}__sample_weight", sample_weight)
            fit_weight = None

    def of_fold(number: int) -> dict[str, Any]:
        train, test = (_positions(rows, size, number) for rows in pairs[number])
        fitted_with = {
            name: _rows(value, train) if _is_of_rows(value, size) else value
            for name, value in others.items()
        }
        scored = FOLDS(
            estimator,
            *(_rows(X, train), _rows(y, train), _rows(fit_weight, train)),
            *(_rows(X, test), _rows(y, test), _rows(sample_weight, test)),
            scoring=metrics,
            fit_params=fitted_with,
        )
        return {
            **_ends("train", X, train),
            **_ends("test", X, test),
            "train_rows": len(train),
            "test_rows": len(test),
            **scored,
        }

    # In threads: all use one store, with the settings of this process.
    run = joblib.Parallel(n_jobs=n_jobs or 1, require="sharedmem")
    folds = run(joblib.delayed(of_fold)(number) for number in range(len(pairs)))
    return pd.DataFrame(list(folds), index=pd.RangeIndex(len(pairs), name="fold"))


def _fit_and_score(
    estimator: Any,
    X_train: Any,
    y_train: Any,
    weight_train: Any,
    X_test: Any,
    y_test: Any,
    weight_test: Any,
    scoring: dict[str, Any],
    fit_params: dict[str, Any],
) -> dict[str, float]:
    """Fit one fold and score it. The estimator is a clone of its own."""
    from sklearn.metrics import check_scoring

    weighted = {} if weight_train is None else {"sample_weight": weight_train}
    supervised = () if y_train is None else (y_train,)
    began = time.perf_counter()
    estimator.fit(X_train, *supervised, **weighted, **fit_params)
    fitted = time.perf_counter()
    weighted = {} if weight_test is None else {"sample_weight": weight_test}
    scores = {
        name: float(check_scoring(estimator, scoring=scorer)(estimator, X_test, y_test, **weighted))
        for name, scorer in scoring.items()
    }
    ended = time.perf_counter()
    return {"fit_seconds": fitted - began, "score_seconds": ended - fitted, **scores}


_NAME = "cross_validate_cached"
FOLDS = CrossValidatedFunction(_fit_and_score, Options(version=_VERSION), called=_NAME)


#: The other columns.
_TAKEN = frozenset(
    {f"{rows}_{what}" for rows in ("train", "test") for what in ("start", "end", "rows")}
    | {"fit_seconds", "score_seconds"}
)


def _metrics(scoring: Any) -> dict[str, Any]:
    """Column -> scorer."""
    if isinstance(scoring, Mapping):
        metrics = dict(scoring)
    elif scoring is None or isinstance(scoring, str) or callable(scoring):
        metrics = {"score": scoring}
    else:
        metrics = {name: name for name in scoring}
    taken = sorted(_TAKEN & metrics.keys())
    if taken:
        raise ConfigurationError(
            f"a score cannot be called {', '.join(taken)}, which is another column; name it "
            "otherwise"
        )
    return metrics


def _check_estimator(estimator: Any) -> None:
    if isinstance(estimator, type):
        raise ConfigurationError(
            f"the estimator is the class {estimator.__qualname__}; give an instance of it, "
            f"{estimator.__qualname__}(...)"
        )
    if not is_estimator(estimator):
        raise ConfigurationError(
            f"{type(estimator).__qualname__} is no estimator: it has no fit() and get_params()"
        )


def _length(rows: Any) -> int:
    shape = getattr(rows, "shape", None)
    return int(shape[0]) if shape else len(rows)


def _is_of_rows(value: Any, size: int) -> bool:
    is_array = hasattr(value, "shape") or isinstance(value, list | tuple)
    return is_array and _length(value) == size


def _positions(rows: Any, size: int, fold: int) -> Any:
    import numpy as np

    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    if not rows.size:
        raise ConfigurationError(f"fold {fold} has no rows to train or to test on")
    if rows.min() < 0 or rows.max() >= size:
        raise ConfigurationError(
            f"fold {fold} leads to row {rows.max() if rows.max() >= size else rows.min():,}, but "
            f"there are {size:,}; were the splits made of other data?"
        )
    return rows


def _rows(values: Any, positions: Any) -> Any:
    """Some rows, whatever they are in; their index does not know that it was regular."""
    import numpy as np
    import pandas as pd

    if values is None:
        return None
    if not isinstance(values, pd.DataFrame | pd.Series):
        return (values if hasattr(values, "shape") else np.asarray(values))[positions]
    part = values.iloc[positions]
    if getattr(part.index, "freq", None) is not None and not isinstance(part.index, pd.PeriodIndex):
        # Rows that are added later may end the regularity, and this fold would look like another.
        irregular: Any = part.index.copy()
        irregular.freq = None
        part = part.set_axis(irregular)
    return part


def _ends(name: str, X: Any, positions: Any) -> dict[str, Any]:
    index = getattr(X, "index", None) if hasattr(X, "iloc") else None  # a list has a method index
    first, last = positions.min(), positions.max()
    ends = (first, last) if index is None else (index[first], index[last])
    return {f"{name}_start": ends[0], f"{name}_end": ends[1]}
