"""``adopt-init``: a repository's own ``afml/cache`` offers the enhanced names as well."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from codemods.cli.selection import PATH
from codemods.cli.stop import FAILED, USAGE, stop


@click.command("adopt-init")
@click.argument("path", default=Path(), type=PATH)
@click.option("--dry-run", is_flag=True, help="Show the changes as a diff; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before writing to a dirty git tree.")
def adopt_init(path: Path, dry_run: bool, yes: bool) -> None:
    """Add the enhanced names to the repository's own afml/cache/__init__.py.

    PATH is that file, its folder, or the repository. All that is there is kept; `rollback`
    undoes it.
    """
    from codemods.adopt_init import not_offered, plan_adoption
    from codemods.files import PathError, find
    from codemods.offered import CACHE, NotOfferedError, offered
    from codemods.own_package import own_package
    from codemods.rules import Rules
    from codemods.runner import Planned, Survey
    from codemods.star_names import brought

    try:
        file = own_package(path)
        tree = find([file])
        names = offered()
    except (PathError, NotOfferedError) as error:
        stop(str(error), USAGE)
    if file.absolute().parent.name == CACHE:
        stop(f"{file} is the cache itself; name the afml/cache of your own repository", USAGE)
    try:
        data = file.read_bytes()
    except OSError as error:
        stop(f"{file} cannot be read: {error.strerror}", FAILED)
    plan = plan_adoption(data, names, brought(file.absolute(), data))
    found = Survey(tree, Rules(), (Planned(tree.files[0], plan),), ())

    from codemods.cli.adding import add

    later = not_offered(names)
    if not (plan.edits or plan.findings):
        click.echo(f"{tree.files[0]} has all the enhanced names that {CACHE} offers.")
        code = 0
    else:
        code = add(found, "adopt-init", dry_run=dry_run, yes=yes)
    if later:
        click.echo(
            f"Not in the installed {CACHE}: {', '.join(later)}. Run this again after an upgrade."
        )
    sys.exit(code)
