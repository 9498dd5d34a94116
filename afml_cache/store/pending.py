"""What has been counted in this process and not been written yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.hours import with_hours
from afml_cache.store.rows import LAST

#: Begins the name of the counter of a reason.
REASON = "reason:"

_NAMES = {Outcome.HIT: "hits", Outcome.ADOPTED: "adopted", Outcome.COMPUTED: "computed"}


class Tally:
    """The hits of one function in this process; the caller adds to it itself.

    Attributes
    ----------
    hits : int
        All hits.
    seconds, longest : float
        What they took, and the one that took longest.
    """

    __slots__ = ("hits", "longest", "seconds", "seconds_written", "written")

    def __init__(self) -> None:
        self.hits = self.written = 0
        self.seconds = self.seconds_written = 0.0
        self.longest = 0.0


@dataclass(frozen=True, slots=True)
class Pending:
    """What had piled up at one moment."""

    counts: Mapping[tuple[str, str], float]
    last: Mapping[str, float]
    hits: Mapping[str, int]
    timed: Mapping[str, tuple[int, float]]
    touched: Mapping[bytes, int]
    since: float  #: when the hits came, to within the seconds between two writings

    def __bool__(self) -> bool:
        return bool(self.counts or self.hits or self.touched or self.timed)

    def counters(self) -> Iterator[tuple[str, str, float]]:
        """Function, name and value of what is counted here, but for the seconds saved by hits."""
        for (function, name), value in self.counts.items():
            yield function, name, value
        for function, when in self.last.items():
            yield function, LAST, when
        for function, more in self.hits.items():
            for name, value in with_hours([("hits", more)], self.since):
                yield function, name, value
        for function, (hits, seconds) in self.timed.items():
            yield function, "hits_timed", hits
            yield function, "hit_seconds", seconds


def counts_of(
    outcome: Outcome, reason: Reason | None, seconds: float, took: float | None
) -> Iterator[tuple[str, float]]:
    """Names and values of the counters of one call."""
    yield _NAMES[outcome], 1
    if reason is not None:
        yield REASON + reason, 1
    if seconds:
        yield "seconds_computed" if outcome is Outcome.COMPUTED else "seconds_saved", seconds
    elif outcome is Outcome.COMPUTED:
        yield "computed_untimed", 1
    elif outcome is Outcome.HIT:
        yield "hits_unpriced", 1
    if took is not None:
        yield "hits_timed", 1
        yield "hit_seconds", took
