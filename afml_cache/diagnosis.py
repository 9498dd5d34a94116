"""Why a call would be computed: the call held against the closest entry in the store."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from afml_cache import circumstances, miss, settings
from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.keys.call import CallKey
from afml_cache.keys.compared import Cut
from afml_cache.keys.cutting import cut
from afml_cache.keys.explain import Difference, Kind, describe_key, differences, whole_values
from afml_cache.outcomes import Reason
from afml_cache.store.store import Entry, Missing, Store
from afml_cache.store.whereabouts import look

if TYPE_CHECKING:
    from afml_cache.adoption.look import Legacy

#: How many of a function's entries are looked through for the closest one.
CANDIDATES = 500


#: Longest text argument of a present call that is shown.
LONGEST_TEXT = 60


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a call would hit and, if not, why.

    ``reason`` is None for a hit. ``differences`` are held against the closest entry, whose key
    is ``closest`` (hex); each has a ``kind``, a ``name``, a ``text`` and, of edited code, a
    ``file``, a ``line`` and a ``diff``. ``left_out`` lists names that the function reaches and the
    key does not contain, each with the reason in words. ``legacy`` tells of an entry that
    ``@cacheable`` has stored of the call; a call that would be served from it has no ``reason``
    either. ``made`` tells a call that was made from one that was only asked about. ``details``
    are sentences on the reason: when an entry expired, say.
    """

    function: str
    key: str | None
    reason: Reason | None
    differences: tuple[Difference, ...] = ()
    closest: str | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    legacy: str = ""
    made: bool = False
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.reason is None:
            how = "would be adopted" if self.legacy else "hit"
            lines = [f"{self.function}: {how}, key {self.key}"]
        else:
            how = "was" if self.made else "would be"
            lines = [f"{self.function}: {how} computed ({self.reason})"]
        lines += [f"  {detail}" for detail in self.details]
        lines += [f"  {self.legacy}"] if self.legacy else []
        for difference in self.differences:
            lines += [f"  {difference}", *(f"    {text}" for text in difference.short_diff())]
        lines += [f"  {text}" for text in self.not_counted()]
        return "\n".join(lines)

    def not_counted(self) -> list[str]:
        """A sentence on each name that the key does not contain."""
        return [f"not part of the key: {name} ({why})" for name, why in self.left_out]


def explain_call(
    store: Store,
    function: str,
    key_of: Callable[[Mapping[str, Any]], CallKey],
    values: Mapping[str, Any],
    legacy_of: Callable[[CallKey], Legacy],
    ttl: float | None = None,
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
    legacy_of : callable
        The key -> the call as the old decorator would have seen it.
    ttl : float, optional
        Of the function, in seconds.
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
        how = ("until it is reloaded or Python restarted, nothing of this function is stored",)
        return Explanation(
            function, None, Reason.SOURCE_CHANGED, edited, left_out=left_out, details=how
        )
    answer = look(store, key.digest)
    if type(answer) is not Missing and ttl is not None and _is_old(store, key, ttl):
        answer = Missing(Reason.EXPIRED)
    if type(answer) is not Missing:
        return Explanation(function, key.digest.hex(), None, left_out=left_out)
    missed = miss.reason_of_miss(store, function, key, answer)
    reason, legacy = _with_legacy(store, missed, lambda: legacy_of(key))
    if reason is None:
        return Explanation(function, key.digest.hex(), None, left_out=left_out, legacy=legacy)
    closest = _closest(_candidates(store, function, key), store, _present(key, described, values))
    found = () if closest is None else closest.of_call(key, values)
    held = None if closest is None else closest.digest.hex()
    details = circumstances.details(store, key.digest, missed, ttl)
    return Explanation(
        function, key.digest.hex(), reason, found, held, left_out, legacy, details=details
    )


def _is_old(store: Store, key: CallKey, ttl: float) -> bool:
    """Whether an entry, stored under a longer ``ttl`` maybe, is too old for today's."""
    entry = store.entry(key.digest)
    return entry is not None and time.time() >= entry.created + ttl


def _present(
    key: CallKey, described: Mapping[str, content.Description], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The description of a present call, as an entry of it would keep one."""
    present = describe_key(described, key.fingerprint)
    for name, value in values.items():
        if type(value) is str and len(value) <= LONGEST_TEXT:
            # Shown to whoever passes it in; an entry never keeps a text.
            present["arguments"][name]["repr"] = repr(value)
    return present


def against_closest(
    store: Store, function: str, key: CallKey, values: Mapping[str, Any]
) -> tuple[tuple[str, ...], str | None]:
    """What differs between a call that misses and the closest entry, and that entry's key."""
    try:
        described = {name: content.describe(value, name) for name, value in values.items()}
        present = _present(key, described, values)
        closest = _closest(_candidates(store, function, key), store, present)
        if closest is None:
            return (), None
        told = [str(difference) for difference in closest.of_call(key, values)]
        told += whole_values(closest.stored, present)
    except Exception as error:  # noqa: BLE001 - it is only told; the call itself goes on
        return (f"the call could not be described ({type(error).__name__}: {error})",), None
    return tuple(dict.fromkeys(told)), closest.digest.hex()


def _with_legacy(
    store: Store, missed: Reason, call: Callable[[], Legacy]
) -> tuple[Reason | None, str]:
    """What becomes of a miss when the old decorator's entries are asked, and that in words."""
    from afml_cache.adoption import serve

    if missed in (Reason.EXPIRED, Reason.CLEARED) or not serve.has_legacy(store):
        return missed, ""
    answer = serve.preview(store, call())
    if answer is None:
        return missed, ""
    if not isinstance(answer, serve.Refused):
        return None, f"@cacheable has stored it: {answer}"
    reason = missed if missed in serve.KNOWN_CODE else answer.reason
    return reason, f"what @cacheable has stored of it is not used: {answer.why}"


def differences_to_closest(
    store: Store, function: str, key: CallKey, before: float
) -> tuple[tuple[Difference, ...], str | None]:
    """What differs between a call whose result is stored and the closest entry before it.

    Nothing, where its own entry is gone. ``before`` is when the call began, in seconds since the
    epoch.
    """
    if not (store.directory / "index.sqlite").exists():  # asking would make the store anew
        return (), None
    return closest_before(store, function, key.digest, key.arguments_digest, before)


def closest_before(
    store: Store, function: str, digest: bytes, arguments: bytes, before: float
) -> tuple[tuple[Difference, ...], str | None]:
    """What differs between a stored entry and the closest one of its function before it.

    Parameters
    ----------
    store : Store
    function : str
        Its identity.
    digest, arguments : bytes
        Of the entry, and of its arguments alone.
    before : float
        Entries since then are passed over; seconds since the epoch.

    Returns
    -------
    tuple
        The differences, and the key (hex) of the entry that they are held against, or None.
    """
    present = store.description(digest)
    if not present:
        return (), None

    def was_there(entry: Entry) -> bool:
        return entry.created < before and entry.digest != digest

    siblings = filter(was_there, store.siblings(function, arguments))
    found = _closest(siblings, store, present)
    if found is None:
        found = _closest(filter(was_there, store.entries(function)), store, present)
    if found is None:
        return (), None
    return found.of_entry(), found.digest.hex()


def _candidates(store: Store, function: str, key: CallKey) -> Iterable[Entry]:
    return store.siblings(function, key.arguments_digest) or store.entries(function)


@dataclass(frozen=True, slots=True)
class _Closest:
    """The entry that has fewest differences to what is explained, and both descriptions."""

    store: Store
    digest: bytes
    stored: Mapping[str, Any]
    present: Mapping[str, Any]

    def of_call(self, key: CallKey, values: Mapping[str, Any]) -> tuple[Difference, ...]:
        """The differences of a call that is at hand: its code and its frames can be looked at."""
        parts = key.fingerprint.parts
        texts = {parts[name]: text for name, text in key.fingerprint.texts.items()}

        def now(digest: str) -> Mapping[str, Any]:
            return texts[digest].record() if digest in texts else {}

        return tuple(
            differences(self.stored, self.present, was=self._kept, now=now, cuts=self._cuts(values))
        )

    def of_entry(self) -> tuple[Difference, ...]:
        """The differences of an entry: what was kept is all that there is of it."""
        return tuple(differences(self.stored, self.present, was=self._kept, now=self._kept))

    def _kept(self, digest: str) -> Mapping[str, Any]:
        return self.store.note(bytes.fromhex(digest))

    def _cuts(self, values: Mapping[str, Any]) -> dict[str, Cut]:
        cuts = {}
        for name, value in values.items():
            shape = (self.stored.get("arguments", {}).get(name) or {}).get("shape")
            if shape and hasattr(value, "iloc"):
                found = cut(value, shape[0])
                if found is not None:
                    cuts[name] = found
        return cuts


def _closest(entries: Iterable[Entry], store: Store, present: Mapping[str, Any]) -> _Closest | None:
    """The entry with the fewest differences; of several the newest, which one remembers."""
    best: tuple[tuple[int, float], _Closest] | None = None
    for entry in itertools.islice(entries, CANDIDATES):
        stored = store.description(entry.digest)
        if not stored:
            continue
        found = differences(stored, present)
        rank = len(found), -entry.created
        if found and (best is None or rank < best[0]):
            best = rank, _Closest(store, entry.digest, stored, present)
    return None if best is None else best[1]
