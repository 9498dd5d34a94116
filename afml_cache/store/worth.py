"""Whether hits are worth what they cost: the key of a call may take longer than its computation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from afml_cache.notices import warn_once

#: A function is told of when its hits have lost so many seconds in this process, over so many
#: hits: what costs less is not worth a warning.
LOSS, LOSING_HITS = 0.1, 5


class Worth:
    """What hits cost in this process, held against the computations that they saved.

    Parameters
    ----------
    base : Path
        The directory of the store.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._saved: defaultdict[str, float] = defaultdict(float)
        self._hits: defaultdict[str, int] = defaultdict(int)

    def add(self, timed: Mapping[str, tuple[int, float]], saved: Mapping[str, float]) -> None:
        """Add what was written: hits and seconds they took, seconds saved, by function."""
        for function in timed.keys() | saved.keys():
            hits, seconds = timed.get(function, (0, 0.0))
            self._hits[function] += hits
            self._spent[function] += seconds
            self._saved[function] += saved.get(function, 0.0)
            self._tell(function)

    def _tell(self, function: str) -> None:
        hits, spent, saved = self._hits[function], self._spent[function], self._saved[function]
        if hits < LOSING_HITS or spent - saved < LOSS:
            return
        warn_once(
            ("costs-more", str(self._base), function),
            f"caching {function}() costs more than it saves: {hits:,} hits took {spent:.3g} s (the "
            f"key of the call and loading the result), computing them would have taken {saved:.3g} "
            "s. Do not cache it, cache the function that calls it, or give it smaller arguments.",
        )
