"""What was done to a repository, so that it can be undone.

``.afml-codemod/`` at its root holds a folder a migration: ``migration.json``, which can be
read by a person, and ``originals.zip`` with every file as it was, under its digest. Both
are on the disk before the first file is touched.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from codemods.draft import Rewrite
from codemods.edits import Edit
from codemods.plan import Plan, digest
from codemods.writing import create_file, sync_folder

if TYPE_CHECKING:
    from filelock import FileLock

FOLDER = ".afml-codemod"
#: The folder in it where `migrate` keeps its own notes, which are no migration.
NOTES = "verified"
VERSION = 1
ATTEMPTS = 20  #: to take a lock whose file is removed again and again


class JournalError(Exception):
    """The journal cannot be used; the message says what to do."""


class State(StrEnum):
    """How far a migration has come."""

    APPLYING = "applying"  #: it is being written, or was interrupted
    APPLIED = "applied"
    PARTLY_ROLLED_BACK = "partly rolled back"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of a migration."""

    path: str  #: relative to the root
    mode: int
    before: str  #: SHA-256
    after: str
    rewrites: tuple[Rewrite, ...]
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Migration:
    """One run that changed files."""

    id: str
    created: str  #: ISO 8601, UTC
    state: State
    sources: tuple[str, ...]  #: source modules beyond the built-in ones
    files: tuple[FileRecord, ...]
    command: str = "apply"  #: what made it: ``apply``, ``revert``, ...
    told: tuple[str, ...] = ()  #: what is gone, and a rollback has said so
    undone: tuple[str, ...] = ()  #: files of which a rollback has left nothing to undo


class Journal:
    """The migrations of one repository.

    Parameters
    ----------
    root : Path
        The repository's root. Nothing is created before the first :meth:`begin`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of this repository.

        Raises
        ------
        JournalError
            Another run is at work.
        OSError
            The journal's folder cannot be made.
        """
        lock = self._acquired()
        try:
            for folder in self.folder.iterdir():
                if (
                    folder.is_dir()
                    and folder.name != NOTES
                    and not (folder / "migration.json").exists()
                ):
                    shutil.rmtree(folder)  # a run was killed before it touched a file
            yield
        finally:
            if not any(entry.is_dir() for entry in self.folder.iterdir()):
                self._leave_no_trace()
            lock.release()

    def _acquired(self) -> FileLock:
        """The lock on the file that bears its name now.

        A run that changed nothing removes the file while it holds the lock. Who had opened it
        before gets a lock that nobody else will ever see; it has to be taken again.
        """
        from filelock import FileLock, Timeout

        file = self.folder / "lock"
        for _ in range(ATTEMPTS):
            lock = FileLock(file)
            try:
                self.make()
                with file.open("ab") as seen:
                    lock.acquire(timeout=0)
                    # An unlinked file never comes back: the same file before and after means
                    # that it was the same in between, when the lock was taken.
                    if os.path.samestat(os.fstat(seen.fileno()), file.stat()):
                        return lock
            except (FileNotFoundError, FileExistsError):
                # Made or removed under our hands by a run that begins or ends just now.
                if self._is_no_folder():
                    raise
            except Timeout:
                break
            lock.release()
        raise JournalError(f"another afml-codemod is at work in {self.root}; wait until it is done")

    def _is_no_folder(self) -> bool:
        """Whether something else bears the folder's name; asked once, since it comes and goes."""
        try:
            return not stat.S_ISDIR(self.folder.stat().st_mode)
        except FileNotFoundError:
            return False

    def _leave_no_trace(self) -> None:
        """Remove the folder, unless somebody has put something there meanwhile."""
        try:
            (self.folder / ".gitignore").unlink(missing_ok=True)
            (self.folder / "lock").unlink(missing_ok=True)
            self.folder.rmdir()
        except OSError:  # another run has begun in it, or the system keeps open files
            pass

    def begin(
        self,
        files: Iterable[tuple[str, bytes, Plan]],
        sources: tuple[str, ...] = (),
        command: str = "apply",
    ) -> Migration:
        """Record what is about to be done; all of it is on the disk when this returns."""
        records: list[FileRecord] = []
        packed = io.BytesIO()
        with ZipFile(packed, "w", ZIP_DEFLATED, compresslevel=1) as originals:
            for path, data, plan in files:
                mode = stat.S_IMODE((self.root / path).stat().st_mode)
                after = digest(plan.carry_out(data))
                if all(plan.digest != record.before for record in records):
                    originals.writestr(plan.digest, data)
                records.append(
                    FileRecord(path, mode, plan.digest, after, plan.rewrites, plan.edits)
                )
        self.make()
        now = datetime.now(UTC)
        name = self._make_folder(now)
        create_file(self.folder / name / "originals.zip", packed.getvalue())
        migration = Migration(
            name,
            now.isoformat(timespec="seconds"),
            State.APPLYING,
            sources,
            tuple(records),
            command,
        )
        self.save(migration)
        sync_folder(self.folder)
        return migration

    def save(self, migration: Migration) -> None:
        """Write a migration's record."""
        folder = self.folder / migration.id
        text = json.dumps(_to_json(migration), indent=1)
        create_file(folder / "migration.json", text.encode() + b"\n")
        sync_folder(folder)

    def mark(self, migration: Migration, state: State) -> Migration:
        """The migration in another state, saved."""
        migration = replace(migration, state=state)
        self.save(migration)
        return migration

    def forget(self, migration: Migration) -> None:
        """Remove the record of a migration that changed nothing."""
        shutil.rmtree(self.folder / migration.id)

    def migrations(self) -> Iterator[Migration]:
        """All migrations, oldest first."""
        if self.folder.is_dir():
            for folder in sorted(self.folder.iterdir()):
                if (folder / "migration.json").is_file():
                    yield self.read(folder.name)

    def read(self, name: str) -> Migration:
        """One migration by its ID.

        Raises
        ------
        JournalError
            There is none of that name, or its record cannot be read.
        """
        file = self.folder / name / "migration.json"
        try:
            found = json.loads(file.read_bytes())
            if found["version"] != VERSION:
                raise JournalError(
                    f"{file} has version {found['version']}; this program reads version {VERSION}."
                    " Roll back with the version of afml-cache that made the migration"
                )
            return _from_json(found)
        except FileNotFoundError:
            raise JournalError(
                f"there is no migration {name} in {self.folder}; `afml-codemod status` lists them"
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(
                f"{file} cannot be read ({error}); the files as they were are in originals.zip"
                " beside it"
            ) from error

    def latest(self) -> Migration | None:
        """The last migration of which something may still stand."""
        standing = [m for m in self.migrations() if m.state is not State.ROLLED_BACK]
        return standing[-1] if standing else None

    def original(self, migration: Migration, record: FileRecord) -> bytes:
        """A file as it was before the migration, checked against its digest."""
        archive = self.folder / migration.id / "originals.zip"
        try:
            with ZipFile(archive) as originals:
                data = originals.read(record.before)
        except (OSError, KeyError, BadZipFile) as error:
            raise JournalError(f"{archive} has lost {record.path} ({error})") from error
        if digest(data) != record.before:
            raise JournalError(f"{archive} is damaged: {record.path} is not what was stored")
        return data

    def make(self) -> None:
        """The journal's folder, which git does not look into."""
        self.folder.mkdir(exist_ok=True)
        if not (self.folder / ".gitignore").exists():
            create_file(self.folder / ".gitignore", b"# The journal of afml-codemod.\n*\n")

    def _make_folder(self, now: datetime) -> str:
        stem = now.strftime("%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            name = stem if number == 1 else f"{stem}-{number}"
            try:
                (self.folder / name).mkdir()
            except FileExistsError:
                continue
            return name
        raise JournalError(f"{self.folder} is full of migrations of this second")


def _to_json(migration: Migration) -> dict[str, Any]:
    files = [
        {
            "path": record.path,
            "mode": oct(record.mode),
            "before": record.before,
            "after": record.after,
            "rewrites": [asdict(rewrite) for rewrite in record.rewrites],
            "edits": [
                asdict(edit) | {"old": _text(edit.old), "new": _text(edit.new)}
                for edit in record.edits
            ],
        }
        for record in migration.files
    ]
    head = {"version": VERSION, "id": migration.id, "created": migration.created}
    return head | {
        "command": migration.command,
        "state": migration.state,
        "sources": migration.sources,
        "told": migration.told,
        "undone": migration.undone,
        "files": files,
    }


def _from_json(found: dict[str, Any]) -> Migration:
    files = tuple(
        FileRecord(
            record["path"],
            int(record["mode"], 8),
            record["before"],
            record["after"],
            tuple(Rewrite(**rewrite) for rewrite in record["rewrites"]),
            tuple(
                Edit(**(edit | {"old": _bytes(edit["old"]), "new": _bytes(edit["new"])}))
                for edit in record["edits"]
            ),
        )
        for record in found["files"]
    )
    return Migration(
        found["id"],
        found["created"],
        State(found["state"]),
        tuple(found["sources"]),
        files,
        found.get("command", "apply"),
        tuple(found.get("told", ())),
        tuple(found.get("undone", ())),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
