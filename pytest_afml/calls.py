"""The cached calls of a block, as ``afml_cache.record()`` and ``.expect()`` give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

from pytest_afml.limits import identities

if TYPE_CHECKING:
    from afml_cache import WatchedCall


class Calls(Sequence["WatchedCall"]):
    """Cached calls in the order in which they ended; it grows while the block runs."""

    def __init__(self, calls: Iterable[WatchedCall] = ()) -> None:
        self._calls = list(calls)

    def append(self, call: WatchedCall) -> None:
        """Note one more."""
        self._calls.append(call)

    def of(self, *functions: object) -> Calls:
        """The calls of some functions."""
        return self.named(identities(functions))

    def named(self, names: frozenset[str] | None) -> Calls:
        """The calls of functions with these identities; None: all."""
        return Calls(call for call in self._calls if names is None or call.function in names)

    @property
    def hits(self) -> int:
        """Calls whose function did not run: hits, and results adopted from ``@cacheable``."""
        return sum(call.was_served for call in self._calls)

    @property
    def adopted(self) -> int:
        """Those of the hits that were adopted."""
        return sum(call.outcome == "adopted" for call in self._calls)

    @property
    def misses(self) -> int:
        """Calls that ran the function."""
        return len(self._calls) - self.hits

    @property
    def hit_rate(self) -> float | None:
        """The share of calls that were hits; None when there was no call."""
        return self.hits / len(self._calls) if self._calls else None

    @overload
    def __getitem__(self, place: int) -> WatchedCall: ...
    @overload
    def __getitem__(self, place: slice) -> Calls: ...
    def __getitem__(self, place: int | slice) -> WatchedCall | Calls:
        return Calls(self._calls[place]) if isinstance(place, slice) else self._calls[place]

    def __len__(self) -> int:
        return len(self._calls)

    def __repr__(self) -> str:
        return f"<{len(self)} cached calls: {self.hits} hits, {self.misses} misses>"
