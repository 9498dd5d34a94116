"""What ``cache_info()`` of a decorated function tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afml_cache.outcomes import Reason
from afml_cache.store.claims import Counters
from afml_cache.store.store import Store


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


def info_of(store: Store, function: str, off: int, sizes: Sequence[int]) -> CacheInfo:
    """The store's counts of a function and ``off`` calls that the cache did not see.

    Parameters
    ----------
    store : Store
    function : str
        Its identity.
    off : int
        Calls in this process while the cache was switched off.
    sizes : sequence of int
        Bytes of each entry.
    """
    counted = store.counters(function).get(function, Counters())
    reasons = dict(counted.reasons)
    if off:
        reasons[Reason.MODE_OFF] = off
    return CacheInfo(
        hits=counted.hits,
        adopted=counted.adopted,
        computed=counted.computed + off,
        reasons=reasons,
        entries=len(sizes),
        size=sum(sizes),
    )
