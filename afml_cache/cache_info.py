"""What ``cache_info()`` of a decorated function tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from afml_cache import last_miss, settings
from afml_cache.errors import NoPlaceError
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.active import active
from afml_cache.store.claims import Counters
from afml_cache.store.store import Store
from afml_cache.watching import WatchedCall, tell, watchers


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What became of a function's calls, and what is stored of it.

    ``hits`` were served from the store, ``adopted`` from an older cache, the rest ``computed``
    for one of ``reasons``. ``entries`` and ``size`` (bytes) are what the store holds now.
    """

    hits: int
    adopted: int
    computed: int
    reasons: dict[str, int]
    entries: int
    size: int

    @property
    def misses(self) -> int:
        """Calls that ran the function."""
        return self.computed

    @property
    def hit_rate(self) -> float | None:
        """Share of calls that did not run the function; None when there was no call."""
        calls = self.hits + self.adopted + self.computed
        return (self.hits + self.adopted) / calls if calls else None


#: Calls of this process while the cache was switched off, by the directory of the store that would
#: have been asked and by function: no store may know.
_off_calls: Counter[tuple[Path | None, str]] = Counter()


def count_off(function: str) -> None:
    """Count a call while the cache is switched off; nothing is read or written."""
    last_miss.remember(function, Reason.MODE_OFF)
    if watchers:
        tell(WatchedCall(function, Outcome.COMPUTED, Reason.MODE_OFF))
    try:
        _off_calls[active().directory, function] += 1
    except NoPlaceError:
        _off_calls[None, function] += 1


def off_calls(store: Store) -> dict[str, int]:
    """The calls of this process while the cache was switched off, by function."""
    return {
        function: times
        for (directory, function), times in _off_calls.copy().items()
        if directory == store.directory
    }


def info_of(store: Store, function: str, sizes: Callable[[], Iterable[int]]) -> CacheInfo:
    """The store's counts of a function, and those of calls while the cache was switched off.

    Parameters
    ----------
    store : Store
    function : str
        Its identity.
    sizes : callable
        Returns the bytes of each entry; not asked while the cache is switched off.
    """
    if settings.current.mode == "off":  # nothing is read, not even to be counted
        counted, entries = Counters(), []
    else:
        counted = store.counters(function).get(function, Counters())
        entries = list(sizes())
    reasons = {str(reason): times for reason, times in counted.reasons.items()}
    off = off_calls(store).get(function, 0)
    if off:
        reasons[str(Reason.MODE_OFF)] = off
    return CacheInfo(
        hits=counted.hits,
        adopted=counted.adopted,
        computed=counted.computed + off,
        reasons=reasons,
        entries=len(entries),
        size=sum(entries),
    )
