"""What came of a verified migration, as a value: shown on a terminal, as JSON, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from codemods.migration.judge import Criterion
from codemods.migration.proof import Proof, Proven
from codemods.migration.recorded import Calls, Recheck


class Outcome(StrEnum):
    """How it ended."""

    KEPT = "kept"  #: all that was asked for is migrated
    PARTLY_KEPT = "partly kept"  #: functions at fault went back, the others stay
    ROLLED_BACK = "rolled back"  #: every file is as it was
    NOTHING = "nothing to migrate"
    LOOKED = "looked"  #: phase 1: measured, nothing changed


class Became(StrEnum):
    """What became of a function."""

    MIGRATED = "migrated"
    ROLLED_BACK = "rolled back"
    UNSTEADY = "left: differs by itself"
    LATER = "left: not this time"
    LEFT = "left: cannot be migrated"


#: It was asked for, and is not migrated.
UNDONE = frozenset({Became.ROLLED_BACK, Became.UNSTEADY, Became.LEFT})


@dataclass(frozen=True, slots=True)
class Row:
    """One function in the report."""

    path: str
    function: str
    old: str
    new: str
    became: Became
    why: tuple[str, ...] = ()  #: it went back, or was left
    seconds: float = 0.0  #: its value: what its calls took in the first run
    predicted: float | None = None
    before: Calls | None = None  #: under the old decorator, in the second run
    after: Calls | None = None
    recheck: Recheck | None = None
    proven: Proven | None = None  #: of a function that stays migrated

    @property
    def name(self) -> str:
        """As the report calls it."""
        return f"{self.path}::{self.function}"


@dataclass(frozen=True, slots=True)
class Report:
    """The whole account."""

    id: str
    root: str
    command: str
    outcome: Outcome
    proven: bool  #: every criterion that applies was measured and holds, and nothing went back
    criteria: tuple[Criterion, ...]  #: of what stands; of the failed attempt where nothing does
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    seconds: Mapping[str, float] | None = None  #: run of the command -> what it took
    migration: str | None = None  #: what to roll back
    diff: tuple[str, ...] = ()  #: what is migrated, as a unified diff
    strict: bool = False  #: what was not covered counts as not proven

    @property
    def code(self) -> int:
        """The exit code: 0 only where all criteria hold for all that was asked for."""
        if self.outcome in (Outcome.NOTHING, Outcome.LOOKED):
            return 1 if any(row.became in UNDONE for row in self.rows) else 0
        return 0 if self.proven and not (self.strict and self.uncovered) else 1

    @property
    def uncovered(self) -> tuple[str, ...]:
        """What no criterion has looked at, a sentence each: functions, and calls of others."""
        rows = [
            f"{row.name}: {row.proven.proof}, {row.proven.why}"
            for row in self.rows
            if row.proven is not None and row.proven.proof is not Proof.VERIFIED
        ]
        gaps = [
            f"{one.name}: {gap.function}: {gap.what}"
            for one in self.criteria
            for gap in one.gaps
            if not gap.whole  # a function of which nothing was checked is a row
        ]
        return (*rows, *gaps)

    def count(self, proof: Proof) -> int:
        """So many functions are migrated and so far proven."""
        return sum(1 for row in self.rows if row.proven is not None and row.proven.proof is proof)
