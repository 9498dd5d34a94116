"""How many calls there were: counted in a test, sent with its report, added up over the run.

What is sent is made of dictionaries, lists, texts and numbers, which xdist can carry.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from afml_cache import WatchedCall


@dataclass(slots=True)
class Counts:
    """The calls of one function, or of many."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    seconds: float = 0.0  #: that computed calls took
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """All of them."""
        return self.hits + self.adopted + self.computed

    @property
    def served(self) -> int:
        """Those that did not run their function."""
        return self.hits + self.adopted

    @property
    def hit_rate(self) -> float | None:
        """The share of served calls; None when there was no call."""
        return self.served / self.calls if self.calls else None

    def add(self, other: Counts) -> None:
        """Add the counts of another."""
        self.hits += other.hits
        self.adopted += other.adopted
        self.computed += other.computed
        self.seconds += other.seconds
        for reason, times in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + times

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "hits": self.hits,
            "adopted": self.adopted,
            "computed": self.computed,
            "seconds": self.seconds,
            "reasons": dict(self.reasons),
        }


class Numbers:
    """Counts by function; safe in threads."""

    def __init__(self) -> None:
        self._functions: dict[str, Counts] = {}
        self._guard = threading.Lock()

    def count(self, call: WatchedCall) -> None:
        """Count one call."""
        one = Counts()
        if call.was_served:
            one.hits, one.adopted = int(call.outcome == "hit"), int(call.outcome == "adopted")
        else:
            one.computed, one.seconds = 1, call.seconds
            one.reasons = {str(call.reason): 1}
        with self._guard:
            self._functions.setdefault(call.function, Counts()).add(one)

    def add_plain(self, plain: dict[str, dict[str, Any]]) -> None:
        """Add what :meth:`take` of another has given."""
        with self._guard:
            for function, counts in plain.items():
                self._functions.setdefault(function, Counts()).add(Counts(**counts))

    def take(self) -> dict[str, dict[str, Any]]:
        """What has been counted since the last time, as JSON can hold it."""
        with self._guard:
            taken, self._functions = self._functions, {}
        return {function: counts.plain() for function, counts in taken.items()}

    def of(self, function: str | None = None) -> Counts:
        """The counts of one function; None: of all."""
        total = Counts()
        with self._guard:
            for name, counts in self._functions.items():
                if function is None or name == function:
                    total.add(counts)
        return total

    def functions(self) -> dict[str, Counts]:
        """The counts of each function, by name."""
        with self._guard:
            return dict(sorted(self._functions.items()))
