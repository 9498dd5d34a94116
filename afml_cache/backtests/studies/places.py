"""Which parameter of a function gets which name of a combination."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache.errors import ConfigurationError

_POSITIONAL = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
_NAMED = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
#: Who has such a default, or says to be such, is given no dict.
_SCALARS = (int, float, complex, str, bytes)
_SCALAR_NAMES = frozenset(kind.__name__ for kind in (*_SCALARS, bool))


@dataclass(frozen=True, slots=True)
class Places:
    """The parameters of a function that come after its data.

    Attributes
    ----------
    shown : str
        The function as it is to be called.
    named : frozenset of str
        Those that can be given by name.
    for_dict : tuple of str
        Those that may be given a dict of parameters, in their order.
    first : str
        The first that is given by position; empty: there is none.
    takes_more : bool
        Whether further positional arguments are taken (``*args``).
    takes_any : bool
        Whether any name is taken (``**params``).
    """

    shown: str = ""
    named: frozenset[str] = frozenset()
    for_dict: tuple[str, ...] = ()
    first: str = ""
    takes_more: bool = False
    takes_any: bool = False

    def given(
        self, combination: Mapping[str, Any], fixed: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What a call is given of a combination, by position and by name.

        By name what the function has as parameters of its own; the rest as one dict.

        Raises
        ------
        ConfigurationError
            There is no place for the rest.
        """
        by_name = {name: value for name, value in combination.items() if name in self.named}
        rest = {name: value for name, value in combination.items() if name not in self.named}
        if by_name and not rest:
            return (), by_name
        place = next((p for p in self.for_dict if p not in by_name and p not in fixed), None)
        if place is not None and place == self.first:
            return (rest,), by_name
        if place is not None:
            return (), {**by_name, place: rest}
        if self.takes_any:
            return (), {**by_name, **rest}
        if self.takes_more:
            return (rest,), by_name
        if rest:
            raise ConfigurationError(
                f"no parameter of {self.shown} takes {', '.join(map(repr, rest))}: give its own by "
                "name, or have it take a dict of them (params)"
            )
        return (), by_name


def places_of(function: Callable[..., Any], before: int) -> Places:
    """The places of a function after so many arguments (an instance, and windows of the data)."""
    signature = inspect.signature(function)
    places = list(signature.parameters.values())[before:]
    kinds = {one.kind for one in places}
    positional = [one for one in places if one.kind in _POSITIONAL]
    return Places(
        _shown(function, signature),
        frozenset(one.name for one in places if one.kind in _NAMED),
        tuple(one.name for one in positional if _may_be_dict(one)),
        positional[0].name if positional else "",
        inspect.Parameter.VAR_POSITIONAL in kinds,
        inspect.Parameter.VAR_KEYWORD in kinds,
    )


def check_call(
    function: Callable[..., Any],
    call: tuple[tuple[Any, ...], Mapping[str, Any]],
    combination: Mapping[str, Any],
    fixed: Mapping[str, Any],
) -> None:
    """See that a function can be called so, before anything is computed.

    Raises
    ------
    ConfigurationError
        It cannot, or a name is given twice.
    """
    signature = inspect.signature(function)
    twice = [name for name in combination if name in fixed]
    if twice:
        raise ConfigurationError(
            f"{', '.join(map(repr, twice))} stands among the parameters that are tried, and is "
            f"given to the study as well ({twice[0]}={fixed[twice[0]]!r}): leave one of them out"
        )
    try:
        signature.bind(*call[0], **call[1])
    except TypeError as error:
        names = ", ".join(map(repr, [*combination, *fixed])) or "no parameters"
        raise ConfigurationError(
            f"{_shown(function, signature)} cannot be called with {names}: {error}. Parameters of "
            "its own are given by name, and others together as a dict (params)"
        ) from error


def _shown(function: Callable[..., Any], signature: inspect.Signature) -> str:
    bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
    named = getattr(function, "__qualname__", repr(function))
    return f"{named}{inspect.Signature(bare)}"


def _may_be_dict(parameter: inspect.Parameter) -> bool:
    if isinstance(parameter.default, _SCALARS):
        return False
    said = parameter.annotation
    return (said if isinstance(said, str) else getattr(said, "__name__", "")) not in _SCALAR_NAMES
