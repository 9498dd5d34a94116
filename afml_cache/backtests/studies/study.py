"""What is the same in all runs of a study, and how one call of it is made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from afml_cache.backtests.decorator import CachedBacktest, cached_backtest
from afml_cache.backtests.studies.places import Places, check_call, places_of
from afml_cache.backtests.tracked import StudyTracking
from afml_cache.bound import BoundCachedFunction
from afml_cache.errors import ConfigurationError
from afml_cache.legacy import JoblibCachedFunction
from afml_cache.memo import CachedFunction

#: The arguments of one call, by position and by name.
CallArguments = tuple[tuple[Any, ...], dict[str, Any]]
#: Rows of the data, from and to, a pair for each window that a call is given.
Rows = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Study:
    """The function, its data, and what else all calls have in common.

    Attributes
    ----------
    function : CachedFunction
    first : tuple
        What stands before the data: the instance, where the function is a method.
    fixed : dict
        Keyword arguments of every call.
    windows : int
        How many windows of the data a call is given: 1 (all of it), or 2 (training and test).
    wants_equity : bool
        Whether the equity curve of each run is wanted beside its metrics.
    places : Places
        Which parameter gets which name of a combination.
    tracking : StudyTracking, optional
        What is told of its runs, beside our own records.
    """

    function: CachedFunction[..., Any]
    data: Any
    fixed: Mapping[str, Any]
    first: tuple[Any, ...] = ()
    windows: int = 1
    wants_equity: bool = False
    places: Places = field(default_factory=Places)
    tracking: StudyTracking | None = None

    @property
    def strategy(self) -> str:
        """What the study is called."""
        function = self.function
        return function.strategy if isinstance(function, CachedBacktest) else function.identity

    def tracked(self) -> AbstractContextManager[object]:
        """For as long as a call is made: what tracks the study is told of it."""
        return nullcontext() if self.tracking is None else self.tracking.within()

    def arguments(
        self, combination: Mapping[str, Any] | None, rows: Rows | None = None
    ) -> CallArguments:
        """The arguments of the call with these parameters, on these rows of the data."""
        windows = (self.data,) if rows is None else tuple(rows_of(self.data, *one) for one in rows)
        args = (*self.first, *windows)
        if combination is None:
            return args, dict(self.fixed)
        by_position, by_name = self.places.given(combination, self.fixed)
        return (*args, *by_position), {**self.fixed, **by_name}

    def check(self, combination: Mapping[str, Any] | None, rows: Rows | None = None) -> None:
        """See that the call can be made at all; raises `ConfigurationError`."""
        call = self.arguments(combination, rows)
        check_call(self.function.__wrapped__, call, combination or {}, self.fixed)


def study_of(
    run: Any, data: Any, fixed: Mapping[str, Any], *, windows: int = 1, wants_equity: bool = False
) -> Study:
    """The study of a function; a plain one is cached under its own name.

    Raises
    ------
    ConfigurationError
        ``run`` is no function that a study can call.
    """
    first: tuple[Any, ...] = ()
    if isinstance(run, BoundCachedFunction):
        first, run = (run.__self__,), run.__func__
    if not isinstance(run, CachedFunction):
        if isinstance(run, JoblibCachedFunction):
            raise ConfigurationError(
                f"{run!r} is kept by joblib, which has no keys that a study could go by; decorate "
                "it with @cached_backtest('my_strategy') or @robust_cacheable"
            )
        name = getattr(run, "__name__", "")
        if not inspect.isfunction(run) or name == "<lambda>":
            raise ConfigurationError(
                f"{run!r} has no name to keep its runs under; give a function that is decorated "
                "with @cached_backtest('my_strategy'), or a plain one defined with def. Arguments "
                "that are always the same go to the study by name: sweep(run, data, grid, fee=0.1)"
            )
        run = cached_backtest(name)(run)
    if inspect.iscoroutinefunction(run.__wrapped__):
        raise ConfigurationError(f"{run.identity} is async def; a study calls plain functions")
    places = places_of(run.__wrapped__, len(first) + windows)
    return Study(run, data, dict(fixed), first, windows, wants_equity, places)


def rows_of(data: Any, start: int, stop: int) -> Any:
    """Some rows of a frame, series or array."""
    return data.iloc[start:stop] if hasattr(data, "iloc") else data[start:stop]
