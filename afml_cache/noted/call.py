"""The exact key of a call under ``@cacheable``, to be noted beside joblib's.

It is the key that the same call of the same function has under ``@robust_cacheable``; and what
that would not have stored (the function raised, or changed its argument) is noted as such.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from afml_cache import miss, notices
from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.keys.arguments import owner_of
from afml_cache.keys.call import Binder, CallKey, call_key, identity_digest
from afml_cache.keys.code import FunctionCode, function_identity
from afml_cache.noted.keys import note
from afml_cache.store.store import Store


class ExactKeys:
    """Makes the exact keys of one function's calls.

    Parameters
    ----------
    function : callable
        The undecorated function.
    ignore : iterable of str
        Parameters that do not count, as joblib names them.
    """

    def __init__(self, function: Callable[..., Any], ignore: Iterable[str]) -> None:
        self.identity = function_identity(function)
        self._digest = identity_digest(self.identity)
        self._function = function
        self._ignore = tuple(ignore)
        self._owner = owner_of(function)
        self._binder: Binder | None = None
        self._code = FunctionCode(function)

    def of_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ExactCall:
        """Key one call, before it is made; never raises."""
        try:
            if self._binder is None:
                self._binder = Binder(self._function, parameters(self._function, self._ignore))
            values = self._binder.bind(args, kwargs)
            key = call_key(self._digest, self._code.current(), values, self._owner)
            if not key.fingerprint.edited:
                return ExactCall(self.identity, key, values, miss.attributes_before(values))
        except UnkeyableArgumentError:
            pass  # noted as such
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            notices.warn_once(
                ("noting", self.identity),
                f"a call of {self.identity}() is noted without its exact key, which could not be "
                f"made ({type(error).__name__}: {error}). Please report it",
            )
        return ExactCall(self.identity, None, {}, {})


class ExactCall:
    """One call and its exact key."""

    __slots__ = ("_before", "_function", "_key", "_values")

    def __init__(
        self,
        function: str,
        key: CallKey | None,
        values: dict[str, Any],
        before: dict[str, frozenset[str]],
    ) -> None:
        self._function = function
        self._key = key
        self._values = values
        self._before = before

    def note(
        self,
        store: Store,
        joblib_hash: str | None,
        *,
        hit: bool = False,
        raised: bool = False,
        barred: bool = False,
    ) -> None:
        """Note it, now that joblib has answered; as :func:`afml_cache.noted.keys.note`."""
        if not (hit or raised or barred) and self._key is not None:
            barred = self._changed(self._key)
        note(
            store,
            self._function,
            self._key,
            joblib_hash=joblib_hash,
            hit=hit,
            raised=raised,
            barred=barred,
        )

    def _changed(self, key: CallKey) -> bool:
        """Whether the function changed an argument that it was given."""
        try:
            return any(
                content.digest(value, name) != key.arguments[name]
                and self._digest_of_what_was(name, value) != key.arguments[name]
                for name, value in self._values.items()
            )
        except Exception:  # noqa: BLE001 - it had a key before the call
            return True

    def _digest_of_what_was(self, name: str, value: Any) -> bytes | None:
        """The digest without attributes that are new, which a ``cached_property`` may add."""
        if name not in self._before:
            return None
        return content.digest(miss.without_new(value, self._before[name]), name)


def parameters(function: Callable[..., Any], ignore: Iterable[str]) -> list[str]:
    """The names of parameters for what joblib ignores: it calls ``*args`` and ``**kwargs`` so."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some functions written in C do not say
        parameters = inspect.signature(lambda: None).parameters.values()
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
    named = {stars.get(p.kind.name, p.name): p.name for p in parameters}
    return [named[name] for name in ignore if name in named]
