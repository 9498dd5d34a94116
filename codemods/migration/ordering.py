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
from codemods.matching import Key
from codemods.migration.baseline import Baseline
from codemods.migration.look import Looked
from codemods.migration.recorded import Calls
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
    names = names_of(looked, baseline)
    calls = baseline.cold.functions if baseline.cold is not None else {}
    found: dict[Key, Candidate] = {}
    for entry in looked.found.changes:
        for one in entry.plan.rewrites:
            recorded = names.get((entry.path, one.function))
            made = calls.get(recorded) if recorded is not None else None
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
                ),
            )
    return sorted(found.values(), key=lambda one: (-one.seconds, one.path, one.line))


def predicted(calls: Calls) -> float:
    """The hit rate that exact keys would have had, from 0 to 1."""
    return max(calls.hit_rate, 1 - calls.distinct / calls.total) if calls.total else 0.0


def steady(candidates: Collection[Candidate], baseline: Baseline) -> Iterator[Candidate]:
    """Those whose results were the same twice before any change."""
    for one in candidates:
        if one.recorded is None or one.recorded not in baseline.unsteady:
            yield one


def names_of(looked: Looked, baseline: Baseline) -> dict[Key, str]:
    """The name that recordings have for each function, where it is certain."""
    recordings = [one for one in (baseline.cold, baseline.warm) if one is not None]
    names = sorted({name for one in recordings for name in one.functions})
    records = tuple(Recorded(name, 1, 1, 0) for name in names)
    evidence = Evidence("the baseline", records)
    plans = {entry.path: entry.plan for entry in looked.found.planned}
    tree, rules = looked.found.tree, looked.rules
    matched = matched_in(tree, rules, plans, Selection(evidence=evidence))
    # Of a function that ran under two names, recordings know no single one.
    return {key: one.function for key, one in matched.recorded.items() if ", " not in one.function}
