"""``@cached_backtest``: a cached function whose runs are recorded under the name of a strategy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from afml_cache.attempt import Options
from afml_cache.backtests import tracked
from afml_cache.backtests.recorder import RunRecorder
from afml_cache.bound import BoundCachedFunction
from afml_cache.cacheable_functions import reduce_cached
from afml_cache.errors import ConfigurationError
from afml_cache.memo import CachedFunction
from afml_cache.robust_cache_keys import decorate
from afml_cache.store.active import active

if TYPE_CHECKING:
    from mlflow.entities import Run

P = ParamSpec("P")
Q = ParamSpec("Q")
S = TypeVar("S")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class CachedBacktest(CachedFunction[P, R_co]):
    """A cached function whose runs are recorded; made by :func:`cached_backtest`."""

    __slots__ = ()

    @property
    def strategy(self) -> str:
        """The name that its runs are recorded under."""
        recorder = self._options.recorder
        assert isinstance(recorder, RunRecorder)
        return recorder.strategy

    def run_for(self, *args: P.args, **kwargs: P.kwargs) -> Run | None:
        """The run in MLflow of the call that computed the result for these arguments.

        Returns
        -------
        mlflow.entities.Run or None
            None where it was not computed with ``mlflow=True``, here or in a study.

        Raises
        ------
        TrackingError
            Its run waits in the queue, or MLflow does not answer.
        TypeError, UnkeyableArgumentError
            As from :meth:`cache_key`.
        """
        key = self._key_of(self._values(args, kwargs)).digest.hex()
        return tracked.tracker().run_of_key(active(), key)

    @overload
    def __get__(self, instance: None, owner: Any = None) -> CachedBacktest[P, R_co]: ...
    @overload
    def __get__(
        self: CachedBacktest[Concatenate[S, Q], R], instance: S, owner: Any = None
    ) -> BoundBacktest[Q, R]: ...
    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else BoundBacktest(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        return reduce_cached(self, CachedBacktest, (self._wrapped, self._options))


class BoundBacktest(BoundCachedFunction[P, R_co]):
    """Such a method, of one instance (or class)."""

    __slots__ = ()

    def run_for(self, *args: P.args, **kwargs: P.kwargs) -> Run | None:
        """As :meth:`CachedBacktest.run_for`, for this instance."""
        found: Run | None = self.__func__.run_for(self.__self__, *args, **kwargs)
        return found


class _Decorator(Protocol):
    def __call__(self, function: Callable[P, R], /) -> CachedBacktest[P, R]: ...


def cached_backtest(
    name: str,
    save_trades: bool = True,
    *,
    ignore: str | Iterable[str] = (),
    version: object = None,
    ttl: float | str | timedelta | None = None,
    depends_on: object | Sequence[object] = (),
    mlflow: bool = False,
) -> _Decorator:
    """Keep the results of a backtest under exact keys, and record each run.

    Every argument counts, and every bar, and the code of the strategy with all it reaches. The
    result comes back as it went in, whatever it is. What is recorded of a run (its parameters, data
    window, metrics, trades and equity curve) outlives the cache: see :class:`BacktestCache`.

    Parameters
    ----------
    name : str
        The strategy. The same code under two names is two strategies.
    save_trades : bool, optional
        False: record metrics only. Else trades and equity curve are kept as Parquet, taken from
        ``(metrics, trades, equity)``, from the members ``trades`` and ``equity`` of a dict, from
        the ``Stats`` of the library backtesting, or from a portfolio of vectorbt.
    ignore, version, ttl, depends_on
        As for :func:`robust_cacheable`.
    mlflow : bool, optional
        True: each computed run is also one of MLflow, as with :func:`mlflow_cached`; trades and
        equity curve are its artefacts, and ``run_for(...)`` gives it.

    Returns
    -------
    callable
        The decorator. It makes a :class:`CachedFunction`, which also tells its ``strategy``.

    Raises
    ------
    ConfigurationError
        The name is no text or empty, or as for :func:`robust_cacheable`.
    UncacheableFunctionError
        The function is a generator function or a class.

    Examples
    --------
    >>> import pandas as pd
    >>> from afml_cache import cached_backtest, get_backtest_cache, use_store
    >>> @cached_backtest("moving average")
    ... def run(data, params):
    ...     held = data["close"] > data["close"].rolling(params["window"]).mean()
    ...     equity = (data["close"].pct_change() * held.shift(1, fill_value=False) + 1).cumprod()
    ...     return {"return": round(equity.iloc[-1] - 1, 3)}, None, equity
    >>> data = pd.DataFrame({"close": [10.0, 11, 12, 13, 12, 14]})
    >>> with use_store(tmp_path / "study"):
    ...     results = [run(data, {"window": window}) for window in (2, 3, 2)]
    ...     info, count = run.cache_info(), get_backtest_cache().trial_count("moving average")
    >>> info.computed, info.hits, count
    (2, 1, 2)
    """
    if not isinstance(name, str) or not name.strip():
        said = f"the strategy is named {name!r}"
        if callable(name):
            said = f"{getattr(name, '__qualname__', name)} is decorated without a strategy"
        raise ConfigurationError(f"{said}; give a text, as in @cached_backtest('my_strategy')")

    def make(target: Any, options: Options) -> CachedBacktest[..., Any]:
        other = tracked.tracker().recorder(name, save_trades) if mlflow else None
        recorder = RunRecorder(name, save_trades, other)
        return CachedBacktest(target, dataclasses.replace(options, recorder=recorder))

    strategy = ("strategy", name) if version is None else ("strategy", name, version)
    decorator: _Decorator = decorate(None, ignore, strategy, ttl, depends_on, make)
    return decorator
