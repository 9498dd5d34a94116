"""What every command that looks at files is told: which files, and which rewrite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.stop import USAGE, stop
from codemods.rules import TARGETS, Rules

if TYPE_CHECKING:
    from codemods.runner import Survey

PATH = click.Path(path_type=Path)


def selection(*targets: str) -> Callable[[Any], Any]:
    """The options that say which files and which rewrite; ``targets`` are what --to can be."""
    options = (
        click.option(
            "--call-forms", is_flag=True, help="Rewrite f = cacheable(g) as well, not only @."
        ),
        click.option("--jobs", type=click.IntRange(min=1), help="Processes; default: all cores."),
        click.option(
            "--exclude",
            multiple=True,
            metavar="PATTERN",
            help="Leave out such paths (as in .gitignore).",
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
            type=click.Choice(targets),
            default=targets[0],
            show_default=True,
            help="Which decorator" + "; auto decides function by function." * (len(targets) > 1),
        ),
        click.argument("paths", nargs=-1, type=PATH),
    )

    def decorated(command: Any) -> Any:
        for option in options:
            command = option(command)
        return command

    return decorated


def surveyed(
    paths: tuple[Path, ...],
    to: str,
    sources: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    call_forms: bool,
) -> Survey:
    from codemods.files import PathError, find
    from codemods.runner import survey

    for source in sources:
        if not all(part.isidentifier() for part in source.split(".")):
            stop(
                f"--source-module {source!r} is no module name; write it as an import does",
                USAGE,
            )
    rules = Rules(TARGETS.get(to, to), sources, call_forms=call_forms)
    try:
        tree = find(paths or (Path(),), exclude)
    except PathError as error:
        stop(str(error), USAGE)
    return survey(tree, rules, jobs=jobs)
