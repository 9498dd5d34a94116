"""What happened to cached calls inside a ``with`` block."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType

from afml_cache.monitoring.words import percent, seconds_in_words
from afml_cache.outcomes import Outcome
from afml_cache.watching import WatchCalls, WatchedCall, watch_calls

__all__ = ["AnalyzedFunction", "CacheAnalyzer"]


@dataclass(slots=True)
class AnalyzedFunction:
    """The calls of one function inside the block.

    Attributes
    ----------
    hits, adopted, misses : int
        Served from the store; served from an older cache; computed.
    reasons : dict
        Why the misses were computed.
    seconds_computed : float
        Spent in the function.
    """

    hits: int = 0
    adopted: int = 0
    misses: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds_computed: float = 0.0

    @property
    def calls(self) -> int:
        """All calls."""
        return self.hits + self.adopted + self.misses

    @property
    def hit_rate(self) -> float | None:
        """Share of calls that did not run the function; None when there was no call."""
        return (self.hits + self.adopted) / self.calls if self.calls else None


class CacheAnalyzer:
    """Counts the cached calls of this process, in all its threads, inside a ``with`` block.

    Parameters
    ----------
    explain : bool, optional
        Also tell what differed from the closest entry, for the first misses; milliseconds each.

    Attributes
    ----------
    functions : dict
        Function (``module.qualname``) -> :class:`AnalyzedFunction`.
    explained : list of str
        What differed, a sentence a miss.
    seconds : float
        How long the block took.

    Examples
    --------
    >>> from afml_cache import CacheAnalyzer, robust_cacheable, use_store
    >>> @robust_cacheable
    ... def double(x):
    ...     return 2 * x
    >>> with use_store(tmp_path / "analyzed"), CacheAnalyzer() as analyzer:
    ...     _ = double(1), double(1), double(2), double(1)
    >>> analyzer.calls, analyzer.hits, analyzer.misses, f"{analyzer.hit_rate:.1%}"
    (4, 2, 2, '50.0%')
    """

    def __init__(self, *, explain: bool = False) -> None:
        self.functions: dict[str, AnalyzedFunction] = {}
        self.explained: list[str] = []
        self.seconds = 0.0
        self._explain = explain
        self._watching: WatchCalls | None = None
        self._started = 0.0
        self._guard = threading.Lock()

    @property
    def calls(self) -> int:
        """All calls."""
        return sum(one.calls for one in self.functions.values())

    @property
    def hits(self) -> int:
        """Calls that did not run their function, adopted ones among them."""
        return sum(one.hits + one.adopted for one in self.functions.values())

    @property
    def misses(self) -> int:
        """Calls that ran their function."""
        return sum(one.misses for one in self.functions.values())

    @property
    def hit_rate(self) -> float:
        """Share of calls that did not run their function; 0.0 when there was no call."""
        return self.hits / self.calls if self.calls else 0.0

    def __enter__(self) -> CacheAnalyzer:
        if self._watching is not None:
            raise RuntimeError("this CacheAnalyzer is in a block already; make another one")
        self._started = time.perf_counter()
        self._watching = watch_calls(self._add, explain=self._explain)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.close()
            self._watching = None
            self.seconds += time.perf_counter() - self._started

    def _add(self, call: WatchedCall) -> None:
        with self._guard:
            one = self.functions.setdefault(call.function, AnalyzedFunction())
            if call.outcome is Outcome.HIT:
                one.hits += 1
            elif call.outcome is Outcome.ADOPTED:
                one.adopted += 1
            else:
                one.misses += 1
                one.seconds_computed += call.seconds
                if call.reason is not None:
                    one.reasons[str(call.reason)] += 1
                if call.differences:
                    self.explained.append(f"{call.function}: {'; '.join(call.differences)}")

    def __str__(self) -> str:
        rate = percent(self.hit_rate)
        lines = [f"{self.calls:,} cached calls, {rate} hits, in {seconds_in_words(self.seconds)}"]
        for name, one in sorted(self.functions.items(), key=lambda item: -item[1].calls):
            why = ", ".join(f"{times:,} {reason}" for reason, times in one.reasons.most_common())
            lines.append(
                f"  {name}: {one.calls:,} calls, {one.hits + one.adopted:,} hits, "
                f"{one.misses:,} misses" + (f" ({why})" if why else "")
            )
        return "\n".join([*lines, *(f"  {text}" for text in self.explained)])
