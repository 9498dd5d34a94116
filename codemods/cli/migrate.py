"""``plan``, ``apply`` and ``check``: what would be migrated, doing it, and asking for it in CI."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.dirty import ask_if_dirty
from codemods.cli.selection import selection, surveyed
from codemods.cli.stop import FAILED, FOUND, USAGE, journal_trouble, stop

if TYPE_CHECKING:
    from codemods.pinning import Pinned
    from codemods.runner import Applied, Survey


@click.command()
@selection
@click.option("--diff", is_flag=True, help="Show the changes as a diff, too.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def plan(diff: bool, style: str, **selected: Any) -> None:
    """Show what would be changed, function by function, and why; write nothing."""
    found = surveyed(**selected)
    if style == "json":
        from codemods.show import as_json

        click.echo(as_json(found))
    elif not (found.planned or found.failures):
        click.echo("Nothing to migrate.")
    else:
        from codemods.show import console, show_plan

        show_plan(console(), found, diff=diff)
    if style == "text":
        _tell_of_notebooks(found)
    sys.exit(FAILED if found.failures else 0)


@click.command()
@selection
@click.option("--yes", is_flag=True, help="Do not ask before writing to a dirty git tree.")
@click.option(
    "--pin/--no-pin",
    default=True,
    show_default=True,
    help="Import migrated modules that have stored results, to pin the code these belong to.",
)
def apply(yes: bool, pin: bool, **selected: Any) -> None:
    """Migrate; record what was done, so that `rollback` can undo it."""
    found = surveyed(**selected)
    if not (found.planned or found.failures):
        click.echo("Nothing to migrate.")
        _tell_of_notebooks(found)
        return
    if found.changes and found.tree.in_git and not yes:
        files = (entry.path for entry in found.changes)
        ask_if_dirty(found.tree.root, files, "Migrate all the same?")
    from codemods.journal import JournalError
    from codemods.runner import apply as carry_out
    from codemods.show import console, progress, show_applied

    out = console()
    try:
        with progress(out, "Migrating") as told:
            done = carry_out(found, told)
    except JournalError as error:
        stop(str(error), USAGE)
    except OSError as error:
        stop(journal_trouble(found.tree.root, error), FAILED)
    pinned = None
    if pin and done.changed:
        waiting = "Pinning the code that stored results belong to (imports migrated modules)"
        with out.status(waiting) if out.is_terminal else nullcontext():
            pinned = _pin(found, done)
    show_applied(out, found, done, pinned)
    _tell_of_notebooks(found)
    sys.exit(FAILED if done.failures else 0)


@click.command()
@selection
def check(**selected: Any) -> None:
    """Exit 1, with a line for each, while legacy decorators remain (for CI and pre-commit)."""
    from codemods.findings import DECORATOR_REMAINS

    found = surveyed(**selected)
    left = 0
    for entry in found.planned:
        for rewrite in entry.plan.rewrites:
            click.echo(
                f"{entry.path}:{rewrite.line}: {rewrite.function}: @{rewrite.old}"
                f" can become @{rewrite.new} ({rewrite.reason})"
            )
        for finding in entry.plan.findings:
            click.echo(finding.at(entry.path))
        left += len(entry.plan.rewrites)
        left += sum(finding.code in DECORATOR_REMAINS for finding in entry.plan.findings)
    for failure in found.failures:
        click.echo(f"{failure.path}: {failure.text}", err=True)
    _tell_of_notebooks(found)
    sys.exit(FAILED if found.failures else FOUND if left else 0)


def _pin(found: Survey, done: Applied) -> Pinned | None:
    from codemods.pinning import pin

    functions = {
        entry.path: [rewrite.function for rewrite in entry.plan.rewrites]
        for entry in found.changes
        if entry.path in done.changed
    }
    return pin(found.tree.root, [*found.tree.files, *found.tree.all_files()], functions)


def _tell_of_notebooks(found: Survey) -> None:
    from codemods.show import show_notebooks

    show_notebooks(click.echo, found)
