"""What every command that looks at files is told: which files, and which rewrite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.stop import USAGE, stop
from codemods.rules import TARGETS, Rules

if TYPE_CHECKING:
    from codemods.runner import Survey

PATH = click.Path(path_type=Path)


source_modules = click.option(
    "--source-module",
    "sources",
    multiple=True,
    metavar="MODULE",
    help="A further module that offers the decorators, old and new.",
)


def selection(command: Any) -> Any:
    """The options that say which files and which rewrite."""
    for decorate in (
        click.option("--jobs", type=click.IntRange(min=1), help="Processes; default: all cores."),
        click.option(
            "--exclude", multiple=True, metavar="PATTERN", help="Leave out paths like this one."
        ),
        source_modules,
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


def surveyed(
    paths: tuple[Path, ...],
    to: str,
    sources: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
) -> Survey:
    from codemods.files import PathError, find
    from codemods.runner import survey

    check_modules(sources)
    rules = Rules(to=TARGETS[to], more_sources=sources)
    try:
        tree = find(paths or (Path(),), exclude)
    except PathError as error:
        stop(str(error), USAGE)
    return survey(tree, rules, jobs=jobs)


def check_modules(sources: tuple[str, ...]) -> None:
    """Stop where one of ``sources`` is no name of a module."""
    for source in sources:
        if not all(part.isidentifier() for part in source.split(".")):
            stop(
                f"--source-module {source!r} is no module name; write it as an import does",
                USAGE,
            )
