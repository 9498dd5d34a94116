"""What a test may ask of its cached calls, checked before anything runs.

The arguments of ``afml_cache.expect(...)`` and of ``@pytest.mark.afml_cache(...)`` alike.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_afml.options import MODES

#: What the marker takes, each with what it may be.
MARKER_ARGUMENTS = {
    "min_hit_rate": "a share above 0, at most 1",
    "max_misses": "a whole number from 0",
    "only": "a cached function, or a list of them",
    "mode": f"one of {', '.join(MODES)}",
}

#: So many wrappers around a decorated function are looked through.
_LAYERS = 100


class LimitError(ValueError):
    """An argument that the plugin cannot work with."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is expected; None: anything. ``only`` has the identities of the functions that count."""

    hits: int | None = None
    misses: int | None = None
    min_hit_rate: float | None = None
    max_misses: int | None = None
    only: frozenset[str] | None = None

    def __bool__(self) -> bool:
        asked = (self.hits, self.misses, self.min_hit_rate, self.max_misses)
        return any(one is not None for one in asked)


def limits(
    *,
    hits: object = None,
    misses: object = None,
    min_hit_rate: object = None,
    max_misses: object = None,
    only: object = None,
) -> Limits:
    """Check what is expected.

    Raises
    ------
    LimitError
        A value is of the wrong type or out of its range.
    """
    return Limits(
        hits=_count("hits", hits),
        misses=_count("misses", misses),
        min_hit_rate=_share("min_hit_rate", min_hit_rate),
        max_misses=_count("max_misses", max_misses),
        only=None if only is None else identities(only),
    )


def marker_limits(arguments: Mapping[str, Any], positional: Iterable[Any] = ()) -> Limits:
    """Check the arguments of a marker; ``mode`` is checked and not part of the answer.

    Raises
    ------
    LimitError
        It says what is allowed.
    """
    allowed = "; ".join(f"{name}: {what}" for name, what in MARKER_ARGUMENTS.items())
    unknown = [name for name in arguments if name not in MARKER_ARGUMENTS]
    extra = list(positional)
    if extra or unknown:
        what = f"the argument {unknown[0]!r}" if unknown else f"{extra[0]!r} without a name"
        raise LimitError(f"@pytest.mark.afml_cache does not take {what}. It takes {allowed}")
    mode = arguments.get("mode")
    if mode is not None and mode not in MODES:
        raise LimitError(f"@pytest.mark.afml_cache: mode is {mode!r}. It takes {allowed}")
    try:
        asked = limits(**{name: value for name, value in arguments.items() if name != "mode"})
    except LimitError as error:
        raise LimitError(f"@pytest.mark.afml_cache: {error}. It takes {allowed}") from error
    if asked.only is not None and not asked:
        raise LimitError(
            "@pytest.mark.afml_cache: 'only' without a limit checks nothing; add min_hit_rate or "
            "max_misses"
        )
    return asked


def identities(functions: object) -> frozenset[str]:
    """The identities of one cached function or several."""
    several = isinstance(functions, list | tuple | set | frozenset)
    if several and not functions:
        raise LimitError("only names no function; leave it out, or name one")
    found: Iterable[object] = functions if several else [functions]  # type: ignore[assignment]
    return frozenset(map(identity, found))


def identity(function: object) -> str:
    """What the cache knows a function by: ``module.qualname``; a text is taken as it is.

    Raises
    ------
    LimitError
        It is not cached, so no call of it can ever be seen.
    """
    if isinstance(function, str):
        return function
    found: Any = function
    for _ in range(_LAYERS):
        if found is None:
            break
        name = vars(type(found)).get("identity") and found.identity
        if isinstance(name, str):
            return name
        if isinstance(found, functools.partial):
            found = found.func
        else:
            found = getattr(found, "__func__", None) or getattr(found, "__wrapped__", None)
    name = getattr(function, "__qualname__", None) or repr(function)
    raise LimitError(
        f"{name} is not cached: it is under none of @robust_cacheable, @time_aware_cacheable and "
        "@cacheable, so no call of it can be seen"
    )


def _count(name: str, value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise LimitError(f"{name} is {value!r}; it has to be a whole number from 0")
    return value


def _share(name: str, value: object) -> float | None:
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.0 < float(value) <= 1.0:  # type: ignore[arg-type]
        raise LimitError(f"{name} is {value!r}; it has to be a share above 0, at most 1, as 0.9")
    return float(value)  # type: ignore[arg-type]
