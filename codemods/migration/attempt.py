"""One attempt: migrate some functions, run the command again, and judge what was recorded.

Afterwards the migration stands in the files; whoever asked for it keeps it, or has it undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codemods.diff import unified
from codemods.evidence import Recorded
from codemods.files import NOTEBOOK
from codemods.journal import JournalError
from codemods.matching import Key, match
from codemods.migration import criteria
from codemods.migration.baseline import Baseline, Told
from codemods.migration.command import PASSED, Ran, own_caches, run
from codemods.migration.health import examine
from codemods.migration.judge import Criterion, Fault, Holds, Name, criterion, idle, unknown
from codemods.migration.look import Looked
from codemods.migration.mlflow import works
from codemods.migration.ordering import Candidate
from codemods.migration.own_cache import added
from codemods.migration.recorded import Recording, compare, read
from codemods.migration.state import COMMAND, MigrationError, Notes, Progress
from codemods.pinning import pin
from codemods.rollback import roll_back
from codemods.runner import Survey, apply, survey
from codemods.select import Selection


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt."""

    keys: frozenset[Key]  #: functions that it migrated
    found: Survey
    criteria: tuple[Criterion, ...]
    after: Recording | None
    ran: Ran
    diff: tuple[str, ...] = ()  #: what it has changed, as a unified diff

    @property
    def broken(self) -> tuple[Criterion, ...]:
        """The criteria that do not hold."""
        return tuple(one for one in self.criteria if one.holds is Holds.NO)

    @property
    def proven(self) -> bool:
        """Whether every criterion that applies was measured, and holds."""
        return all(one.holds in (Holds.YES, Holds.IDLE) for one in self.criteria)


@dataclass(frozen=True, slots=True)
class Ground:
    """What every attempt stands on."""

    notes: Notes
    progress: Progress
    looked: Looked
    baseline: Baseline
    candidates: Mapping[Key, Candidate]
    told: Told

    def names(self, keys: Iterable[Key]) -> frozenset[str]:
        """Functions as recordings name them, as far as these know them."""
        return frozenset(name for key in keys for name in self.candidates[key].names)

    def shared(self, keys: Iterable[Key]) -> frozenset[str]:
        """Names in recordings that may be one of these functions, or another one."""
        return frozenset(filter(None, (self.candidates[key].maybe for key in keys)))


def migrate(ground: Ground, keys: frozenset[Key]) -> tuple[frozenset[Key], Survey]:
    """Migrate just these functions; which of them could be, and what was planned.

    The repository's own cache package gets its names, even if there is no function.

    Raises
    ------
    MigrationError
        A file could not be written; everything is undone.
    """
    looked, wishes = ground.looked, ground.progress.wishes
    found = survey(looked.found.tree, looked.rules, Selection(exactly=keys))
    try:
        done = apply(added(found, looked.adoption), command=COMMAND)
    except (JournalError, OSError) as error:
        raise MigrationError(f"the migration cannot be carried out: {error}") from error
    failed = [one for one in done.failures if one not in looked.found.failures]
    if failed:
        undo(ground.notes, ground.progress)
        told = "; ".join(f"{one.path} {one.text}" for one in failed)
        raise MigrationError(f"nothing was migrated, since files could not be written: {told}")
    functions = {
        entry.path: [one.function for one in entry.plan.rewrites] for entry in found.changes
    }
    if wishes.pin and functions:
        files = {*found.tree.files, *found.tree.all_files()}
        regular = [file for file in files if (found.tree.root / file).is_file()]  # no pipes
        pin(found.tree.root, regular, functions)
    return frozenset((path, name) for path, names in functions.items() for name in names), found


def undo(notes: Notes, progress: Progress) -> None:
    """Undo everything of this migration that stands.

    Raises
    ------
    MigrationError
        Something cannot be undone: a file was edited meanwhile.
    """
    for migration in notes.own(progress):
        try:
            done = roll_back(notes.journal, migration)
        except (JournalError, OSError) as error:
            raise MigrationError(
                f"{migration.id} cannot be rolled back now: {error}. Put that right, then run"
                " `afml-codemod rollback`"
            ) from error
        if not done.complete:
            places = [f"{one.path}:{one.line}" for one in done.conflicts]
            places += [f"{one.path} ({one.text})" for one in done.failures]
            raise MigrationError(
                f"{migration.id} cannot be rolled back entirely: {', '.join(places)} changed"
                " meanwhile. Look at them, then run `afml-codemod rollback`"
            )


def verify(
    ground: Ground,
    keys: frozenset[Key],
    name: str,
    *,
    rechecks: bool = True,
    mlflow: bool = True,
) -> tuple[tuple[Criterion, ...], Recording | None, Ran]:
    """Run the command on what stands, and judge; what takes long can be left out."""
    wishes = ground.progress.wishes
    again = rechecks and wishes.recheck != "0"
    options = (
        (f"--afml-recheck={wishes.recheck}", f"--afml-recheck-seconds={wishes.recheck_seconds:g}")
        if again
        else ()
    )
    ran = run(
        wishes.verify,
        Path(wishes.cwd),
        ground.notes.folder,
        name,
        (*options, *own_caches(ground.looked.rules.more_sources)),
        lambda line: ground.told(name, line),
    )
    health = (ground.looked.health, examine())
    tracks = idle(Name.MLFLOW, "not used here" if mlflow else "not asked for")
    if mlflow and ground.looked.uses_mlflow:
        tracks = works()
    warm = ground.baseline.warm
    if warm is None:
        return _unrecorded(ran, criteria.health(*health), tracks), None, ran
    if ran.recording is None:
        fault = Fault(f"`{wishes.verify}` ends with exit code {ran.code}, and recorded nothing")
        return (criterion(Name.TESTS, "they could not run", [fault]),), None, ran
    after = read(ran.recording)
    seen = criteria.Verified(
        before=warm,
        after=after,
        compared=compare(warm.path, after.path),
        health=health,
        migrated=ground.names(keys),
        backtests=_named(ground, ground.looked.backtests, after),
        cleared=_cleared_by_themselves(ground, keys, after),
        unsteady=frozenset(ground.baseline.unsteady),
        rechecks=again,
        code=ran.code,
        already=ground.baseline.already,
        shared=ground.shared(keys),
    )
    return criteria.judge(seen, tracks), after, ran


def attempt(
    ground: Ground, keys: frozenset[Key], name: str, on_applied: Callable[[], None]
) -> Attempt:
    """Migrate, verify, judge; ``on_applied`` is called in between."""
    root = ground.looked.found.tree.root
    was = {path: (root / path).read_bytes() for path, _ in keys}
    migrated, found = migrate(ground, keys)
    on_applied()
    judged, after, ran = verify(ground, migrated, name)
    plans = {entry.path: entry.plan for entry in found.changes}
    diff = (
        line
        for path, data in sorted(was.items())
        if path in plans
        for line in unified(path, data, plans[path])
    )
    return Attempt(migrated, found, judged, after, ran, tuple(diff))


def _unrecorded(ran: Ran, *known: Criterion) -> tuple[Criterion, ...]:
    """What can be said after a command that runs no pytest, in the order of the report."""
    faults = [] if ran.code == PASSED else [Fault(f"the command ends with exit code {ran.code}")]
    why = "the command runs no pytest, so nothing was recorded"
    told = criterion(Name.TESTS, f"exit code {ran.code} of the command", faults)
    found = {one.name: one for one in (told, *known)}
    return tuple(found.get(name) or unknown(name, why) for name in Name)


def _cleared_by_themselves(
    ground: Ground, keys: frozenset[Key], after: Recording
) -> frozenset[str]:
    """What stays under the original's ``smart_cacheable``, which clears as soon as a file changes.

    Ours is another: it looks at the code, and not at the time of the file.
    """
    if ground.looked.own_package is None:
        return frozenset()
    return _named(ground, ground.looked.smart - keys, after)


def _named(ground: Ground, keys: frozenset[Key], after: Recording) -> frozenset[str]:
    """Functions as the recording names them, whether they can be migrated or not."""
    functions: dict[str, list[str]] = {}
    for path, name in keys:
        functions.setdefault(path, []).append(name)
    if not functions:
        return frozenset()
    tree = ground.looked.found.tree
    files = [file for file in {*tree.files, *tree.all_files()} if not file.endswith(NOTEBOOK)]
    records = [Recorded(name, 1, 1, 0) for name in after.functions]
    found = match(records, functions, files, lambda path, name: ())  # noqa: ARG005
    return frozenset(one.function for one in found.recorded.values())
