"""``rollback`` and ``status``: undoing a migration, and what stands of each."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from codemods.cli.selection import PATH
from codemods.cli.stop import FAILED, USAGE, journal_trouble, stop


@click.command()
@click.argument("migration", required=False, metavar="[ID]")
@click.option("--root", type=PATH, default=Path(), help="The repository; default: this one.")
def rollback(migration: str | None, root: Path) -> None:
    """Undo a migration: the last one, or the one with this ID."""
    from codemods.files import find_root
    from codemods.journal import Journal, JournalError
    from codemods.rollback import roll_back
    from codemods.show import console, progress, show_rollback

    journal = Journal(find_root(root)[0])
    try:
        found = journal.read(migration) if migration else journal.latest()
    except JournalError as error:
        stop(str(error), USAGE)
    if found is None:
        click.echo(f"No migration to roll back in {journal.root}.")
        return
    out = console()
    try:
        with progress(out, "Rolling back") as told:
            result = roll_back(journal, found, told)
    except JournalError as error:
        stop(str(error), USAGE)
    except OSError as error:
        stop(journal_trouble(journal.root, error), FAILED)
    show_rollback(out, result)
    sys.exit(0 if result.complete else FAILED)


@click.command()
@click.option("--root", type=PATH, default=Path(), help="The repository; default: this one.")
def status(root: Path) -> None:
    """List the migrations, and what of each still stands."""
    from codemods.files import find_root
    from codemods.journal import Journal, JournalError
    from codemods.show import console, show_status

    try:
        show_status(console(), Journal(find_root(root)[0]))
    except JournalError as error:
        stop(str(error), FAILED)
