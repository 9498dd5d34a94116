"""Whether what was verified is what stands.

While the command runs, an editor, git, a formatter, or a rollback may have changed what was
migrated. Nothing of what was measured is true of such files.
"""

from __future__ import annotations

from codemods.migration.state import Notes, Progress
from codemods.rollback import Standing, standing


def disturbed(notes: Notes, progress: Progress, *, migrated: bool) -> str:
    """What has become of the migration behind its back; empty where it stands as it was left.

    Parameters
    ----------
    notes : Notes
    progress : Progress
    migrated : bool
        Whether it has changed anything, so that something has to stand.
    """
    stands = notes.own(progress)
    if migrated and not stands:
        return "the journal has it rolled back"
    found = {
        record.path: standing(notes.root, record)[0]
        for migration in stands
        for record in migration.files
    }
    changed = {path: now for path, now in sorted(found.items()) if now is not Standing.MIGRATED}
    return ", ".join(
        f"{path} is not as the migration left it ({now})" for path, now in changed.items()
    )
