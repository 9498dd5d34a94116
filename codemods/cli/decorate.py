"""``decorate``: a caching decorator on functions that have none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codemods.cli.selection import PATH, check_modules, source_modules
from codemods.cli.stop import FAILED, USAGE, stop

if TYPE_CHECKING:
    from codemods.decorate import Decoration

WITH = ("robust", "time_aware", "mlflow", "backtest")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--with", "kind", type=click.Choice(WITH), required=True, help="Which decorator they get."
)
@click.option("--name", "strategy", help="backtest: the strategy; default: the function's name.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="mlflow: a tag.")
@click.option(
    "--trust-returns",
    is_flag=True,
    help="mlflow, backtest: decorate also where it cannot be told what a function returns.",
)
@source_modules
@click.option("--root", type=PATH, default=Path(), help="The repository; default: this one.")
@click.option("--dry-run", is_flag=True, help="Show the changes as a diff; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before writing to a dirty git tree.")
def decorate(
    names: tuple[str, ...],
    kind: str,
    strategy: str | None,
    tags: tuple[str, ...],
    trust_returns: bool,
    sources: tuple[str, ...],
    root: Path,
    dry_run: bool,
    yes: bool,
) -> None:
    """Put a caching decorator on the functions that are named, and import it.

    NAME is module.function, path/to/file.py::function, or the function's name where only one
    is called so. Functions that do not return what the decorator needs are left alone.
    """
    from codemods.cli.adding import add
    from codemods.files import PathError, find, find_root
    from codemods.named import UnknownNameError, find_named
    from codemods.named_functions import survey_named

    how = _decoration(kind, strategy, tags, trust_returns, len(names))
    check_modules(sources)
    _make_sure_of(how.name)
    try:
        whole = find([find_root(root)[0]])
        functions = find_named(whole, names, Path.cwd())
    except (PathError, UnknownNameError) as error:
        stop(str(error), USAGE)
    found, already = survey_named(whole, functions, how, sources)
    for name in already:
        click.echo(f"{name} has @{how.name} already.")
    if not (found.planned or found.failures):
        return
    code = add(found, "decorate", dry_run=dry_run, yes=yes)
    refused = any(entry.plan.findings for entry in found.planned)
    sys.exit(FAILED if refused else code)


def _decoration(
    kind: str, strategy: str | None, tags: tuple[str, ...], trust_returns: bool, count: int
) -> Decoration:
    from codemods.decorate import KINDS, Decoration
    from codemods.rules import BACKTEST, MLFLOW

    name = KINDS[kind]
    if strategy is not None and name != BACKTEST:
        stop("--name is the name of a strategy; it goes with --with backtest", USAGE)
    if strategy is not None and count > 1:
        stop("--name is the name of one strategy; name one function with it", USAGE)
    if tags and name != MLFLOW:
        stop("--tag goes with --with mlflow", USAGE)
    if trust_returns and name not in (BACKTEST, MLFLOW):
        stop("--trust-returns goes with --with mlflow or backtest", USAGE)
    pairs = dict[str, str]()
    for tag in tags:
        key, equals, value = tag.partition("=")
        if not key or not equals:
            stop(f"--tag {tag!r} is no KEY=VALUE", USAGE)
        pairs[key] = value
    for text in (strategy or "", *pairs, *pairs.values()):
        if not text.isprintable():
            stop(f"{text!r} has characters that cannot be written into a file", USAGE)
    return Decoration(name, strategy, pairs, trust_returns)


def _make_sure_of(name: str) -> None:
    """Stop where the installed cache does not have the decorator."""
    from codemods.offered import CACHE, NotOfferedError, offered

    try:
        names = offered()
    except NotOfferedError as error:
        stop(str(error), USAGE)
    if name not in names:
        stop(
            f"The installed {CACHE} has no {name}, so a function decorated with it could not be"
            f" imported. Upgrade {CACHE} and run this again.",
            USAGE,
        )
