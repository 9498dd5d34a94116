"""A cached backtest as an objective of Optuna: a trial whose run is there costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afml_cache.backtests.decorator import CachedBacktest
from afml_cache.backtests.parts import parts_of
from afml_cache.backtests.plain import as_number
from afml_cache.backtests.run import run_id_of
from afml_cache.backtests.studies.study import study_of
from afml_cache.errors import ConfigurationError, UnkeyableArgumentError

#: ``space(trial)`` gives a combination; or name -> distribution, or a list of choices.
Space = Callable[[Any], Mapping[str, Any]] | Mapping[str, Any]


def optuna_objective(
    run: Any, data: Any, space: Space, *, metric: str | Callable[[Any], float], **fixed: Any
) -> Callable[[Any], float]:
    """What :meth:`optuna.study.Study.optimize` takes, of a backtest.

    Parameters
    ----------
    run, data, **fixed
        As for :func:`sweep`; the runs are the same, so what a sweep has computed is there.
    space : callable or mapping
        ``space(trial)`` suggests a combination of parameters; or name -> a distribution of
        ``optuna.distributions``, or a list of choices.
    metric : str or callable
        The name of a metric, or ``metric(result)``.

    Returns
    -------
    callable
        ``objective(trial)``. It notes the id of the run as the user attribute ``run_id`` of the
        trial. What the backtest raises passes through.

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
    function = study.function

    def objective(trial: Any) -> float:
        combination = dict(space(trial)) if callable(space) else _suggested(trial, space)
        study.check(combination)
        args, kwargs = study.arguments(combination)
        if isinstance(function, CachedBacktest):
            try:
                run_id = run_id_of(study.strategy, function.cache_key(*args, **kwargs))
            except UnkeyableArgumentError:  # which the call itself tells of
                pass
            else:
                trial.set_user_attr("run_id", run_id)
        result = function(*args, **kwargs)
        return float(metric(result)) if callable(metric) else _metric(result, metric)

    return objective


def _suggested(trial: Any, space: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _suggest(trial, name, domain) for name, domain in space.items()}


def _suggest(trial: Any, name: str, domain: Any) -> Any:
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
