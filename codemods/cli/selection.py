"""What every command that looks at files is told: which files, which functions, into what.

The repository's own settings come from its ``pyproject.toml``; the command line has the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codemods.cli.stop import USAGE, stop

if TYPE_CHECKING:
    from codemods.config import Config
    from codemods.runner import Survey
    from codemods.select import Selection

PATH = click.Path(path_type=Path)


source_modules = click.option(
    "--source-module",
    "sources",
    multiple=True,
    metavar="MODULE",
    help="A further module that offers the decorators, old and new.",
)


def selection(*targets: str, default: str | None = None) -> Callable[[Any], Any]:
    """The options that say which files, which functions, and which rewrite.

    ``targets`` are what --to can be; without a default, the settings of the repository decide.
    """
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
        source_modules,
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="At most N functions: the dearest ones, or without --evidence the first.",
        ),
        click.option(
            "--max-hit-rate",
            type=click.FloatRange(0, 1),
            metavar="SHARE",
            help="With --evidence: leave functions with a higher hit rate. Default: 0.5.",
        ),
        click.option(
            "--min-calls",
            type=click.IntRange(min=0),
            metavar="N",
            help="With --evidence: leave functions with fewer calls. Default: 10.",
        ),
        click.option(
            "--evidence",
            type=PATH,
            metavar="FILE",
            help="Recorded statistics (cache_stats.json): only what the cache serves badly.",
        ),
        click.option(
            "--only",
            multiple=True,
            metavar="PATTERN",
            help="Only these functions: a module, a file, a function; may be repeated.",
        ),
        click.option(
            "--to",
            type=click.Choice(targets),
            default=default,
            help="Which decorator"
            + ("." if default else "; auto, the default, decides function by function."),
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
    to: str | None,
    sources: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    call_forms: bool,
    **wishes: Any,
) -> Survey:
    """Look at the files, or stop with a sentence about what is wrong with the request."""
    from codemods.config import ConfigError, read_config
    from codemods.files import PathError, find, find_root
    from codemods.runner import survey
    from codemods.show import progress_if_any

    check_modules(sources)
    paths = paths or (Path(),)
    try:
        config = read_config(find_root(paths[0])[0])
        tree = find(paths, (*config.exclude, *exclude))
    except (ConfigError, PathError) as error:
        stop(str(error), USAGE)
    wanted = _selection(config, tree.root, **wishes)
    rules = config.rules(to, sources, call_forms=call_forms)
    with progress_if_any("Planning") as told:
        return survey(tree, rules, wanted, jobs=jobs, progress=told)


def _selection(
    config: Config,
    root: Path,
    only: tuple[str, ...],
    evidence: Path | None,
    min_calls: int | None,
    max_hit_rate: float | None,
    limit: int | None,
) -> Selection | None:
    """Which functions are meant; None for all of them."""
    if evidence is None:
        for option, given in (("--min-calls", min_calls), ("--max-hit-rate", max_hit_rate)):
            if given is not None:
                stop(f"{option} is about recorded statistics; give them with --evidence", USAGE)
        if not only and limit is None:
            return None
    from codemods.evidence import EvidenceError, read_evidence
    from codemods.select import MAX_HIT_RATE, MIN_CALLS, Selection

    if not all(only):
        stop("--only needs a pattern: a module, a file or a function", USAGE)
    try:
        read = None if evidence is None else read_evidence(evidence)
    except EvidenceError as error:
        stop(str(error), USAGE)
    return Selection(
        tuple(pattern.removeprefix(f"{root}/") for pattern in only),
        read,
        next(n for n in (min_calls, config.min_calls, MIN_CALLS) if n is not None),
        next(x for x in (max_hit_rate, config.max_hit_rate, MAX_HIT_RATE) if x is not None),
        limit,
    )


def check_modules(sources: tuple[str, ...]) -> None:
    """Stop where one of ``sources`` is no name of a module."""
    from codemods.config import wrong_module

    for source in sources:
        wrong = wrong_module(source)
        if wrong is not None:
            stop(f"--source-module {wrong}", USAGE)
