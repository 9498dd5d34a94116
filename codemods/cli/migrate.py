"""``plan``, ``apply`` and ``check``: what would be migrated, doing it, and asking for it in CI."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.carry_out import carry_out
from codemods.cli.selection import selection, surveyed
from codemods.cli.stop import FAILED, FOUND
from codemods.rules import TARGETS

if TYPE_CHECKING:
    from codemods.pinning import Pinned
    from codemods.runner import Applied, Survey


@click.command()
@selection(*TARGETS)
@click.option("--diff", is_flag=True, help="Show the changes as a diff, too.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    show_default=True,
    help="For people, for programs, for code-scanning views.",
)
def plan(diff: bool, style: str, **selected: Any) -> None:
    """Show what would be changed, function by function, and why; write nothing."""
    found = surveyed(**selected)
    if style == "json":
        from codemods.show import as_json

        click.echo(as_json(found))
    elif style == "sarif":
        from codemods.sarif import as_sarif

        click.echo(as_sarif(found))
    elif _is_nothing(found):
        click.echo("Nothing to migrate.")
    else:
        from codemods.show import console, show_plan

        show_plan(console(), found, diff=diff)
    sys.exit(FAILED if found.failures else 0)


@click.command()
@selection(*TARGETS)
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
    if _is_nothing(found):
        click.echo("Nothing to migrate.")
        return
    from codemods.show import console, show_applied, show_pinned

    out = console()
    done = carry_out(found, out, "Migrating", yes=yes)
    pinned = None
    if pin and done.changed:
        waiting = "Pinning the code that stored results belong to (imports migrated modules)"
        with out.status(waiting) if out.is_terminal else nullcontext():
            pinned = _pin(found, done)
    show_applied(out, found, done, "Migrated")
    if done.changed:
        show_pinned(out, pinned)
    sys.exit(FAILED if done.failures else 0)


@click.command()
@selection(*TARGETS)
def check(**selected: Any) -> None:
    """Exit 1, with a line for each, while legacy decorators remain (for CI and pre-commit)."""
    from codemods.findings import DECORATOR_REMAINS, place
    from codemods.show import why

    found = surveyed(**selected)
    left = 0
    for entry in found.planned:
        for rewrite in entry.plan.rewrites:
            where = f"{entry.path}:{place(rewrite.line, rewrite.cell)}"
            click.echo(
                f"{where}: {rewrite.function}: @{rewrite.old}"
                f" can become @{rewrite.new} ({why(rewrite)})"
            )
        for finding in entry.plan.findings:
            click.echo(finding.at(entry.path))
        left += len(entry.plan.rewrites)
        left += sum(finding.code in DECORATOR_REMAINS for finding in entry.plan.findings)
    for failure in found.failures:
        click.echo(f"{failure.path}: {failure.text}", err=True)
    sys.exit(FAILED if found.failures else FOUND if left else 0)


def _is_nothing(found: Survey) -> bool:
    notes = found.selected.notes if found.selected else ()
    return not (found.planned or found.failures or notes)


def _pin(found: Survey, done: Applied) -> Pinned | None:
    from codemods.pinning import pin

    functions = {
        entry.path: [rewrite.function for rewrite in entry.plan.rewrites]
        for entry in found.changes
        if entry.path in done.changed
    }
    files = {*found.tree.files, *found.tree.all_files()}
    regular = [file for file in files if (found.tree.root / file).is_file()]  # no pipes
    return pin(found.tree.root, regular, functions)
