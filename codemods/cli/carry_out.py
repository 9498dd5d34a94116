"""Carrying out what has been surveyed, with the manners that every command has that writes.

Nothing is written into files that git could not give back unless a person says so, a bar shows
how far it is, and trouble with the journal is told with the way out of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from codemods.cli.stop import FAILED, USAGE, journal_trouble, stop

if TYPE_CHECKING:
    from rich.console import Console

    from codemods.runner import Applied, Survey


def carry_out(
    found: Survey, out: Console, doing: str, *, yes: bool, command: str = "apply"
) -> Applied:
    """Write what ``found`` plans, journal first; ask before, if the git tree is dirty.

    Parameters
    ----------
    found : Survey
        The plans.
    out : Console
        Where the progress bar goes.
    doing : str
        What is done, for the bar.
    yes : bool
        Do not ask.
    command : str
        What the journal calls it.
    """
    from codemods.journal import JournalError
    from codemods.migration.state import MigrationError, Notes
    from codemods.runner import apply
    from codemods.show import progress

    if found.changes and found.tree.in_git and not yes:
        _ask_if_dirty(found)
    try:
        with Notes(found.tree.root).respected(), progress(out, doing) as told:
            return apply(found, told, command)
    except (JournalError, MigrationError) as error:
        stop(str(error), USAGE)
    except OSError as error:
        stop(journal_trouble(found.tree.root, error), FAILED)


def _ask_if_dirty(found: Survey) -> None:
    from codemods.files import uncommitted

    dirty = uncommitted(found.tree.root, (entry.path for entry in found.changes))
    if not dirty:
        return
    files = "1 file has" if len(dirty) == 1 else f"{len(dirty)} files have"
    text = f"{files} changes that git does not hold yet ({', '.join(dirty[:3])}"
    text += ", ...)" if len(dirty) > 3 else ")"
    if not sys.stdin.isatty():
        stop(f"{text}. Commit or stash them first, or run again with --yes.", USAGE)
    if not click.confirm(f"{text}. Go on all the same?"):
        stop("Nothing was changed.", USAGE)
