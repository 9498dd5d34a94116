"""Undoing a migration: byte for byte where nobody touched a file since, else our edits only.

A file that was edited afterwards keeps what the person wrote. Our own edits are looked for
where they were made, then at the functions that were recorded; what cannot be undone is a
conflict, reported with both versions, and the file stays as it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from codemods.files import NOTEBOOK, Tree
from codemods.journal import FileRecord, Journal, JournalError, Migration, State
from codemods.plan import digest
from codemods.runner import Failure
from codemods.undo import Conflict, undo
from codemods.undo_added import undo_added
from codemods.undo_notebook import undo_notebook
from codemods.writing import remove_leftover, replace_file


class Standing(StrEnum):
    """What has become of a migrated file."""

    MIGRATED = "migrated"  #: just as the migration left it
    ORIGINAL = "original"  #: as it was before
    EDITED = "edited"  #: changed by somebody since
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a rollback has done."""

    migration: Migration
    restored: tuple[str, ...]  #: byte for byte
    undone: tuple[str, ...]  #: edited since; only our own edits were taken back
    already: tuple[str, ...]  #: were as before the migration
    conflicts: tuple[Conflict, ...]
    failures: tuple[Failure, ...]
    settled: tuple[Conflict, ...] = ()  #: gone, as an earlier rollback has told already

    @property
    def complete(self) -> bool:
        """Whether nothing of the migration is left."""
        return not self.conflicts and not self.failures


def standing(root: Path, record: FileRecord) -> tuple[Standing, bytes]:
    """What has become of one file, and its bytes.

    Raises
    ------
    OSError
        It is there and cannot be read.
    """
    try:
        data = (root / record.path).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Standing.MISSING, b""
    found = digest(data)
    if found == record.after:
        return Standing.MIGRATED, data
    return (Standing.ORIGINAL if found == record.before else Standing.EDITED), data


def roll_back(
    journal: Journal, migration: Migration, progress: Callable[[int, int], None] | None = None
) -> RolledBack:
    """Undo ``migration`` in every file, and note in the journal how far that went.

    Raises
    ------
    JournalError
        Another run is at work in the repository, or later migrations build on this one.
    OSError
        The journal cannot be written; what was undone in files stands.
    """
    with journal.locked():
        _refuse_under_others(journal, migration)
        return _roll_back(journal, migration, progress)


def _refuse_under_others(journal: Journal, migration: Migration) -> None:
    """Refuse to take names away that later migrations may have imported."""
    rewrites = (rewrite for record in migration.files for rewrite in record.rewrites)
    if all(rewrite.function for rewrite in rewrites):
        return
    later = [
        other.id
        for other in journal.migrations()
        if other.id > migration.id and other.state is not State.ROLLED_BACK
    ]
    if later:
        raise JournalError(
            f"{migration.id} has added names to a package, and later migrations may import them;"
            f" roll {' and '.join(reversed(later))} back first: `afml-codemod rollback {later[-1]}`"
        )


def _roll_back(
    journal: Journal, migration: Migration, progress: Callable[[int, int], None] | None
) -> RolledBack:
    restored: list[str] = []
    undone: list[str] = []
    already: list[str] = []
    conflicts: list[Conflict] = []
    failures: list[Failure] = []
    tree = Tree(journal.root, (), False)
    for done, record in enumerate(migration.files, start=1):
        path = journal.root / record.path
        try:
            if record.path in migration.undone:
                # Whatever stands there now is none of this migration's, even if it looks like it.
                already.append(record.path)
                continue
            state, data = standing(journal.root, record)
            remove_leftover(Path(os.path.realpath(path)))
            if state is Standing.ORIGINAL:
                already.append(record.path)
            elif state is Standing.MISSING:
                conflicts.append(
                    Conflict(record.path, 0, "the migrated file", "no such file", record.path)
                )
            elif state is Standing.MIGRATED:
                replace_file(path, journal.original(migration, record), record.mode)
                restored.append(record.path)
            else:
                before = journal.original(migration, record)
                package = tree.package(record.path)
                if not all(rewrite.old for rewrite in record.rewrites):
                    result, trouble = undo_added(record, before, data)
                else:
                    take_out = undo_notebook if record.path.endswith(NOTEBOOK) else undo
                    result, trouble = take_out(record, before, data, package, migration.sources)
                conflicts += trouble
                if result != data:
                    replace_file(path, result)
                    undone.append(record.path)
                elif not trouble:
                    already.append(record.path)
        except (OSError, JournalError) as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            failures.append(Failure(record.path, text))
        finally:
            if progress is not None:
                progress(done, len(migration.files))
    settled = [conflict for conflict in conflicts if conflict.settles in migration.told]
    conflicts = [conflict for conflict in conflicts if conflict not in settled]
    complete = not conflicts and not failures
    told = (*migration.told, *(conflict.settles for conflict in conflicts if conflict.settles))
    reached = State.ROLLED_BACK if complete else State.PARTLY_ROLLED_BACK
    left = {conflict.path for conflict in conflicts} | {failure.path for failure in failures}
    gone = tuple(record.path for record in migration.files if record.path not in left)
    migration = journal.mark(replace(migration, told=told, undone=gone), reached)
    return RolledBack(
        migration,
        tuple(restored),
        tuple(undone),
        tuple(already),
        tuple(conflicts),
        tuple(failures),
        tuple(settled),
    )
