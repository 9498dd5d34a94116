"""What happens on a miss around the user's function: the reason, and what is stored after it.

Nothing here may keep the result from the caller: whatever goes wrong becomes a warning, given
once a cause, and a reason that is counted.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import astuple
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType
from typing import Any

from afml_cache import notices, settings
from afml_cache.errors import NoPlaceError, UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.keys.call import CallKey
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.constants import set_by_program
from afml_cache.keys.content import Description
from afml_cache.keys.explain import describe_key
from afml_cache.keys.extent import Extent, extents_of, union
from afml_cache.keys.origin import Origin
from afml_cache.keys.ranges import DateParameters
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.claims import Notes
from afml_cache.store.store import Claim, Missing, Store
from afml_cache.watching import WatchedCall, tell, watchers

#: What differs, a sentence each, and from which entry (its key, hex).
Why = tuple[tuple[str, ...], str | None]
NO_WHY: Why = ((), None)


def reason_of_miss(store: Store, function: str, key: CallKey, missing: Missing) -> Reason:
    """Why there is no entry for ``key``: the store's word, else what its neighbours tell."""
    if missing.reason is not None:
        return missing.reason
    siblings = store.siblings(function, key.arguments_digest)
    if any(entry.code == key.fingerprint.code for entry in siblings):
        return Reason.ENVIRONMENT
    if siblings:
        return Reason.CODE
    return Reason.ARGUMENT if store.known(function) else Reason.FIRST_CALL


def was_replaced(before: Fingerprint, after: Fingerprint) -> bool:
    """Whether code, or a constant that it reads, was replaced between two fingerprints.

    An object that has merely changed its state does not count: a loader that opens its file at
    the first call would otherwise never be cached.
    """
    if before.code == after.code:
        return False
    names = before.parts.keys() | after.parts.keys()
    differing = [name for name in names if before.parts.get(name) != after.parts.get(name)]
    return not differing or not all(map(is_state, differing))


#: What does not change unless it is replaced.
_LASTING: tuple[type, ...] = (
    *(int, float, str, bytes, NoneType, tuple, frozenset),
    *(type, FunctionType, BuiltinFunctionType, ModuleType),
)


def is_state(name: str) -> bool:
    """Whether a part of a fingerprint, ``module.NAME``, is an object that changes in place."""
    if "<closure>" in name:
        return True
    module, _, rest = name.rpartition(".")
    found: Any = vars(sys.modules[module]).get(rest) if module in sys.modules else None
    return not isinstance(found, _LASTING) and not hasattr(found, "__wrapped__")


def attributes_before(values: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The instance attributes of each argument, taken before the function runs."""
    return {
        name: frozenset(state)
        for name, value in values.items()
        if isinstance(state := getattr(value, "__dict__", None), dict)
    }


def keep(
    store: Store,
    function: str,
    key: CallKey,
    values: Mapping[str, Any],
    before: Mapping[str, frozenset[str]],
    result: object,
    *,
    origin: Origin,
    missed: Reason,
    seconds: float,
    ttl: float | None,
    dates: DateParameters | None,
) -> Reason | None:
    """Store a computed result, unless the function changed what its key was made of.

    The call is counted, as ``missed``, together with the entry.

    Returns
    -------
    Reason or None
        Why the result was not stored; None when it was.
    """
    try:
        described = _describe_unchanged(function, key, values, before)
        if described is None:
            return Reason.ARGUMENT_MUTATED
        extents = {} if dates is None else extents_of(values, dates)
        claim = _claim(function, origin, key, described, extents, seconds, ttl)
    except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
        say_no_key(function, error)
        return Reason.UNKEYABLE
    return store.put(key.digest, result, claim, missed=missed)


def keep_adopted(
    store: Store,
    function: str,
    key: CallKey,
    values: Mapping[str, Any],
    result: object,
    *,
    origin: Origin,
    written: float,
    seconds: float,
    ttl: float | None,
    dates: DateParameters | None,
) -> None:
    """Store a result that an older cache had ``written``, and count the call as adopted.

    The function has not run, so the arguments are those of the key.
    """
    try:
        described = _described(function, values)
        extents = {} if dates is None else extents_of(values, dates)
        claim = _claim(function, origin, key, described, extents, seconds, ttl, written)
        refused = store.put(key.digest, result, claim, adopted=True)
    except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
        say_no_key(function, error)
        refused = Reason.UNKEYABLE
    if refused is not None:  # else the store has counted it together with the entry
        store.count(function, Outcome.ADOPTED, seconds=seconds)
    if watchers or notices.audible():
        tell_outcome(function, Outcome.ADOPTED, None, key, seconds=seconds)


def _described(function: str, values: Mapping[str, Any]) -> dict[str, Description]:
    """What an entry keeps of its arguments; nothing where they cannot be described."""
    try:
        return {name: content.describe(value, name) for name, value in values.items()}
    except Exception as error:  # noqa: BLE001 - the key has been made, which is what counts
        notices.warn_once(
            ("no_description", function),
            f"explain() will not tell what differs from an entry of {function}(), since its "
            f"arguments could not be described ({type(error).__name__}: {error}). Please report it",
        )
        return {}


def _claim(
    function: str,
    origin: Origin,
    key: CallKey,
    described: Mapping[str, Description],
    extents: Mapping[str, Extent],
    seconds: float,
    ttl: float | None,
    written: float | None = None,
) -> Claim:
    extent = union(extents.values())
    description = describe_key(described, key.fingerprint, extents) | origin.described()
    # What maintenance needs to tell an edit from a constant that a program has set meanwhile.
    description["set"] = set_by_program(key.fingerprint.parts)
    return Claim(
        function=function,
        code=key.fingerprint.code,
        environment=key.fingerprint.environment,
        arguments=key.arguments_digest,
        description=description,
        extent=None if extent is None else astuple(extent),
        seconds=seconds,
        expires=None if ttl is None else (written or time.time()) + ttl,
        created=written,
        notes=_notes_of(key.fingerprint),
    )


#: Fingerprints whose notes are kept ready.
REMEMBERED = 256

_notes: dict[int, tuple[Fingerprint, Notes | None]] = {}


def _notes_of(fingerprint: Fingerprint) -> Notes | None:
    """What can be shown of the parts of a code, the same object for the same fingerprint."""
    known = _notes.get(id(fingerprint))
    if known is not None and known[0] is fingerprint:
        return known[1]
    made = {
        bytes.fromhex(fingerprint.parts[name]): text.record
        for name, text in fingerprint.texts.items()
        if name in fingerprint.parts
    }
    notes = Notes(made) if made else None
    if len(_notes) >= REMEMBERED:
        _notes.clear()
    _notes[id(fingerprint)] = fingerprint, notes
    return notes


def _describe_unchanged(
    function: str,
    key: CallKey,
    values: Mapping[str, Any],
    before: Mapping[str, frozenset[str]],
) -> dict[str, Description] | None:
    """Describe the arguments again, now that the function ran; None where one has changed."""
    described: dict[str, Description] = {}
    for name, value in values.items():
        try:
            description = content.describe(value, name)
            if description.digest != key.arguments[name] and name in before:
                description = content.describe(without_new(value, before[name]), name)
            changed = description.digest != key.arguments[name]
        except UnkeyableArgumentError:
            changed = True  # it had a key before the call
        if changed:
            copied = f"{name}.copy()" if hasattr(value, "copy") else f"copy.deepcopy({name})"
            notices.warn_once(
                ("argument_mutated", function, name),
                f"{function}() changed its argument {name!r} while it ran, so the result is "
                f"returned but not cached; work on a copy ({copied}) and return what changed",
            )
            return None
        described[name] = description
    return described


def without_new(value: Any, names: frozenset[str]) -> Any:
    """A stand-in with only the attributes from before the call.

    New attributes (a ``cached_property`` that the call filled in) are no mutation.
    """
    stand_in = object.__new__(type(value))
    stand_in.__dict__.update({k: v for k, v in vars(value).items() if k in names})
    return stand_in


def say_unkeyable(function: str, error: UnkeyableArgumentError) -> None:
    """Tell once a function that its calls cannot be cached; raise where the user asked for it."""
    if error.path.partition(".")[0] == "self" and "__afml_key__" not in error.remedy:
        remedy = (
            "Or define __afml_key__(self) on the class, returning what identifies the instance."
        )
        error = UnkeyableArgumentError(error.path, error.what, f"{error.remedy} {remedy}")
    if settings.current.strict:
        raise error.with_traceback(None) from None
    notices.warn_once(
        ("unkeyable", function),
        f"{function}() is computed at every such call, since {error} "
        "(afml_cache.configure(strict=True) raises instead)",
    )


def say_no_key(function: str, error: Exception) -> None:
    """Tell once a function that making its key failed in a way that nobody foresaw."""
    if settings.current.strict:
        raise error
    notices.warn_once(
        ("no_key", function),
        f"{function}() is computed, since no key could be made of the call "
        f"({type(error).__name__}: {error}); configure(strict=True) shows where. Please report it",
    )


def say_no_place(error: NoPlaceError) -> None:
    """Tell once that there is nowhere to keep anything."""
    notices.warn_once(("no_place", str(error)), f"nothing is cached, since {error}")


def say_code_changed(function: str) -> None:
    """Tell once a function that its code was replaced while it ran."""
    notices.warn_once(
        ("code_changed", function),
        f"the code that {function}() reaches was changed while it ran, so there is no telling "
        "which code its result belongs to; it is returned but not cached",
    )


def say_source_changed(function: str, files: tuple[str, ...]) -> None:
    """Tell once a file that the code that runs is not the code that the file now holds."""
    notices.warn_once(
        ("source_changed", files),
        f"{', '.join(files)} was edited since it was imported, so {function}() may run older "
        "code; its results are returned but not cached until the module is reloaded or Python "
        "restarted",
    )


def tell_outcome(
    function: str,
    outcome: Outcome,
    reason: Reason | None,
    key: CallKey | None,
    *,
    seconds: float = 0.0,
    why: Why = NO_WHY,
) -> None:
    """One DEBUG record a call, and one word to each who watches."""
    digest = None if key is None else key.digest.hex()
    if reason is None:
        notices.say(logging.DEBUG, "%s %s, key %s", outcome, function, digest or "-")
    else:
        notices.say(logging.DEBUG, "%s %s (%s), key %s", outcome, function, reason, digest or "-")
    if watchers:
        tell(WatchedCall(function, outcome, reason, digest, seconds, *why))
