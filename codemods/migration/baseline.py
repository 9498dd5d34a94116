"""How it was before: the tests, run twice under the old decorators, with recording on.

The first run fills what the old cache has not got yet; the second shows what it would have hit.
Results that differ between the two, with nothing changed in between, are no migration's fault:
such functions are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codemods.migration.command import FAILED, NO_TESTS, PASSED, USAGE, Ran, own_caches, run
from codemods.migration.recorded import Recording, compare, read
from codemods.migration.state import MigrationError, Notes, Progress

RUNS = 2

#: What is chosen to be rechecked has a new decorator; it is named, and not run: there is no time.
_NAME_NEW = ("--afml-recheck=1", "--afml-recheck-seconds=1e-9")

#: Told the name of a run, and each line that its command prints.
Told = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The runs before any change; without recordings where the command makes none."""

    cold: Recording | None
    warm: Recording | None
    seconds: tuple[float, ...]
    unsteady: Mapping[str, tuple[str, ...]]  #: function -> what differed between the two runs

    @property
    def already(self) -> frozenset[str]:
        """Functions that have a new decorator before any change."""
        recordings = (one for one in (self.cold, self.warm) if one is not None)
        return frozenset(one.function for recording in recordings for one in recording.rechecks)


def take(
    notes: Notes, progress: Progress, told: Told, sources: Sequence[str] = ()
) -> tuple[Baseline, Progress]:
    """Run the command before any change; ``sources`` are further modules with old decorators.

    Raises
    ------
    MigrationError
        The tests do not pass as they are, are others in the second run, or cannot be recorded.
    """
    paths: list[Path] = []
    seconds: list[float] = []
    for number in range(1, RUNS + 1):
        name = f"before-{number}"
        ran = run(
            progress.wishes.verify,
            Path(progress.wishes.cwd),
            notes.folder,
            name,
            (*own_caches(sources), *_NAME_NEW),
            lambda line, name=name: told(name, line),  # type: ignore[misc]
        )
        _check(ran, progress.wishes.verify)
        seconds.append(ran.seconds)
        if ran.recording is None:
            return Baseline(None, None, tuple(seconds), {}), progress
        paths.append(ran.recording)
    progress = notes.save(replace(progress, baseline=tuple(path.name for path in paths)))
    return _baseline(paths, seconds), progress


def taken(notes: Notes, progress: Progress) -> Baseline | None:
    """What was taken before the migration was cut short; None where that is not whole."""
    paths = [notes.folder / name for name in progress.baseline]
    if len(paths) != RUNS or not all(path.is_file() for path in paths):
        return None
    return _baseline(paths, ())


def _baseline(paths: list[Path], seconds: list[float] | tuple[()]) -> Baseline:
    cold, warm = map(read, paths)
    if once := ran_once(cold, warm):
        raise MigrationError(_differ(once))
    return Baseline(cold, warm, tuple(seconds), compare(cold.path, warm.path).changed)


def ran_once(cold: Recording, warm: Recording) -> list[str]:
    """Tests that ran in one of the two runs and not in the other, with nothing changed."""
    return sorted(cold.outcomes.keys() ^ warm.outcomes.keys())


def _differ(once: list[str]) -> str:
    tests = "1 test" if len(once) == 1 else f"{len(once)} tests"
    return (
        f"{tests} ran in one of two runs and not in the other, with nothing changed in between, so"
        " nobody could tell what the migration breaks. Give each a name that stays (no time, random"
        f" number or address among its parameters), or deselect them:{_some(once)}"
    )


def _check(ran: Ran, command: str) -> None:
    """Whether the tests are such that a migration can be measured by them."""
    if ran.code == PASSED:
        if ran.recording is not None and (failed := read(ran.recording).failed):
            raise MigrationError(_red(command, failed))
        return
    failed = read(ran.recording).failed if ran.recording is not None else []
    if failed and ran.code == FAILED:
        raise MigrationError(_red(command, failed))
    shown = "\n".join(f"  {line}" for line in ran.tail)
    if ran.code == USAGE and any("--afml-record" in line for line in ran.tail):
        raise MigrationError(
            f"the pytest of `{command}` does not know --afml-record: afml-cache is not installed"
            f" in its environment. Install it there, or name the pytest of this one\n{shown}"
        )
    if ran.code == NO_TESTS:
        raise MigrationError(
            f"`{command}` finds no tests, so nothing could be verified; name the folder with the"
            f" tests\n{shown}"
        )
    raise MigrationError(
        f"`{command}` ends with exit code {ran.code} before anything is changed; mend that"
        f" first\n{shown}"
    )


def _red(command: str, failed: list[str]) -> str:
    tests = "1 test fails" if len(failed) == 1 else f"{len(failed)} tests fail"
    return (
        f"{tests} before anything is changed, so `{command}` could not tell what the migration"
        f" breaks. Mend or deselect them first:{_some(failed)}"
    )


def _some(tests: list[str]) -> str:
    names = "".join(f"\n  {test}" for test in tests[:5])
    return names + (f"\n  ... and {len(tests) - 5} more" if len(tests) > 5 else "")
