"""A miss, served from what the old decorator has stored, if there is anything to serve."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from typing import Any

from afml_cache import miss, notices, settings
from afml_cache.adoption import pins
from afml_cache.adoption.look import Adopted, Legacy, Refused, adopt, preview, roots
from afml_cache.adoption.records import Records
from afml_cache.errors import CacheWarning
from afml_cache.joblib_memory.layout import joblib_location, keys_of
from afml_cache.keys.call import CallKey
from afml_cache.keys.extent import Period
from afml_cache.keys.origin import origin_of
from afml_cache.keys.ranges import DateParameters
from afml_cache.outcomes import Reason
from afml_cache.store.store import Store

__all__ = ["KNOWN_CODE", "Adopted", "Refused", "bar", "has_legacy", "preview", "serve"]

#: Reasons that tell of the same arguments under other code: they say more than a refusal.
KNOWN_CODE = frozenset({Reason.CODE, Reason.ENVIRONMENT})


def has_legacy(store: Store) -> bool:
    """Whether there is any place at all that something could be adopted from."""
    in_force = settings.current
    if not in_force.adopt:
        return False
    # Not Path.is_dir, which raises where the directory may not be entered.
    return bool(in_force.adopt_from) or os.path.isdir(joblib_location(store))  # noqa: PTH112


def serve(
    store: Store,
    call: Legacy,
    key: CallKey,
    values: Mapping[str, Any],
    *,
    missed: Reason,
    dates: DateParameters | None,
) -> Adopted | Refused | None:
    """joblib's result of a call, sealed into the store and counted; or why it is not used.

    Parameters
    ----------
    store : Store
    call : Legacy
        The call as it was written.
    key : CallKey
        Its key.
    values : mapping
        Its bound arguments.
    missed : Reason
        Why the store has nothing.
    dates : DateParameters, optional
        Of a function that notes the stretches of time that its arguments cover.
    """
    try:
        answer = adopt(store, call, code_is_known=missed in KNOWN_CODE)
    except (OSError, sqlite3.Error) as error:
        notices.warn_once(
            ("adoption", str(store.directory), str(error)),
            f"what @cacheable has stored of {call.identity}() is not adopted, since its folder or "
            f"the records in {Records(store).path.parent} cannot be used ({error}); see that "
            "they can be read and written to, and move adoption.sqlite away if it is damaged",
        )
        return None
    except CacheWarning:  # the program has made errors of warnings
        raise
    except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
        notices.warn_once(
            ("adoption_failed", call.identity),
            f"what @cacheable has stored of {call.identity}() is not adopted, since looking for "
            f"it failed ({type(error).__name__}: {error}). Please report it",
        )
        return None
    if isinstance(answer, Adopted):
        miss.keep_adopted(
            store,
            call.identity,
            key,
            values,
            answer.value,
            origin=origin_of(call.function),
            written=answer.written.at,
            seconds=answer.written.seconds,
            ttl=call.ttl,
            dates=dates,
        )
    return answer


def bar(store: Store, function: Any, identity: str, period: Period | None) -> None:
    """A function was cleared: what the old decorator has stored of it so far is not served.

    It is recorded even while nothing is adopted, which may change. Where it cannot be recorded,
    that is told. A ``period`` concerns calls that touch it alone.
    """
    if store.read_only:
        return
    records = Records(store)
    try:
        places = roots(store)
        if records.path.exists() or any(map(os.path.isdir, places)):
            for key in keys_of(function, places):
                pins.bar(records, key, period=period)
    except (OSError, sqlite3.Error) as error:
        notices.warn_once(
            ("adoption_bar", str(store.directory)),
            f"{identity}() was cleared, but that could not be recorded in "
            f"{records.path} ({error}), so that results which @cacheable has stored of "
            "it will be served again; configure(adopt=False) keeps them out",
        )
