"""What is there already: one look a call, with the digest of the data taken once."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from afml_cache import miss, settings
from afml_cache.backtests.studies.study import Study
from afml_cache.errors import NoPlaceError, UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.keys.call import CallKey, call_key
from afml_cache.outcomes import Reason
from afml_cache.results import result_watchers
from afml_cache.store.store import Missing, Store

#: Where there is no value: the call is to be made.
NOTHING = Missing(None)


class Lookup:
    """Looks up the calls of one study."""

    def __init__(self, study: Study, store: Store) -> None:
        self._study = study
        self._store = store
        self._known = _Known([study.data, *study.fixed.values()])
        self.edited: tuple[str, ...] = ()  #: files that were edited since they were imported

    def key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallKey | None:
        """The key of a call, as the function itself would make it; None where it has none.

        None too where nothing may be looked up: the cache is off, or the function's source was
        edited since it was imported. The call itself says so.
        """
        function = self._study.function
        normal = function._as_called(args, kwargs)
        try:
            self.edited = function.fingerprint().edited
            if settings.current.mode == "off":
                return None
            values = function._counted_arguments(*normal)
            own = function.fingerprint()
            key = call_key(
                function._identity_digest, own, values, function._owner, self._known.digest_and_met
            )
        except (UnkeyableArgumentError, NoPlaceError):
            return None
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            miss.say_no_key(function.identity, error)
            return None
        self.edited = key.fingerprint.edited
        return None if self.edited else key

    def value(self, key: CallKey, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The stored value, counted and recorded as a hit; else a :class:`Missing`."""
        started = time.perf_counter()
        function, store = self._study.function, self._store
        found = store.get(key.digest)
        if type(found) is Missing:
            return found
        if function._options.ttl is not None and function._is_old(store, key):
            return Missing(Reason.EXPIRED)
        with self._study.tracked():
            if result_watchers:  # they want to be told of it as of any call
                return function(*args, **kwargs)
            function._count_hit(store, key, time.perf_counter() - started)
            if function._recorder is not None:
                function._recorder.served(function, store, key, found, args, kwargs)
        return found


class _Known:
    """Digests that are taken once: those of the objects that every call is given."""

    def __init__(self, shared: Iterable[object]) -> None:
        self._shared = {id(value): value for value in shared}
        self._digests: dict[int, tuple[bytes, list[object]]] = {}

    def digest_and_met(self, value: object, path: str) -> tuple[bytes, list[object]]:
        if id(value) not in self._shared:
            return content.digest_and_met(value, path)
        known = self._digests.get(id(value))
        if known is None:
            known = self._digests[id(value)] = content.digest_and_met(value, path)
        return known
