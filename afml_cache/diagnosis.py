"""Why a call would be computed: the call held against the closest entry in the store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache import miss, settings
from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.keys.call import CallKey
from afml_cache.keys.explain import Difference, Kind, describe_key, differences
from afml_cache.outcomes import Reason
from afml_cache.store.store import Missing, Store

#: How many of a function's entries are looked through for the closest one.
CANDIDATES = 500


#: Longest text argument of a present call that is shown.
LONGEST_TEXT = 60


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a call would hit and, if not, why.

    ``reason`` is None for a hit. ``differences`` are held against the closest entry, whose key
    is ``closest`` (hex). ``left_out`` lists names that the function reaches and the key does
    not contain, each with the reason in words.
    """

    function: str
    key: str | None
    reason: Reason | None
    differences: tuple[Difference, ...] = ()
    closest: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if self.reason is None:
            lines = [f"{self.function}: hit, key {self.key}"]
        else:
            lines = [f"{self.function}: would be computed ({self.reason})"]
        lines += [f"  {difference}" for difference in self.differences]
        lines += [f"  not part of the key: {name} ({why})" for name, why in self.left_out]
        return "\n".join(lines)


def explain_call(
    store: Store,
    function: str,
    key_of: Callable[[Mapping[str, Any]], CallKey],
    values: Mapping[str, Any],
) -> Explanation:
    """Explain one call; nothing is computed, counted or stored.

    Parameters
    ----------
    store : Store
    function : str
        Its identity.
    key_of : callable
        Bound arguments -> the key of the call.
    values : mapping
        The bound arguments.
    """
    if settings.current.mode == "off":
        return Explanation(function, None, Reason.MODE_OFF)
    try:
        key = key_of(values)
        described = {name: content.describe(value, name) for name, value in values.items()}
    except UnkeyableArgumentError as error:
        unkeyable = (Difference(Kind.ARGUMENT, error.path, str(error)),)
        return Explanation(function, None, Reason.UNKEYABLE, unkeyable)
    left_out = key.fingerprint.left_out
    if key.fingerprint.edited:
        edited = tuple(
            Difference(Kind.CODE, path, f"{path} was edited since it was imported")
            for path in key.fingerprint.edited
        )
        return Explanation(function, None, Reason.SOURCE_CHANGED, edited, left_out=left_out)
    answer = store.get(key.digest)
    if type(answer) is not Missing:
        return Explanation(function, key.digest.hex(), None, left_out=left_out)
    reason = miss.reason_of_miss(store, function, key, answer)
    present = describe_key(described, key.fingerprint)
    for name, value in values.items():
        if type(value) is str and len(value) <= LONGEST_TEXT:
            # Shown to whoever passes it in; an entry never keeps a text.
            present["arguments"][name]["repr"] = repr(value)
    found, closest = _closest(store, function, key.arguments_digest, present)
    return Explanation(function, key.digest.hex(), reason, found, closest, left_out)


def _closest(
    store: Store, function: str, arguments: bytes, present: Mapping[str, Any]
) -> tuple[tuple[Difference, ...], str | None]:
    """The differences to the entry that has fewest of them."""
    entries = store.siblings(function, arguments) or store.entries(function)
    best: tuple[tuple[Difference, ...], str | None] = ((), None)
    for entry in itertools.islice(entries, CANDIDATES):
        stored = store.description(entry.digest)
        if not stored:
            continue
        found = tuple(differences(stored, present))
        if found and (best[1] is None or len(found) < len(best[0])):
            best = (found, entry.digest.hex())
    return best
