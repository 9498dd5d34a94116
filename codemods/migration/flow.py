"""The whole story: look, baseline, plan, apply, verify, keep or roll back, report.

Each step is written down before it begins. Resuming undoes whatever stands and goes on from the
baseline: what is known to be at fault stays known, and nothing is trusted that was cut short.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from codemods.findings import DECORATOR_REMAINS
from codemods.matching import Key
from codemods.migration import baseline as before
from codemods.migration.asked import check_adoption
from codemods.migration.attempt import Attempt, Ground, attempt, migrate, undo, verify
from codemods.migration.baseline import Baseline
from codemods.migration.health import examine
from codemods.migration.judge import Holds, Name
from codemods.migration.look import Looked, look
from codemods.migration.ordering import Candidate, ordered, steady
from codemods.migration.own_cache import names_of
from codemods.migration.proof import proof_of
from codemods.migration.recorded import calls_of, recheck_of
from codemods.migration.repair import bisect, blame
from codemods.migration.state import MigrationError, Notes, Progress, Step
from codemods.migration.told import UNDONE, Became, Outcome, Report, Row
from codemods.migration.undisturbed import disturbed
from codemods.runner import Survey

#: So many times functions go back and the rest is tried: once for what the recordings name, once
#: for what bisecting finds. With --keep-going, as often as it takes.
ROUNDS = 2

#: Why functions go back that nothing is known against.
WITH_THE_OTHERS = (
    "with the others: it could not be told whose fault it is. What breaks by chance, or with"
    " nothing migrated, is no function's"
)

#: So many of what cannot be migrated are shown.
SHOWN = 5


class Screen(Protocol):
    """Where the story is told while it goes on."""

    def step(self, step: Step, text: str) -> None: ...
    def running(self, run: str, line: str) -> None: ...
    def looked(self, looked: Looked) -> None: ...
    def planned(self, candidates: list[Candidate], chosen: Collection[Key]) -> None: ...
    def failed(self, tried: Attempt) -> None: ...


#: Chooses among the candidates.
Choose = Callable[[list[Candidate]], Collection[Key]]


@dataclass(slots=True)
class Story:
    """One verified migration, from wherever it is to its end."""

    notes: Notes
    progress: Progress
    screen: Screen
    choose: Choose
    allowed: Callable[[Looked], bool]  #: whether what was found may be written to
    rows: dict[Key, Row] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def tell(self) -> Report:
        """Bring it to its end.

        Raises
        ------
        MigrationError
            It cannot go on; the state says where it is.
        """
        undo(self.notes, self.progress)  # what an interrupted migration has left
        try:
            return self._told()
        except MigrationError:
            undo(self.notes, self.progress)
            self._at(Step.GIVEN_UP, "nothing of it stands")
            raise

    def _told(self) -> Report:
        looked = self._looked()
        if not looked.functions:
            _refuse_if_some_remain(looked.found)
            return self._ended(Outcome.NOTHING, looked)
        if not self.allowed(looked):
            raise MigrationError("Nothing was changed.")
        baseline, looked = self._baseline(looked)
        self._at(Step.PLAN, "planning")
        candidates = ordered(looked, baseline)
        ground = Ground(
            self.notes,
            self.progress,
            looked,
            baseline,
            {one.key: one for one in candidates},
            self.screen.running,
        )
        wanted = self._wanted(ground, candidates)
        if not wanted:
            return self._ended(Outcome.LOOKED, looked)
        return self._tried(ground, wanted)

    # ------------------------------------------------------------------ before anything is changed

    def _looked(self) -> Looked:
        self._at(Step.LOOK, "looking around")
        looked = look(self.progress.wishes)
        self.screen.looked(looked)
        if not looked.found.tree.in_git:
            self.remarks.append("this is no git repository; the journal alone can undo")
        return looked

    def _baseline(self, looked: Looked) -> tuple[Baseline, Looked]:
        mark = _mark(looked.found)
        known = before.taken(self.notes, self.progress) if self.progress.sources == mark else None
        if known is None:
            self._at(Step.BASELINE, f"recording `{self.progress.wishes.verify}` before any change")
            self.progress = self.notes.save(replace(self.progress, sources=mark, baseline=()))
            known, self.progress = before.take(
                self.notes, self.progress, self.screen.running, looked.rules.more_sources
            )
            # Whatever the runs have brought about, it was not the migration.
            looked = replace(looked, health=looked.health.with_more(examine()))
            check_adoption(looked.health.joblib_entries)
        for number, seconds in enumerate(known.seconds, start=1):
            self.seconds[f"before, run {number}"] = seconds
        if known.warm is None:
            self.remarks.append(
                "the command runs no pytest that records: only its exit code is compared, and no"
                " result, hit rate or time"
            )
        elif known.warm.mode.split()[0] != "shared":  # with workers, it says how many
            self.remarks.append(
                f"the tests run in mode {known.warm.mode!r}, so each begins with an empty cache:"
                " what the old decorator has stored plays no part"
            )
        elif known.cold is not None and _nothing_is_carried_over(known):
            self.remarks.append(
                "the second run computed all that the first did: the tests have an empty cache of"
                " their own every time, so what the old decorator has stored plays no part"
            )
        return known, looked

    def _wanted(self, ground: Ground, candidates: list[Candidate]) -> frozenset[Key]:
        """What is to be migrated; of everything else, a row says why it is not."""
        chosen = set(self.choose(candidates))
        fine = {one.key for one in steady(candidates, ground.baseline)}
        for one in candidates:
            unsteady = tuple(
                what for name in one.names for what in ground.baseline.unsteady.get(name, ())
            )
            if one.key in chosen and one.key not in fine:
                self._row(ground, one, Became.UNSTEADY, unsteady)
            elif one.key not in chosen:
                self._row(ground, one, Became.LATER, ())
            elif _name(one.key) in self.progress.guilty:
                why = tuple(self.progress.guilty[_name(one.key)].splitlines())
                self._row(ground, one, Became.ROLLED_BACK, why)
        self.screen.planned(candidates, chosen & fine)
        known = self.progress.guilty
        return frozenset(key for key in chosen & fine if _name(key) not in known)

    # ------------------------------------------------------------------ trying

    def _tried(self, ground: Ground, wanted: frozenset[Key]) -> Report:
        asked = wanted
        rounds = 0
        while True:
            self._at(Step.APPLY, f"migrating {len(wanted)} functions")
            tried = attempt(ground, wanted, f"after-{rounds + 1}", self._verifying)
            self.seconds[f"after, run {rounds + 1}"] = tried.ran.seconds
            self._refuse_if_disturbed(tried)
            if not tried.broken:
                return self._kept(ground, tried, asked)
            self.screen.failed(tried)
            guilty = self._guilty(ground, tried)
            left = tried.keys - guilty.keys()
            may_try = rounds < ROUNDS or ground.progress.wishes.keep_going
            if not guilty or not left or not may_try:
                return self._back(ground, tried, guilty)
            for key, why in guilty.items():
                self._rolled_back(ground, tried, key, why)
            known = {_name(key): "\n".join(why) for key, why in guilty.items()}
            guilty_ones = {**self.progress.guilty, **known}
            self.progress = self.notes.save(replace(self.progress, guilty=guilty_ones))
            self._at(Step.REPAIR, f"rolling back {len(guilty)} functions at fault")
            undo(self.notes, self.progress)
            wanted, rounds = left, rounds + 1

    def _refuse_if_disturbed(self, tried: Attempt) -> None:
        """What was verified has to be what stands; if not, nothing is known of what does."""
        told = disturbed(self.notes, self.progress, migrated=bool(tried.keys))
        if told:
            raise MigrationError(
                f"while `{self.progress.wishes.verify}` ran, something else changed what is being"
                f" verified: {told}. So the migration is undone, and what others wrote is kept. Run"
                " it again, with a command that changes no source file, and leave the files alone"
                " until it is done"
            )

    def _verifying(self) -> None:
        self._at(Step.VERIFY, f"verifying with `{self.progress.wishes.verify}`")

    def _guilty(self, ground: Ground, tried: Attempt) -> dict[Key, tuple[str, ...]]:
        def keys_of(name: str) -> list[Key]:
            return [key for key in tried.keys if name in ground.candidates[key].names]

        found = blame(tried.criteria, keys_of)
        if found.guilty or len(tried.keys) == 1:
            return found.guilty or {
                key: tuple(f"{name}: {fault.what}" for name, fault in found.unclear)
                for key in tried.keys
            }
        self._at(Step.REPAIR, "looking for the functions at fault, by halves")
        undo(self.notes, self.progress)
        order = [key for key in ground.candidates if key in tried.keys]
        number = 0

        def probe(keys: frozenset[Key], names: frozenset[Name]) -> bool:
            nonlocal number
            number += 1
            try:
                migrated, _ = migrate(ground, keys)
                rechecks = bool(names & {Name.RECHECK, Name.SPEED})
                judged, _, ran = verify(
                    ground,
                    migrated,
                    f"probe-{number}",
                    rechecks=rechecks,
                    mlflow=Name.MLFLOW in names,
                )
                self.seconds[f"probe {number}"] = ran.seconds
            finally:
                undo(self.notes, self.progress)
            return any(one.name in names and one.holds is Holds.NO for one in judged)

        return bisect(found.unclear, order, keys_of, probe)

    # ------------------------------------------------------------------ ends

    def _kept(self, ground: Ground, tried: Attempt, asked: frozenset[Key]) -> Report:
        for key in tried.keys:
            self._row(ground, ground.candidates[key], Became.MIGRATED, (), tried)
        for key in asked - tried.keys - self.rows.keys():
            why = ("it cannot be migrated without others that are not",)
            self._row(ground, ground.candidates[key], Became.LEFT, why)
        adopting = ground.looked.adoption
        if adopting is not None:
            names = ", ".join(names_of(adopting))
            self.remarks.append(f"{adopting.path} offers more, as after `adopt-init`: {names}")
        whole = not any(row.became in UNDONE for row in self.rows.values())
        outcome = Outcome.KEPT if whole else Outcome.PARTLY_KEPT
        return self._ended(outcome, ground.looked, tried, proven=whole and tried.proven)

    def _back(self, ground: Ground, tried: Attempt, guilty: dict[Key, tuple[str, ...]]) -> Report:
        self._at(Step.REPAIR, "rolling everything back")
        undo(self.notes, self.progress)
        for key in tried.keys:
            self._rolled_back(ground, tried, key, guilty.get(key, (WITH_THE_OTHERS,)))
        return self._ended(Outcome.ROLLED_BACK, ground.looked, tried)

    def _ended(
        self,
        outcome: Outcome,
        looked: Looked,
        tried: Attempt | None = None,
        *,
        proven: bool = False,
    ) -> Report:
        self._at(Step.REPORT, "reporting")
        order = {key: number for number, key in enumerate(self.rows)}
        rows = sorted(self.rows.values(), key=lambda row: (-row.seconds, order[_key(row)]))
        standing = self.notes.own(self.progress)
        return Report(
            id=self.progress.id,
            root=str(looked.found.tree.root),
            command=self.progress.wishes.verify,
            outcome=outcome,
            proven=proven,
            criteria=tried.criteria if tried is not None else (),
            rows=tuple(rows),
            notes=(*self.remarks, *_left_alone(looked.found)),
            seconds=dict(self.seconds),
            migration=standing[0].id if standing else None,
            strict=self.progress.wishes.strict,
            diff=tried.diff if tried is not None and standing else (),
        )

    # ------------------------------------------------------------------ rows and the state

    def _rolled_back(self, ground: Ground, tried: Attempt, key: Key, why: tuple[str, ...]) -> None:
        self._row(ground, ground.candidates[key], Became.ROLLED_BACK, why, tried)

    def _row(
        self,
        ground: Ground,
        one: Candidate,
        became: Became,
        why: tuple[str, ...],
        tried: Attempt | None = None,
    ) -> None:
        after = tried.after if tried is not None else None
        self.rows[one.key] = Row(
            one.path,
            one.function,
            one.old,
            one.new,
            became,
            why,
            one.seconds,
            one.predicted,
            calls_of(ground.baseline.warm, one.names),
            calls_of(after, one.names),
            recheck_of(after, one.names),
            proof_of(after, one.names, one.maybe, rechecks=ground.progress.wishes.recheck != "0")
            if became is Became.MIGRATED
            else None,
        )

    def _at(self, step: Step, text: str) -> None:
        self.progress = self.notes.at(self.progress, step)
        self.screen.step(step, text)


def _refuse_if_some_remain(found: Survey) -> None:
    """Old decorators of which none can be migrated are no success."""
    remain = [
        finding.at(entry.path)
        for entry in found.planned
        for finding in entry.plan.findings
        if finding.code in DECORATOR_REMAINS
    ]
    if remain:
        told = "".join(f"\n  {one}" for one in remain[:SHOWN])
        more = f"\n  ... and {len(remain) - SHOWN} more" if len(remain) > SHOWN else ""
        raise MigrationError(f"old decorators are there, and none can be migrated:{told}{more}")


def _nothing_is_carried_over(baseline: Baseline) -> bool:
    """Whether the runs have no cache in common, whatever the options asked for."""
    assert baseline.cold is not None
    assert baseline.warm is not None
    cold, warm = (
        sum(one.computed for one in recording.functions.values())
        for recording in (baseline.cold, baseline.warm)
    )
    return 0 < cold <= warm


def _name(key: Key) -> str:
    return "::".join(key)


def _key(row: Row) -> Key:
    return row.path, row.function


def _left_alone(found: Survey) -> list[str]:
    return [finding.at(entry.path) for entry in found.planned for finding in entry.plan.findings]


def _mark(found: Survey) -> str:
    """The sources that a baseline is of, all of them, in one digest."""
    total = hashlib.sha256()
    for file in sorted({*found.tree.files, *found.tree.all_files()}):
        path = Path(found.tree.root, file)
        if path.is_file():
            total.update(f"{file}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
