"""``rollback``, ``revert`` and ``status``: the ways back, and what stands of each migration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from codemods.cli.carry_out import carry_out
from codemods.cli.selection import PATH, selection, surveyed
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
        click.echo(
            f"No migration to roll back in {journal.root}. Where a clone has no journal,"
            " `afml-codemod revert` is the same rewrite backwards."
        )
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
@selection("cacheable", default="cacheable")
@click.option("--dry-run", is_flag=True, help="Show what would be changed; write nothing.")
@click.option("--diff", is_flag=True, help="With --dry-run: show it as a diff, too.")
@click.option("--yes", is_flag=True, help="Do not ask before writing to a dirty git tree.")
def revert(dry_run: bool, diff: bool, yes: bool, **selected: Any) -> None:
    """Rewrite the new decorators to @cacheable, where there is no journal to roll back.

    It is the same rewrite backwards, for all new decorators, whoever wrote them. It does not give
    back every byte: order and layout of imports may differ from what they were.
    """
    found = surveyed(**selected)
    from codemods.journal import Journal
    from codemods.show import console, show_applied, show_plan

    if not (found.planned or found.failures):
        click.echo("Nothing to revert.")
        return
    out = console()
    if dry_run:
        show_plan(out, found, diff=diff, to_do="revert")
        sys.exit(FAILED if found.failures else 0)
    standing = Journal(found.tree.root).latest()
    done = carry_out(found, out, "Reverting", yes=yes, command="revert")
    show_applied(out, found, done, "Reverted")
    if done.changed:
        click.echo(
            "Imports are as the rewrite leaves them, which need not be as they were before the"
            " migration."
        )
    if done.changed and standing is not None:
        click.echo(
            f"There is a journal: undoing this and then `afml-codemod rollback {standing.id}`"
            " restores its files byte for byte."
        )
    sys.exit(FAILED if done.failures else 0)


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
