"""What commands that add something do with their plans: show them, or carry them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemods.cli.dirty import ask_if_dirty
from codemods.cli.stop import FAILED, USAGE, journal_trouble, stop

if TYPE_CHECKING:
    from codemods.runner import Survey


def carry_out(found: Survey, *, dry_run: bool, yes: bool) -> int:
    """The exit code, after everything has been done and told."""
    from codemods.journal import JournalError
    from codemods.runner import apply
    from codemods.show import console
    from codemods.show_added import show_added, show_before

    out = console()
    if dry_run:
        show_before(out, found)
        return FAILED if found.failures else 0
    if found.changes and found.tree.in_git and not yes:
        files = (entry.path for entry in found.changes)
        ask_if_dirty(found.tree.root, files, "Go on all the same?")
    try:
        done = apply(found)
    except JournalError as error:
        stop(str(error), USAGE)
    except OSError as error:
        stop(journal_trouble(found.tree.root, error), FAILED)
    show_added(out, found, done)
    return FAILED if done.failures else 0
