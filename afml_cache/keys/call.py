"""A call -> its :class:`CallKey`: function, code, and one digest for each argument.

Arguments are bound first and defaults applied, so ``f(1, y=2)`` is ``f(x=1, y=2)``. A call
that does not fit the signature is keyed as it was written; Python's own TypeError follows
when the function is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache.errors import ConfigurationError
from afml_cache.keys import content
from afml_cache.keys.arguments import Owner, with_arguments
from afml_cache.keys.code import Fingerprint

#: Types whose values are equal exactly when their digests are (but for ``0.0`` and ``-0.0``).
SIMPLE_TYPES = frozenset({int, float, str, bool, bytes, type(None)})

#: As :func:`afml_cache.keys.content.digest_and_met`.
DigestAndMet = Callable[[object, str], tuple[bytes, list[object]]]


@dataclass(frozen=True, slots=True)
class CallKey:
    """The key of one call.

    ``digest`` addresses the entry; ``arguments_digest`` leaves function and code out, so that
    entries of the same arguments under other code can be found. ``fingerprint`` is that of the
    function and of the code that its arguments bring along, ``own`` that of the function alone.
    """

    digest: bytes
    arguments_digest: bytes
    arguments: Mapping[str, bytes]
    fingerprint: Fingerprint
    own: Fingerprint


class Binder:
    """The signature of one function, prepared for binding many calls.

    Parameters
    ----------
    function : callable
        The undecorated function.
    ignore : iterable of str
        Parameters that do not count in the key.

    Raises
    ------
    ConfigurationError
        ``ignore`` names a parameter that the function does not have.
    """

    __slots__ = (
        "_counted",
        "_defaults",
        "_keywords",
        "_positional",
        "_size",
        "_var_keyword",
        "_var_positional",
        "ignore",
    )

    def __init__(self, function: Callable[..., Any], ignore: Iterable[str] = ()) -> None:
        try:
            parameters: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
        except ValueError:  # some functions written in C do not say
            parameters = inspect.signature(_unknown).parameters
        kinds = inspect.Parameter
        self.ignore = frozenset([ignore] if isinstance(ignore, str) else ignore)
        unknown = self.ignore - parameters.keys()
        if unknown:
            name = getattr(function, "__qualname__", repr(function))
            raise ConfigurationError(
                f"ignore= names {', '.join(sorted(unknown))}, but {name}() has the parameters "
                f"{', '.join(parameters) or '(none)'}"
            )
        by_kind: dict[Any, list[str]] = {}
        for parameter in parameters.values():
            by_kind.setdefault(parameter.kind, []).append(parameter.name)
        both = by_kind.get(kinds.POSITIONAL_OR_KEYWORD, [])
        self._positional = (*by_kind.get(kinds.POSITIONAL_ONLY, ()), *both)
        self._keywords = frozenset((*both, *by_kind.get(kinds.KEYWORD_ONLY, ())))
        self._var_positional = next(iter(by_kind.get(kinds.VAR_POSITIONAL, ())), None)
        self._var_keyword = next(iter(by_kind.get(kinds.VAR_KEYWORD, ())), None)
        self._defaults = {
            p.name: p.default for p in parameters.values() if p.default is not kinds.empty
        }
        self._size = len(self._positional) + len(by_kind.get(kinds.KEYWORD_ONLY, ()))
        self._counted = tuple(name for name in parameters if name not in self.ignore)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Name -> value for every parameter that counts, in the order of the signature."""
        values = self._all_values(args, kwargs)
        if values is None:
            return {"(args)": args, "(kwargs)": dict(kwargs)}
        return {name: values[name] for name in self._counted}

    def _all_values(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        values = dict(zip(self._positional, args, strict=False))
        surplus = args[len(self._positional) :]
        if surplus and self._var_positional is None:
            return None
        others = {}
        for name, value in kwargs.items():
            if name in self._keywords:
                if name in values:
                    return None
                values[name] = value
            elif self._var_keyword is not None:
                others[name] = value
            else:
                return None
        if len(values) < self._size:
            values = {**self._defaults, **values}
            if len(values) < self._size:
                return None
        if self._var_positional is not None:
            values[self._var_positional] = surplus
        if self._var_keyword is not None:
            values[self._var_keyword] = others
        return values


def _unknown(*args: Any, **kwargs: Any) -> None:
    """The signature of a function that has none of its own."""


def call_key(
    identity: bytes,
    fingerprint: Fingerprint,
    values: Mapping[str, Any],
    owner: Owner | None = None,
    digest_and_met: DigestAndMet = content.digest_and_met,
) -> CallKey:
    """Key the bound arguments of one call to a method of ``owner``, or to a function.

    ``digest_and_met`` may know some values already, of many calls with the same data.

    Raises
    ------
    UnkeyableArgumentError
        An argument, or a part of it, has no key.
    """
    arguments: dict[str, bytes] = {}
    met: list[object] = []
    for name, value in values.items():
        arguments[name], found = digest_and_met(value, name)
        met += found
    arguments_digest = combine(arguments)
    own, fingerprint = fingerprint, with_arguments(fingerprint, values, met, owner)
    return CallKey(
        xxh3_128_digest(
            b"".join((identity, fingerprint.code, fingerprint.environment, arguments_digest))
        ),
        arguments_digest,
        arguments,
        fingerprint,
        own,
    )


def combine(arguments: Mapping[str, bytes]) -> bytes:
    """One digest (16 bytes) for all named argument digests."""
    parts = []
    for name, digest in arguments.items():
        text = name.encode()
        parts += [len(text).to_bytes(4, "little"), text, digest]
    return xxh3_128_digest(b"".join(parts))


def identity_digest(function: str) -> bytes:
    """The share of a function's name in its keys (16 bytes)."""
    return xxh3_128_digest(function.encode("utf-8", "surrogatepass"))


def is_simple(args: tuple[Any, ...]) -> bool:
    """Whether the call can be remembered by its argument values themselves.

    >>> is_simple((1, "a")), is_simple((0.0,)), is_simple(([1],))
    (True, False, False)
    """
    # Zeros: 0.0 == -0.0, but they are two keys.
    return all(type(a) in SIMPLE_TYPES and not (type(a) is float and a == 0.0) for a in args)
