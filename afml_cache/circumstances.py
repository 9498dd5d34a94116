"""What is known of the reason of a miss: when an entry expired, went or was cleared, in words."""

from __future__ import annotations

import math
import time
from datetime import datetime

from afml_cache.outcomes import Reason
from afml_cache.store.store import Store
from afml_cache.store.whereabouts import Whereabouts, whereabouts

#: Of other reasons there is nothing to look up; what is set aside is told for those, too.
LOOKED_UP = frozenset(
    {
        *(Reason.EXPIRED, Reason.EVICTED, Reason.CLEARED, Reason.UNREADABLE, Reason.TAMPERED),
        Reason.OTHER_SECRET,
    }
)
_NEIGHBOURS = frozenset({Reason.FIRST_CALL, Reason.ARGUMENT, Reason.CODE, Reason.ENVIRONMENT})


def details(
    store: Store, digest: bytes, reason: Reason, ttl: float | None, *, known: bool = False
) -> tuple[str, ...]:
    """Sentences on why there is no result for a call; none where nothing more is known.

    Parameters
    ----------
    store : Store
    digest : bytes
        The key of the call.
    reason : Reason
        Why it is computed.
    ttl : float or None
        Of the function, in seconds.
    known : bool
        Look for reasons of their own only: a call that is made has no time for more.
    """
    if reason not in LOOKED_UP and (known or reason not in _NEIGHBOURS):
        return ()
    found = whereabouts(store, digest)
    now = time.time()
    if reason is Reason.EXPIRED:
        told = _expired(store, found, ttl, now)
    elif reason is Reason.EVICTED:
        told = _evicted(found, now)
    elif reason is Reason.OTHER_SECRET:
        times = ", ".join(_moment(when) for when in found.others)
        told = (
            f"it was stored under another secret{f', at {times}' if times else ''}: set "
            "AFML_CACHE_SECRET to that one to use it"
        )
    elif reason in (Reason.TAMPERED, Reason.UNREADABLE):
        what = "does not fit its seal" if reason is Reason.TAMPERED else "cannot be read back"
        stored = f" of {_moment(found.entry.created)}" if found.entry is not None else ""
        told = f"its result{stored} {what}, and is not used: `afml-cache verify` checks all others"
    else:
        told = _cleared(found, reason, now)
    return (told,) if told else ()


def _expired(store: Store, found: Whereabouts, ttl: float | None, now: float) -> str:
    entry = found.entry
    if entry is None:
        if found.removal is None:
            return "its result expired and was removed; when is not known any more"
        return f"its result had expired and was removed at {_when(found.removal.when, now)}"
    ends = [entry.expires] if entry.expires is not None else []
    ends += [entry.created + ttl] if ttl is not None else []
    if ends and min(ends) <= now:
        end = min(ends)
        lasted = round(end - entry.created, 6)
        # The entry was written a moment after its end was set.
        if ttl is not None and math.isclose(lasted, ttl, rel_tol=0.02, abs_tol=0.02):
            lasted = ttl
        return (
            f"its result of {_moment(entry.created)} expired at {_when(end, now)} "
            f"(ttl {_span(lasted)})"
        )
    if store.age_limit is not None:
        return (
            f"its result was last used at {_when(entry.used, now)}; the age limit is "
            f"{_span(store.age_limit)}"
        )
    return f"its result of {_moment(entry.created)} has expired"


def _evicted(found: Whereabouts, now: float) -> str:
    if found.removal is None:
        return "its result made room for others; when is not known any more"
    over = "the size limit"
    if found.removal.limit is not None:
        over = f"the size limit of {_bytes(found.removal.limit)}"
    return f"its result went at {_when(found.removal.when, now)}, to keep the cache within {over}"


def _cleared(found: Whereabouts, reason: Reason, now: float) -> str:
    folder = found.cleared
    if folder is not None and folder.cleared_at is not None:
        text = f"its result was cleared at {_when(folder.cleared_at.timestamp(), now)}"
        host, _, rest = folder.run.partition(" ")
        if rest:
            text += f" by process {rest.split()[0]} on {host}"
        if folder.restorable_until is not None:
            until = _moment(folder.restorable_until.timestamp())
            text += f"; until {until} `afml-cache restore` brings it back"
        return text
    if reason is not Reason.CLEARED:
        return ""
    if found.removal is None:
        return "its result was cleared; when is not known any more"
    return f"its result was cleared at {_when(found.removal.when, now)}, for good"


def _when(moment: float, now: float) -> str:
    return f"{_moment(moment)}, {_span(max(now - moment, 0.0))} ago"


def _moment(when: float) -> str:
    """A moment in the time of this machine."""
    try:
        return datetime.fromtimestamp(when).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):  # of a damaged row
        return "some time"


def _span(seconds: float) -> str:
    """Seconds as one writes them for ``ttl=``.

    >>> _span(90), _span(3600.0), _span(200_000)
    ('90 s', '1 h', '2.3 d')
    """
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (600.0, "min")):
        if seconds >= size:
            return f"{seconds / (60.0 if unit == 'min' else size):.2g} {unit}"
    return f"{seconds:.3g} s"


def _bytes(size: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size} bytes"
