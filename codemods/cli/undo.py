"""``rollback``, ``revert`` and ``status``: the ways back, and what stands of each migration."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.carry_out import carry_out
from codemods.cli.selection import PATH, selection, surveyed
from codemods.cli.stop import FAILED, USAGE, journal_trouble, stop

if TYPE_CHECKING:
    from codemods.journal import Journal, Migration


@click.command()
@click.argument("migration", required=False, metavar="[ID]")
@click.option("--root", type=PATH, default=Path(), help="The repository; default: this one.")
@click.option("--all", "everything", is_flag=True, help="Undo all migrations, the last one first.")
@click.option(
    "--clear-cache",
    is_flag=True,
    help="Then clear what the new decorators have stored of these functions; restorable.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be undone; change nothing.")
def rollback(
    migration: str | None, root: Path, everything: bool, clear_cache: bool, dry_run: bool
) -> None:
    """Undo a migration: the last one, or the one with this ID.

    A verified migration that was cut short is undone entirely, and is over then.
    """
    from codemods.files import find_root
    from codemods.journal import JournalError
    from codemods.migration.clear import clear, functions_of
    from codemods.migration.state import MigrationError, Notes

    if migration and everything:
        stop("Name one migration, or --all of them.", USAGE)
    notes = Notes(find_root(root)[0])
    journal: Journal = notes.journal
    unfinished, unreadable, reports = None, "", notes.reports(None)
    try:
        unfinished = notes.read() if migration is None else None
        reports = notes.reports(unfinished)
    except MigrationError as error:  # the journal alone can undo, too
        unreadable = str(error)
    try:
        if unfinished is not None and unfinished.is_over:
            unfinished = None
        found = _meant(journal, migration, everything)
        if unfinished is not None and not everything:
            found = notes.own(unfinished)
    except (JournalError, MigrationError) as error:
        stop(str(error), USAGE)
    if unreadable:
        click.echo(f"{unreadable}. So this goes by the journal alone.", err=True)
    if not found and unfinished is None and not unreadable:
        click.echo(
            f"No migration to roll back in {journal.root}. Where a clone has no journal,"
            " `afml-codemod revert` is the same rewrite backwards."
        )
        if everything:
            _clear_reports(notes.root, reports, dry_run=dry_run)
        return
    try:
        with nullcontext() if dry_run else notes.respected():
            complete = all(_undone(journal, one, dry_run) for one in found)
    except MigrationError as error:
        stop(str(error), USAGE)
    if unfinished is not None and complete and not dry_run:
        notes.give_up(unfinished)
        click.echo(f"The verified migration {unfinished.id} is over; nothing of it stands.")
    if unreadable and complete and not dry_run and not _meant(journal, None, everything=True):
        notes.file.unlink(missing_ok=True)
        click.echo(f"Nothing stands any more; {notes.file} is removed.")
    if everything and complete:
        _clear_reports(notes.root, reports, dry_run=dry_run)
    if clear_cache and complete:
        functions = functions_of(found)
        try:
            click.echo(clear(functions, functions, dry_run=dry_run))
        except MigrationError as error:
            stop(str(error), FAILED)
    sys.exit(0 if complete else FAILED)


def _clear_reports(root: Path, reports: tuple[Path, Path], *, dry_run: bool) -> None:
    """Remove the report of what does not stand any more, or say that it would be."""
    from codemods.migration.reports import left

    for file in left(root, *reports):
        if not dry_run:
            file.unlink()
        click.echo(f"{'Would be removed' if dry_run else 'Removed'}: {file}")


def _meant(journal: Journal, migration: str | None, everything: bool) -> list[Migration]:
    """The migrations that are to be undone, the last one first."""
    from codemods.journal import State

    if migration is not None:
        return [journal.read(migration)]
    standing = [one for one in journal.migrations() if one.state is not State.ROLLED_BACK]
    return standing[::-1] if everything else standing[-1:]


def _undone(journal: Journal, migration: Migration, dry_run: bool) -> bool:
    """Undo one migration, or show what that would be; whether nothing of it is left."""
    from codemods.journal import JournalError
    from codemods.rollback import roll_back, standing
    from codemods.show import console, progress, show_rollback

    out = console()
    if dry_run:
        click.echo(f"Migration {migration.id} would be rolled back:")
        for record in migration.files:
            click.echo(f"  {record.path} ({standing(journal.root, record)[0]} now)")
        return True
    try:
        with progress(out, "Rolling back") as told:
            result = roll_back(journal, migration, told)
    except JournalError as error:
        stop(str(error), USAGE)
    except OSError as error:
        stop(journal_trouble(journal.root, error), FAILED)
    show_rollback(out, result)
    return result.complete


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
    from codemods.journal import JournalError
    from codemods.migration.state import MigrationError, Notes
    from codemods.show import console, show_status

    notes = Notes(find_root(root)[0])
    try:
        show_status(console(), notes.journal)
        verified = notes.read()
    except (JournalError, MigrationError) as error:
        stop(str(error), FAILED)
    if verified is not None and not verified.is_over and notes.are_held():
        click.echo(f"The verified migration {verified.id} is at work, {verified.step}.")
    elif verified is not None and not verified.is_over:
        click.echo(
            f"The verified migration {verified.id} was cut short while {verified.step}:"
            " `afml-codemod migrate --resume` goes on, `afml-codemod rollback` undoes it."
        )
