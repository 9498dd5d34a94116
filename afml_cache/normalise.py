"""``dates="normalise"``: a function that receives its dates as pandas Timestamps.

What a call spells as a text, a date or a datetime is made a Timestamp before anything else
happens, so that the key, the function and a legacy cache all see the same one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from afml_cache.attempt import Options
from afml_cache.cacheable_functions import reduce_cached
from afml_cache.keys.dates import read_date
from afml_cache.keys.ranges import DateParameters, parameters_of
from afml_cache.memo import CachedFunction

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class DateNormalisedFunction(CachedFunction[P, R_co]):
    """A cached function whose range parameters are Timestamps, however they are spelled."""

    __slots__ = ("_arguments",)

    def __init__(self, function: Callable[P, R_co], options: Options) -> None:
        super().__init__(function, options)
        self._arguments = _DateArguments(function, options.dates or DateParameters())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        normal_args, normal_kwargs = self._as_called(args, kwargs)
        return super().__call__(*normal_args, **normal_kwargs)

    def _as_called(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return self._arguments.of_call(args, kwargs)

    def _values(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        return self._arguments.of_bound(super()._values(args, kwargs))

    def __reduce__(self) -> str | tuple[Any, ...]:
        return reduce_cached(self, DateNormalisedFunction, (self._wrapped, self._options))


def as_timestamp(value: object, *, is_end: bool = False) -> object:
    """A date as a Timestamp: naive, or aware in UTC; in nanoseconds, where it fits.

    What names a period (``"2021-03"``, a :class:`pandas.Period`) becomes its first instant, or
    its last one where ``is_end``. None, and what cannot be read as a date, stays as it is.

    >>> as_timestamp("2021-03"), as_timestamp("2021-03", is_end=True)
    (Timestamp('2021-03-01 00:00:00'), Timestamp('2021-03-31 23:59:59.999999999'))
    >>> as_timestamp("2021-03-01T12:00+02:00"), as_timestamp("tomorrow")
    (Timestamp('2021-03-01 10:00:00+0000', tz='UTC'), 'tomorrow')
    """
    date = read_date(value)
    if date is None:
        return value
    import numpy as np
    import pandas as pd

    instant = date.last if is_end and date.is_period else date.first
    if pd.Timestamp.min.value <= instant <= pd.Timestamp.max.value:
        stamp = pd.Timestamp(np.datetime64(instant, "ns"))
    elif -(2**63) < instant // 1000 < 2**63:
        stamp = pd.Timestamp(np.datetime64(instant // 1000, "us"))
    else:
        return value
    return stamp.tz_localize("UTC") if date.aware else stamp


class _DateArguments:
    """The range parameters of one function, by where a call may give them.

    Parameters
    ----------
    function : callable
    dates : DateParameters
        Its ranges.
    """

    __slots__ = ("_defaults", "_fillers", "_is_end", "_positions", "_var_keyword")

    def __init__(self, function: Callable[..., Any], dates: DateParameters) -> None:
        kinds = inspect.Parameter
        self._is_end: dict[str, bool] = {}
        for start, end in dates.pairs:
            self._is_end.setdefault(start, False)
            self._is_end.setdefault(end, True)
        self._var_keyword = dates.var_keyword
        self._positions: list[tuple[int, str]] = []
        #: Parameters that have a default that is a date: name, position, the date.
        self._defaults: list[tuple[str, int | None, object]] = []
        #: The defaults of positional-only parameters, by position.
        self._fillers: dict[int, object] = {}
        for position, parameter in enumerate(parameters_of(function).values()):
            name, kind = parameter.name, parameter.kind
            is_positional = kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
            if kind is kinds.POSITIONAL_ONLY:
                self._fillers[position] = parameter.default
            if name not in self._is_end or kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD):
                continue
            if is_positional:
                self._positions.append((position, name))
            if read_date(parameter.default) is not None:
                self._defaults.append(
                    (name, position if is_positional else None, parameter.default)
                )

    def of_call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call, with defaults that are dates filled in."""
        given = list(args)
        for position, name in self._positions:
            if position < len(given):
                given[position] = self._one(name, given[position])
        named = self._each(kwargs)
        for name, place, default in self._defaults:
            if place is not None and place < len(given):
                continue
            if place in self._fillers:
                fillers = [self._fillers[n] for n in range(len(given), place)]
                if inspect.Parameter.empty in fillers:
                    continue  # Python refuses this call
                given += [*fillers, self._one(name, default)]
            elif name not in named:
                named[name] = self._one(name, default)
        return tuple(given), named

    def of_bound(self, values: dict[str, Any]) -> dict[str, Any]:
        """The same for arguments that have been bound."""
        normal = self._each(values)
        if self._var_keyword is not None and self._var_keyword in normal:
            normal[self._var_keyword] = self._each(normal[self._var_keyword])
        return normal

    def _each(self, values: dict[str, Any]) -> dict[str, Any]:
        return {k: self._one(k, v) if k in self._is_end else v for k, v in values.items()}

    def _one(self, name: str, value: object) -> object:
        return as_timestamp(value, is_end=self._is_end[name])
