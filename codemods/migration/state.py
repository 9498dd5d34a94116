"""How far a verified migration has come: one file, written before each step.

Whatever cuts the migration short, the file says which step it was at, what was asked for, and
which of the journal's migrations are its own. That is all that `--resume` and `rollback` need.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from codemods.journal import NOTES, Journal, JournalError, Migration, State
from codemods.writing import create_file, remove_leftover, sync_folder

VERSION = 1
COMMAND = "migrate"
FILE = "state.json"


class Step(StrEnum):
    """What is being done, or was when the migration was cut short."""

    LOOK = "looking"
    BASELINE = "recording the baseline"
    PLAN = "planning"
    APPLY = "applying"
    VERIFY = "verifying"
    REPAIR = "rolling back what failed"
    REPORT = "reporting"
    DONE = "done"
    GIVEN_UP = "given up"  #: and nothing of it stands


#: At these steps the migration is over.
OVER = frozenset({Step.DONE, Step.GIVEN_UP})


class MigrationError(Exception):
    """The migration cannot go on; the message says why, and what to do."""


class WishError(MigrationError):
    """What was asked for cannot be done by anybody; nothing was begun."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for; kept, so that `--resume` goes on with the same."""

    verify: str  #: the command as it was typed
    cwd: str  #: where it runs
    paths: tuple[str, ...] = ()
    to: str | None = None
    only: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    call_forms: bool = False
    limit: int | None = None  #: 0: only measure
    interactive: bool = False
    recheck: str = "1"  #: calls a function, or "all"; "0" is none
    recheck_seconds: float = 60.0
    keep_going: bool = False
    strict: bool = False
    pin: bool = True
    report: str = ""  #: where the report goes; empty: the root


@dataclass(frozen=True, slots=True)
class Progress:
    """A migration on its way.

    Attributes
    ----------
    id : str
    created : str
        ISO 8601, UTC.
    step : Step
    wishes : Wishes
    earlier : tuple of str
        The journal's migrations that were there before, which are not its own.
    baseline : tuple of str
        Its finished recordings of the time before, by file name.
    sources : str
        A digest of the files that the baseline is of.
    guilty : mapping of str to str
        ``path::function`` -> why it went back; these are not tried again.
    """

    id: str
    created: str
    step: Step
    wishes: Wishes
    earlier: tuple[str, ...] = ()
    baseline: tuple[str, ...] = ()
    sources: str = ""
    guilty: dict[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to resume."""
        return self.step in OVER


class Notes:
    """The folder of the verified migration in the journal's, and the state in it.

    Parameters
    ----------
    root : Path
        The repository.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.journal = Journal(root)
        self.folder = self.journal.folder / NOTES

    @property
    def file(self) -> Path:
        """Where the state lies."""
        return self.folder / FILE

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second `migrate`, and whatever else would change files, out of this repository.

        Raises
        ------
        MigrationError
            One is at work.
        """
        from filelock import FileLock, Timeout

        self._make()
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise MigrationError(
                f"another `afml-codemod migrate` is at work in {self.root}, or a command that it"
                " would get in the way of; wait until it is done"
            ) from None
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def respected(self) -> Iterator[None]:
        """Wait for no `migrate`, but keep out of its way; where there was none, leave no trace.

        Raises
        ------
        MigrationError
            One is at work.
        """
        with self.held() if self.folder.is_dir() else nullcontext():
            yield

    def are_held(self) -> bool:
        """Whether a `migrate` is at work in this repository now."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def begin(self, wishes: Wishes) -> Progress:
        """A new migration, written down; what the last one has recorded goes."""
        for old in (*self.folder.glob("*.log"), *self.folder.glob("*-*.json")):
            old.unlink(missing_ok=True)
        now = datetime.now(UTC)
        earlier = tuple(migration.id for migration in self.journal.migrations())
        name = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        return self.save(
            Progress(name, now.isoformat(timespec="seconds"), Step.LOOK, wishes, earlier)
        )

    def at(self, progress: Progress, step: Step) -> Progress:
        """The migration at another step; on the disk before the step begins."""
        return self.save(replace(progress, step=step))

    def save(self, progress: Progress) -> Progress:
        """Write the state down."""
        self._make()
        text = json.dumps({"version": VERSION, **asdict(progress)}, indent=1)
        create_file(self.file, text.encode() + b"\n")
        sync_folder(self.folder)
        return progress

    def read(self) -> Progress | None:
        """The last verified migration of this repository; None where there was none.

        Raises
        ------
        MigrationError
            The file cannot be read.
        """
        try:
            found = json.loads(self.file.read_bytes())
            if found.pop("version") != VERSION:
                raise ValueError("it is of another version of afml-cache")
            return _progress(found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MigrationError(
                f"{self.file} cannot be read ({error}); `afml-codemod rollback` undoes what the"
                " journal has, and removing the file lets a new migration begin"
            ) from error

    def own(self, progress: Progress) -> list[Migration]:
        """What of the journal is this migration's and may still stand, the newest first."""
        try:
            found = [
                migration
                for migration in self.journal.migrations()
                if migration.command == COMMAND
                and migration.id not in progress.earlier
                and migration.state is not State.ROLLED_BACK
            ]
        except JournalError as error:
            raise MigrationError(str(error)) from error
        return found[::-1]

    def reports(self, progress: Progress | None) -> tuple[Path, Path]:
        """Where the report goes, by default or as was asked for: the page, and JSON beside it."""
        asked = progress.wishes.report if progress is not None else ""
        page = Path(asked or self.root / "migration-report.html")
        return page, page.with_suffix(".json")

    def give_up(self, progress: Progress) -> Progress:
        """The migration is over, and nothing of it stands; a half-written report goes, too."""
        for report in self.reports(progress):
            remove_leftover(report)
        return self.at(progress, Step.GIVEN_UP)

    def _make(self) -> None:
        self.journal.folder.mkdir(exist_ok=True)
        self.journal.make()
        self.folder.mkdir(exist_ok=True)


def _progress(found: dict[str, Any]) -> Progress:
    wishes = {one.name: found["wishes"][one.name] for one in fields(Wishes)}
    for name, value in wishes.items():
        if isinstance(value, list):
            wishes[name] = tuple(value)
    return Progress(
        id=str(found["id"]),
        created=str(found["created"]),
        step=Step(found["step"]),
        wishes=Wishes(**wishes),
        earlier=tuple(found["earlier"]),
        baseline=tuple(found["baseline"]),
        sources=str(found["sources"]),
        guilty=dict(found["guilty"]),
    )
