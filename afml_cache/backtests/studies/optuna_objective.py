"""A cached backtest as an objective of Optuna: a trial whose run is there costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from afml_cache.backtests.decorator import CachedBacktest
from afml_cache.backtests.parts import parts_of
from afml_cache.backtests.plain import as_number
from afml_cache.backtests.run import run_id_of
from afml_cache.backtests.studies.copies import Copies
from afml_cache.backtests.studies.failures import FailedCall, call_of, record_failures
from afml_cache.backtests.studies.lookup import Lookup
from afml_cache.backtests.studies.outcome import failure_of
from afml_cache.backtests.studies.study import Study, study_of
from afml_cache.errors import ConfigurationError
from afml_cache.store.active import active
from afml_cache.store.store import Missing

#: ``space(trial)`` gives a combination; or name -> distribution, or a list of choices.
Space = Callable[[Any], Mapping[str, Any]] | Mapping[str, Any]
#: A metric by name or of a result; several for a study with several directions.
Metric = str | Sequence[str] | Callable[[Any], float | Sequence[float]]


def optuna_objective(
    run: Any, data: Any, space: Space, *, metric: Metric, **fixed: Any
) -> Callable[[Any], Any]:
    """What :meth:`optuna.study.Study.optimize` takes, of a backtest.

    Parameters
    ----------
    run, data, **fixed
        As for :func:`sweep`; the runs are the same, so what a sweep has computed is there.
    space : callable or mapping
        ``space(trial)`` suggests a combination of parameters; or name -> a distribution of
        ``optuna.distributions``, or a list of choices.
    metric : str, list of str or callable
        The name of a metric, or ``metric(result)``. Of a study with several directions, their
        names in that order, or a function that returns as many numbers.

    Returns
    -------
    callable
        ``objective(trial)``. It notes the id of the run as the user attribute ``run_id`` of the
        trial. What the backtest raises passes through, and stands in :func:`failed_runs`.

    Raises
    ------
    ConfigurationError
        ``run`` cannot be used; when called, the result has no such metric.

    Examples
    --------
    >>> from afml_cache import cached_backtest, optuna_objective
    >>> @cached_backtest("parabola")
    ... def run(data, params):
    ...     return {"loss": (params["x"] - data) ** 2}
    >>> objective = optuna_objective(run, 2.0, {"x": [1.0, 2.0, 3.0]}, metric="loss")
    """
    study = study_of(run, data, fixed)

    def objective(trial: Any) -> Any:
        combination = dict(space(trial)) if callable(space) else _suggested(trial, space)
        return _numbers(_result(study, trial, combination), metric)

    return objective


def _result(study: Study, trial: Any, combination: dict[str, Any]) -> Any:
    """What the backtest returns, with the digest of the data taken once where it is there."""
    study.check(combination)
    call = study.arguments(combination)
    store, function = active(), study.function
    lookup = Lookup(study, store)
    key = lookup.key(*call)
    if key is None:  # the call itself says why
        return _called(study, combination)
    if isinstance(function, CachedBacktest):
        trial.set_user_attr("run_id", run_id_of(study.strategy, key.digest))
    known = call_of(study.strategy, function.identity, key)
    value = lookup.value(key, *call)
    if type(value) is Missing:
        try:
            value = _called(study, combination)
        except Exception as error:
            names = study.strategy, function.identity
            failed = FailedCall(known, *names, combination, failure_of(error))
            record_failures(store, [failed], [known])
            raise
    record_failures(store, [], [known])
    return value


def _called(study: Study, combination: dict[str, Any]) -> Any:
    # With data of its own, which it may change without any other trial seeing it.
    args, kwargs = Copies(study).lend().arguments(combination)
    return study.function(*args, **kwargs)


def _suggested(trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _suggest(trial, name, domain) for name, domain in space.items()}


def _suggest(trial: Any, name: str, domain: Any) -> Any:
    if type(domain) is tuple and [type(one) in (int, float) for one in domain] == [True, True]:
        raise ConfigurationError(
            f"the space has {name!r}: {domain!r}, which may be a range or two choices; give "
            f"optuna.distributions.{'Int' if type(domain[0]) is int else 'Float'}Distribution"
            f"{domain!r}, or the list {list(domain)!r}"
        )
    if isinstance(domain, list | tuple):
        return trial.suggest_categorical(name, domain)
    kind = type(domain).__name__
    if kind == "CategoricalDistribution":
        return trial.suggest_categorical(name, domain.choices)
    if kind == "IntDistribution":
        step = domain.step or 1
        return trial.suggest_int(name, domain.low, domain.high, step=step, log=domain.log)
    if kind == "FloatDistribution":
        return trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)
    raise ConfigurationError(
        f"the space has {name!r}: {domain!r}; give a list of choices, or a distribution of "
        "optuna.distributions (IntDistribution(5, 50))"
    )


def _numbers(result: Any, metric: Metric) -> Any:
    """One number, or as many as there are directions."""
    if callable(metric):
        value = metric(result)
        return tuple(map(float, value)) if isinstance(value, Sequence) else float(value)
    if isinstance(metric, str):
        return _metric(result, metric)
    return tuple(_metric(result, name) for name in metric)


def _metric(result: Any, name: str) -> float:
    metrics = parts_of(result).metrics
    number = as_number(metrics.get(name))
    if number is None:
        numbers = [one for one, value in metrics.items() if as_number(value) is not None]
        raise ConfigurationError(
            f"the result has no metric {name!r} that is a number; there are "
            f"{', '.join(map(repr, numbers)) or 'none'}"
        )
    return float(number)
