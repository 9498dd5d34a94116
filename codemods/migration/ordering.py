"""Which functions there are to migrate, the most valuable first.

A function's value is the seconds that its calls took in the baseline, or would have taken if
nothing had been stored yet. The hit rate that is predicted is the one that exact keys would have
had in the same calls: every call whose arguments had been seen before in the run, or that the old
decorator had served, is a hit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from codemods.evidence import Evidence, Recorded
from codemods.matching import Key, Matched
from codemods.migration.baseline import Baseline
from codemods.migration.look import Looked
from codemods.migration.recorded import Calls, calls_of
from codemods.narrow import matched_in
from codemods.select import Selection


@dataclass(frozen=True, slots=True)
class Candidate:
    """One function that can be migrated, and what the baseline says of it."""

    path: str
    function: str
    line: int
    old: str
    new: str
    why: str  #: this decorator
    recorded: str | None  #: its name in recordings; None: it was not called, or may be another
    seconds: float = 0.0  #: that its calls in the first run would have taken without a cache
    before: float | None = None  #: hit rate in that run
    predicted: float | None = None  #: with exact keys
    names: tuple[str, ...] = ()  #: all that it has in recordings; `recorded` is the first
    maybe: str = ""  #: a name in recordings that may be its or another function's

    @property
    def key(self) -> Key:
        """Where it stands."""
        return self.path, self.function

    @property
    def name(self) -> str:
        """As the report calls it."""
        return f"{self.path}::{self.function}"


def ordered(looked: Looked, baseline: Baseline) -> list[Candidate]:
    """All functions that can be migrated, by value."""
    matched = _matched(looked, baseline)
    names, undecided = names_of(matched), matched.undecided
    found: dict[Key, Candidate] = {}
    for entry in looked.found.changes:
        for one in entry.plan.rewrites:
            mine = names.get((entry.path, one.function), ())
            recorded = mine[0] if mine else None
            made = calls_of(baseline.cold, mine)
            found.setdefault(
                (entry.path, one.function),
                Candidate(
                    entry.path,
                    one.function,
                    one.line,
                    one.old,
                    one.new,
                    one.reason,
                    recorded,
                    seconds=made.worth if made else 0.0,
                    before=made.hit_rate if made else None,
                    predicted=predicted(made) if made else None,
                    names=mine,
                    maybe=undecided.get((entry.path, one.function), ""),
                ),
            )
    return sorted(found.values(), key=lambda one: (-one.seconds, one.path, one.line))


def predicted(calls: Calls) -> float:
    """The hit rate that exact keys would have had, from 0 to 1."""
    return max(calls.hit_rate, 1 - calls.distinct / calls.total) if calls.total else 0.0


def steady(candidates: Collection[Candidate], baseline: Baseline) -> Iterator[Candidate]:
    """Those whose results were the same twice before any change."""
    for one in candidates:
        if not any(name in baseline.unsteady for name in one.names):
            yield one


def names_of(matched: Matched) -> dict[Key, tuple[str, ...]]:
    """The names that recordings have for each function, where it is certain.

    A module that is imported as two has two functions where the file has one.
    """
    return {key: tuple(one.function.split(", ")) for key, one in matched.recorded.items()}


def _matched(looked: Looked, baseline: Baseline) -> Matched:
    recordings = [one for one in (baseline.cold, baseline.warm) if one is not None]
    names = sorted({name for one in recordings for name in one.functions})
    records = tuple(Recorded(name, 1, 1, 0) for name in names)
    evidence = Evidence("the baseline", records)
    plans = {entry.path: entry.plan for entry in looked.found.planned}
    return matched_in(looked.found.tree, looked.rules, plans, Selection(evidence=evidence))
