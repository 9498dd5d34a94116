"""``migrate``: the verified migration, in one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.selection import PATH, check_modules, source_modules
from codemods.cli.stop import FAILED, USAGE, stop
from codemods.rules import TARGETS

if TYPE_CHECKING:
    from codemods.migration.look import Looked
    from codemods.migration.state import Notes, Progress, Wishes
    from codemods.migration.told import Report


#: So many functions are migrated in phase 2, as the guide's `head(10)` has it.
MOST_VALUABLE = 10

_DECORATE = {
    3: "`afml-codemod decorate NAME... --with mlflow`",
    4: "`afml-codemod decorate NAME... --with backtest`",
}


def _recheck(_context: click.Context, _option: click.Parameter, value: str) -> str:
    if value != "all" and not value.isdecimal():
        raise click.BadParameter(f"{value!r} is no number of calls; give one, or all")
    return value


@click.command()
@click.argument("paths", nargs=-1, type=PATH)
@click.option(
    "--verify",
    metavar="COMMAND",
    help='Runs your tests, before and after: "pytest -q".',
)
@click.option("--resume", is_flag=True, help="Go on with the migration that was cut short.")
@click.option(
    "--to",
    type=click.Choice(tuple(TARGETS)),
    help="Which decorator; auto, the default, decides function by function.",
)
@click.option("--only", multiple=True, metavar="PATTERN", help="Only these functions.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out such paths.")
@source_modules
@click.option("--call-forms", is_flag=True, help="Rewrite f = cacheable(g) as well.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N functions this time, the most valuable ones.",
)
@click.option(
    "--phase",
    type=click.IntRange(1, 4),
    metavar="N",
    help="Of the gradual strategy: 1 measures and changes nothing, 2 migrates the ten most"
    " valuable functions (or --limit); 3 and 4 are `decorate`.",
)
@click.option("--interactive", is_flag=True, help="Ask for each function, on a terminal.")
@click.option(
    "--recheck",
    default="1",
    show_default=True,
    callback=_recheck,
    metavar="N|all",
    help="Calls a function whose body is run again and compared with what is stored; 0: none.",
)
@click.option(
    "--recheck-seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="S",
    help="After so many seconds of rechecking, what is left is counted and not run.",
)
@click.option(
    "--keep-going",
    is_flag=True,
    help="Roll functions at fault back until the others hold, however many rounds it takes.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Exit 1 as well for functions that no test calls, and calls that could not be checked.",
)
@click.option(
    "--pin/--no-pin",
    default=True,
    show_default=True,
    help="Import migrated modules that have stored results, to pin the code these belong to.",
)
@click.option(
    "--report",
    type=PATH,
    metavar="FILE",
    help="Where the page goes, and JSON beside it; default: migration-report.html at the root.",
)
@click.option("--yes", is_flag=True, help="Do not ask before writing to a dirty git tree.")
def migrate(
    paths: tuple[Path, ...],
    verify: str | None,
    resume: bool,
    to: str | None,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    sources: tuple[str, ...],
    call_forms: bool,
    limit: int | None,
    phase: int | None,
    interactive: bool,
    recheck: str,
    recheck_seconds: float,
    keep_going: bool,
    strict: bool,
    pin: bool,
    report: Path | None,
    yes: bool,
) -> None:
    """Migrate, and verify it: run your tests before and after, compare, keep or roll back.

    The command runs twice before anything is changed, and once after. What breaks a criterion is
    rolled back. Exit 0: everything that was asked for is migrated, and every criterion holds; 1:
    something was rolled back, or is not proven; 2 usage; 3: it could not be done.
    """
    from codemods.migration.endings import as_interrupts
    from codemods.migration.state import MigrationError, Notes, WishError, Wishes

    check_modules(sources)
    if not all(only):
        stop("--only needs a pattern: a module, a file or a function", USAGE)
    if resume == (verify is not None):
        stop('Say how to verify: --verify "pytest -q"; or --resume, and nothing else.', USAGE)
    if phase in _DECORATE:
        stop(f"Phase {phase} is for functions of your choice: {_DECORATE[phase]}", USAGE)
    if interactive and not sys.stdin.isatty():
        stop("--interactive asks on a terminal, and this is none; use --only or --limit.", USAGE)
    if phase == 2 and limit is None:
        limit = MOST_VALUABLE
    wishes = Wishes(
        verify=verify or "",
        cwd=str(Path.cwd()),
        paths=tuple(map(str, paths)),
        to=to,
        only=only,
        sources=sources,
        exclude=exclude,
        call_forms=call_forms,
        limit=0 if phase == 1 else limit,
        interactive=interactive,
        recheck=recheck,
        recheck_seconds=recheck_seconds,
        keep_going=keep_going,
        strict=strict,
        pin=pin,
        report=str(report.absolute()) if report is not None else "",
    )
    try:
        notes = Notes(_root(wishes))
        with as_interrupts(), notes.held():
            sys.exit(_carry_out(notes, _begun(notes, wishes, resume), yes=yes or resume))
    except WishError as error:
        stop(str(error), USAGE)
    except MigrationError as error:
        stop(str(error), FAILED)
    except OSError as error:
        stop(f"the migration stopped: {error}; `afml-codemod status` tells what stands", FAILED)


def _root(wishes: Wishes) -> Path:
    from codemods.files import PathError
    from codemods.migration.look import root_of

    try:
        return root_of(wishes)
    except PathError as error:
        stop(str(error), USAGE)


def _begun(notes: Notes, wishes: Wishes, resume: bool) -> Progress:
    known = notes.read()
    if resume:
        if known is None or known.is_over:
            stop(f"There is no migration to resume in {notes.root}.", USAGE)
        if known.wishes.interactive and not sys.stdin.isatty():
            stop(
                f"The migration {known.id} asks for each function on a terminal, and this is none;"
                " resume it on one, or end it: `afml-codemod rollback`.",
                USAGE,
            )
        return known
    if known is not None and not known.is_over:
        stop(
            f"The migration {known.id} was cut short while {known.step}. Bring it to an end first:"
            " `afml-codemod migrate --resume`, or `afml-codemod rollback`.",
            USAGE,
        )
    return notes.begin(wishes)


def _carry_out(notes: Notes, progress: Progress, *, yes: bool) -> int:
    from codemods.migration.flow import Story
    from codemods.migration.shown import Terminal, show_report
    from codemods.migration.state import Step
    from codemods.migration.told import Outcome
    from codemods.show import console

    out = console()
    screen = Terminal(out)

    def choose(candidates: list[Any]) -> list[Any]:
        chosen = candidates[: progress.wishes.limit]
        if progress.wishes.interactive and chosen:
            screen.planned(chosen, [one.key for one in chosen])
            chosen = [
                one
                for one in chosen
                if click.confirm(f"{one.path}::{one.function} -> @{one.new}?", default=True)
            ]
        return [one.key for one in chosen]

    story = Story(notes, progress, screen, choose, allowed=lambda looked: yes or _agreed(looked))
    try:
        report = story.tell()
    finally:
        screen.quiet()
    show_report(out, report)
    written = report.outcome is Outcome.NOTHING or _write(notes.reports(progress), report)
    notes.at(story.progress, Step.DONE)
    return report.code if written else FAILED


def _write(paths: tuple[Path, Path], report: Report) -> bool:
    """Write the page and the document; whether they could be."""
    import json

    from codemods.migration.document import document
    from codemods.migration.page import page
    from codemods.writing import create_file

    made = document(report)
    shown, plain = paths
    try:
        create_file(shown, page(made).encode())
        create_file(plain, (json.dumps(made, indent=1) + "\n").encode())
    except OSError as error:  # what was migrated stands, and has been told
        click.echo(f"The report {shown} cannot be written: {error.strerror}.", err=True)
        return False
    click.echo(f"Report: {shown}")
    return True


def _agreed(looked: Looked) -> bool:
    """Whether files that git could not give back may be written."""
    if not looked.dirty:
        return True
    dirty = looked.dirty
    files = "1 file has" if len(dirty) == 1 else f"{len(dirty)} files have"
    text = f"{files} changes that git does not hold yet ({', '.join(dirty[:3])}"
    text += ", ...)" if len(dirty) > 3 else ")"
    if not sys.stdin.isatty():
        click.echo(f"{text}. Commit or stash them first, or run again with --yes.", err=True)
        return False
    return click.confirm(f"{text}. Go on all the same?")
