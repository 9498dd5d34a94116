"""A cached function that returns data, and notes which dates each call touched."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from afml_cache import notices
from afml_cache.attempt import Options
from afml_cache.cacheable_functions import reduce_cached
from afml_cache.data_access.caller import Caller, user_frame
from afml_cache.data_access.purposes import checked_name
from afml_cache.data_access.stretches import stretches_of
from afml_cache.data_access.tracker import tracker
from afml_cache.errors import ConfigurationError
from afml_cache.keys.extent import extents_of, union
from afml_cache.keys.ranges import DateParameters, parameters_of
from afml_cache.memo import CachedFunction

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class TrackedFunction(CachedFunction[P, R_co]):
    """A cached function that returns data, and notes which dates each call touched.

    Parameters
    ----------
    function : callable
    options : Options
    dataset, purpose : str
        May name parameters: ``"prices/{symbol}"``.
    """

    __slots__ = ("_dataset", "_purpose")

    def __init__(
        self, function: Callable[P, R_co], options: Options, dataset: str, purpose: str
    ) -> None:
        super().__init__(function, options)
        self._dataset = dataset
        self._purpose = purpose

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        result = super().__call__(*args, **kwargs)
        if self._is_async:
            return self._awaited(result, args, kwargs, user_frame(self._wrapped))  # type: ignore[return-value]
        self._note(result, args, kwargs, user_frame(self._wrapped))
        return result

    async def _awaited(self, pending: Any, args: Any, kwargs: Any, by: Caller) -> Any:
        result = await pending
        self._note(result, args, kwargs, by)
        return result

    def _note(self, result: object, args: Any, kwargs: Any, by: Caller) -> None:
        try:
            values = self._binder.bind(args, kwargs)
            dataset = _filled(self._dataset, values)
            purpose = _filled(self._purpose, values).lower()
            dates = self._options.dates or DateParameters()
            extents = stretches_of(result)
            if not extents:
                hull = union(extents_of(values, dates).values())
                extents = [] if hull is None else [hull]
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            notices.warn_once(
                ("access_note", self._identity),
                f"what {self._identity}() touched of {self._dataset} is not noted "
                f"({type(error).__name__}: {error})",
            )
            return
        if not extents:
            notices.warn_once(
                ("access_undated", self._identity),
                f"{self._identity}() shows no dates, so what it touched of {dataset} is not noted: "
                "neither what it returns has an index of dates, nor its arguments; name them with "
                "ranges=('first', 'last'), or call log_data_access() yourself",
            )
            return
        tracker.count(dataset, purpose, extents, by)

    def __reduce__(self) -> str | tuple[Any, ...]:
        parts = (self._wrapped, self._options, self._dataset, self._purpose)
        return reduce_cached(self, TrackedFunction, parts)


def check_placeholders(what: str, name: str, function: Callable[..., Any]) -> None:
    """Refuse a name with a placeholder that no parameter of the function fills.

    Raises
    ------
    ConfigurationError
        It names what is no parameter, or its braces do not match.
    """
    parameters = parameters_of(function)
    called = getattr(function, "__qualname__", repr(function))
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(name) if field is not None]
    except ValueError as error:
        raise ConfigurationError(
            f"{what}={name!r} of {called}(): {error}; a placeholder is the name of a parameter in "
            "braces, as in 'prices/{symbol}'"
        ) from error
    named = [re.split(r"[.\[]", field)[0] for field in fields]
    unknown = [one for one in named if one not in parameters]
    if unknown:
        raise ConfigurationError(
            f"{what}={name!r} names {', '.join(map(repr, unknown))}, but {called}() has the "
            f"parameters {', '.join(parameters) or '(none)'}"
        )


def _filled(name: str, values: dict[str, Any]) -> str:
    """A name with the arguments of a call in it."""
    return checked_name("name", name.format_map(values)) if "{" in name else name
