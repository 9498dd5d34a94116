"""``@mlflow_cached``: a cached function whose computations are runs of MLflow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from afml_cache.attempt import Options
from afml_cache.bound import BoundCachedFunction
from afml_cache.cacheable_functions import reduce_cached
from afml_cache.memo import CachedFunction
from afml_cache.robust_cache_keys import decorate
from afml_cache.store.active import active
from afml_cache.tracking.given import check_text, checked_tags
from afml_cache.tracking.recorder import MlflowRecorder
from afml_cache.tracking.runs import run_of_key

if TYPE_CHECKING:
    from mlflow.entities import Run

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class MlflowCachedFunction(CachedFunction[P, R_co]):
    """A cached function whose computed calls are runs; made by :func:`mlflow_cached`."""

    __slots__ = ()

    def run_for(self, *args: P.args, **kwargs: P.kwargs) -> Run | None:
        """The run of the call that computed the result for these arguments.

        Returns
        -------
        mlflow.entities.Run or None
            None where it was never computed under this decorator.

        Raises
        ------
        TrackingError
            Its run waits in the queue, or will not be sent, or MLflow does not answer.
        TypeError, UnkeyableArgumentError
            As from :meth:`cache_key`.
        """
        key = self._key_of(self._values(args, kwargs)).digest.hex()
        return run_of_key(active(), key)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else BoundMlflowFunction(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        return reduce_cached(self, MlflowCachedFunction, (self._wrapped, self._options))


class BoundMlflowFunction(BoundCachedFunction[P, R_co]):
    """Such a method, of one instance (or class)."""

    __slots__ = ()

    def run_for(self, *args: P.args, **kwargs: P.kwargs) -> Run | None:
        """As :meth:`MlflowCachedFunction.run_for`, for this instance."""
        found: Run | None = self.__func__.run_for(self.__self__, *args, **kwargs)
        return found


class _Decorator(Protocol):
    def __call__(self, function: Callable[P, R], /) -> MlflowCachedFunction[P, R]: ...


@overload
def mlflow_cached(function: Callable[P, R], /) -> MlflowCachedFunction[P, R]: ...
@overload
def mlflow_cached(
    *,
    tags: Mapping[str, object] | None = None,
    log_model: bool = True,
    log_artifacts: bool = True,
    experiment: str | None = None,
    run_name: str | None = None,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> _Decorator: ...
def mlflow_cached(
    function: Any = None,
    /,
    *,
    tags: Mapping[str, object] | None = None,
    log_model: bool = True,
    log_artifacts: bool = True,
    experiment: str | None = None,
    run_name: str | None = None,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
) -> Any:
    """Keep the results of a function under exact keys, and track each computation with MLflow.

    A computed call is one run: its parameters (bound, with defaults, dicts taken apart), its data
    as dataset inputs, the metrics of its result, its model, figures and tables. A hit makes no run;
    it is counted on the one that computed the result. Where runs go says
    :func:`setup_mlflow_cache`; what cannot be sent now waits in a queue, and the result is not
    affected. Without MLflow the function is cached, and a warning says that it is not tracked.

    Parameters
    ----------
    function : callable
        As for :func:`robust_cacheable`.
    tags : mapping, optional
        Tags of every run. They do not count in the key.
    log_model : bool, optional
        False: log no model. Else what MLflow has a flavor for (scikit-learn, xgboost, lightgbm,
        catboost, statsmodels, torch, keras) is logged, with signature and input example.
    log_artifacts : bool, optional
        False: log no figures and tables.
    experiment : str, optional
        None: the one of :func:`setup_mlflow_cache`, else as the environment says. Within a run
        that is open the run is put into that one's experiment.
    run_name : str, optional
        None: the function's name and the beginning of the key.
    ignore, version, ttl, depends_on
        As for :func:`robust_cacheable`.

    Returns
    -------
    MlflowCachedFunction
        A :class:`CachedFunction` that also has ``run_for(...)``, which gives the run of a call.

    Raises
    ------
    UncacheableFunctionError
        The function is a generator function or a class.
    ConfigurationError
        ``tags`` is no mapping, ``experiment`` or ``run_name`` no text, or as for
        :func:`robust_cacheable`.
    """
    check_text("experiment", experiment, "the one of setup_mlflow_cache")
    check_text("run_name", run_name, "the name of the function")
    recorder = MlflowRecorder(
        checked_tags(tags),
        log_model,
        log_artifacts,
        experiment,
        run_name,
    )

    def make(target: Any, options: Options) -> MlflowCachedFunction[..., Any]:
        return MlflowCachedFunction(target, dataclasses.replace(options, recorder=recorder))

    return decorate(function, ignore, version, ttl, depends_on, make)
