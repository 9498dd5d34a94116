"""Which parameters of a function are ranges of dates: ``start`` and ``end``, say.

They are recognised by their names, in pairs, or declared by whoever decorates the function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from afml_cache.errors import ConfigurationError

#: The pairs of names that are recognised.
PAIRS: Final = (
    ("start", "end"),
    ("start_date", "end_date"),
    ("since", "until"),
    ("from_date", "to_date"),
)


@dataclass(frozen=True, slots=True)
class DateParameters:
    """Where the dates of one function's calls are.

    Parameters
    ----------
    pairs : tuple of (str, str)
        Names of parameters: the beginning of a range and its end. Where the function takes
        ``**kwargs``, some may only come with a call.
    var_positional, var_keyword : str or None
        The names of ``*args`` and ``**kwargs``.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    var_positional: str | None = None
    var_keyword: str | None = None


def date_parameters(function: Callable[..., Any], declared: object = None) -> DateParameters:
    """Find the range parameters of a function, or take the declared ones in their place.

    Parameters
    ----------
    function : callable
    declared : pair of str, or sequence of pairs, optional
        As :func:`~afml_cache.time_aware_cacheable` takes it in ``ranges``.

    Raises
    ------
    ConfigurationError
        ``declared`` is no pair of names and no sequence of pairs, or the function has no such
        parameter and takes no ``**kwargs``.
    """
    kinds = inspect.Parameter
    names, var_positional, var_keyword = [], None, None
    for parameter in parameters_of(function).values():
        if parameter.kind is kinds.VAR_POSITIONAL:
            var_positional = parameter.name
        elif parameter.kind is kinds.VAR_KEYWORD:
            var_keyword = parameter.name
        else:
            names.append(parameter.name)
    if declared is None:
        pairs = tuple(p for p in PAIRS if var_keyword or p[0] in names or p[1] in names)
        return DateParameters(pairs, var_positional, var_keyword)
    pairs = _pairs(declared)
    unknown = [name for pair in pairs for name in pair if name not in names]
    if unknown and var_keyword is None:
        called = getattr(function, "__qualname__", repr(function))
        raise ConfigurationError(
            f"ranges= names {', '.join(dict.fromkeys(unknown))}, but {called}() has the parameters "
            f"{', '.join(names) or '(none)'}"
        )
    return DateParameters(pairs, var_positional, var_keyword)


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function; those of ``(*args, **kwargs)`` where it does not say."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return inspect.signature(_unknown).parameters


def _pairs(declared: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(declared, list | tuple):
        one = bool(declared) and all(isinstance(name, str) for name in declared)
        pairs = [declared] if one else declared
        if all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and all(isinstance(name, str) for name in pair)
            for pair in pairs
        ):
            return tuple((pair[0], pair[1]) for pair in pairs)
    raise ConfigurationError(
        f'ranges={declared!r} is not understood; give two names of parameters, ("start", "end"), '
        'or several such pairs, [("start", "end"), ("train_start", "train_end")]'
    )


def _unknown(*args: Any, **kwargs: Any) -> None:
    """The signature of a function that has none of its own."""
