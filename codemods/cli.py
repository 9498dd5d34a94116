"""The ``afml-codemod`` command: plan, apply, check, rollback, status, demo.

Exit codes: 0 done or clean, 1 findings under ``check``, 2 usage, 3 some file failed while
all the others were done, 130 interrupted.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from codemods.rules import TARGETS, Rules

if TYPE_CHECKING:
    from codemods.pinning import Pinned
    from codemods.runner import Applied, Survey

FOUND, USAGE, FAILED = 1, 2, 3

PATH = click.Path(path_type=Path)


class _Commands(click.Group):
    """Commands that end as a shell expects when they are cut short."""

    def invoke(self, ctx: click.Context) -> Any:
        from codemods.cut_short import cut_short

        with cut_short():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="afml-cache", prog_name="afml-codemod")
def main() -> None:
    """Move a repository from @cacheable to @robust_cacheable and @time_aware_cacheable.

    Begin with `afml-codemod plan`: it shows what would be changed and writes nothing.
    """


def _selection(command: Any) -> Any:
    """The options that say which files and which rewrite."""
    for decorate in (
        click.option("--jobs", type=click.IntRange(min=1), help="Processes; default: all cores."),
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help="Leave out paths like this one."
        ),
        click.option(
            "--source-module",
            "sources",
            multiple=True,
            metavar="MODULE",
            help="A further module that offers the decorators, old and new.",
        ),
        click.option(
            "--to",
            type=click.Choice(list(TARGETS)),
            default="auto",
            show_default=True,
            help="Which decorator; auto decides function by function.",
        ),
        click.argument("paths", nargs=-1, type=PATH),
    ):
        command = decorate(command)
    return command


@main.command()
@_selection
@click.option("--diff", is_flag=True, help="Show the changes as a diff, too.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def plan(diff: bool, style: str, **selection: Any) -> None:
    """Show what would be changed, function by function, and why; write nothing."""
    found = _survey(**selection)
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


@main.command()
@_selection
@click.option("--yes", is_flag=True, help="Do not ask before writing to a dirty git tree.")
@click.option(
    "--pin/--no-pin",
    default=True,
    show_default=True,
    help="Import migrated modules that have stored results, to pin the code these belong to.",
)
def apply(yes: bool, pin: bool, **selection: Any) -> None:
    """Migrate; record what was done, so that `rollback` can undo it."""
    found = _survey(**selection)
    if not (found.planned or found.failures):
        click.echo("Nothing to migrate.")
        _tell_of_notebooks(found)
        return
    if found.changes and found.tree.in_git and not yes:
        _ask_if_dirty(found)
    from codemods.journal import JournalError
    from codemods.runner import apply as carry_out
    from codemods.show import console, progress, show_applied

    out = console()
    try:
        with progress(out, "Migrating") as told:
            done = carry_out(found, told)
    except JournalError as error:
        _stop(str(error), USAGE)
    except OSError as error:
        _stop(_journal_trouble(found.tree.root, error), FAILED)
    pinned = None
    if pin and done.changed:
        waiting = "Pinning the code that stored results belong to (imports migrated modules)"
        with out.status(waiting) if out.is_terminal else nullcontext():
            pinned = _pin(found, done)
    show_applied(out, found, done, pinned)
    _tell_of_notebooks(found)
    sys.exit(FAILED if done.failures else 0)


@main.command()
@_selection
def check(**selection: Any) -> None:
    """Exit 1, with a line for each, while legacy decorators remain (for CI and pre-commit)."""
    from codemods.findings import DECORATOR_REMAINS

    found = _survey(**selection)
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


@main.command()
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
        _stop(str(error), USAGE)
    if found is None:
        click.echo(f"No migration to roll back in {journal.root}.")
        return
    out = console()
    try:
        with progress(out, "Rolling back") as told:
            result = roll_back(journal, found, told)
    except JournalError as error:
        _stop(str(error), USAGE)
    except OSError as error:
        _stop(_journal_trouble(journal.root, error), FAILED)
    show_rollback(out, result)
    sys.exit(0 if result.complete else FAILED)


@main.command()
@click.option("--root", type=PATH, default=Path(), help="The repository; default: this one.")
def status(root: Path) -> None:
    """List the migrations, and what of each still stands."""
    from codemods.files import find_root
    from codemods.journal import Journal, JournalError
    from codemods.show import console, show_status

    try:
        show_status(console(), Journal(find_root(root)[0]))
    except JournalError as error:
        _stop(str(error), FAILED)


@main.command()
@click.option("--directory", type=PATH, help="Where to work; default: a temporary folder.")
@click.option("--keep", is_flag=True, help="Keep the folder afterwards.")
def demo(directory: Path | None, keep: bool) -> None:
    """Migrate a small repository before your eyes: real prices, real numbers, and back."""
    import codemods.demo

    sys.exit(codemods.demo.run(directory, keep))


def _survey(
    paths: tuple[Path, ...],
    to: str,
    sources: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
) -> Survey:
    from codemods.files import PathError, find
    from codemods.runner import survey

    for source in sources:
        if not all(part.isidentifier() for part in source.split(".")):
            _stop(
                f"--source-module {source!r} is no module name; write it as an import does",
                USAGE,
            )
    rules = Rules(to=TARGETS[to], more_sources=sources)
    try:
        tree = find(paths or (Path(),), exclude)
    except PathError as error:
        _stop(str(error), USAGE)
    return survey(tree, rules, jobs=jobs)


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


def _ask_if_dirty(found: Survey) -> None:
    from codemods.files import uncommitted

    dirty = uncommitted(found.tree.root, (entry.path for entry in found.changes))
    if not dirty:
        return
    files = "1 file has" if len(dirty) == 1 else f"{len(dirty)} files have"
    text = f"{files} changes that git does not hold yet ({', '.join(dirty[:3])}"
    text += ", ...)" if len(dirty) > 3 else ")"
    if not sys.stdin.isatty():
        _stop(f"{text}. Commit or stash them first, or run again with --yes.", USAGE)
    if not click.confirm(f"{text}. Migrate all the same?"):
        _stop("Nothing was changed.", USAGE)


def _journal_trouble(root: Path, error: OSError) -> str:
    return (
        f"The journal {root / '.afml-codemod'} cannot be written: {error}. Make room, or make it"
        " writable, and run again; `afml-codemod status` tells what stands."
    )


def _stop(text: str, code: int) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
