"""The repository's own cache package: the new names are added to it along with the migration.

It is what `afml-codemod adopt-init` does. Here it is a part of each attempt, in one entry of the
journal with the functions, so that one rollback undoes both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from codemods.adopt_init import plan_adoption
from codemods.files import PathError
from codemods.migration.health import Trouble
from codemods.migration.state import MigrationError
from codemods.own_package import own_package
from codemods.rules import NEW, Rules
from codemods.runner import Planned, Survey
from codemods.star_names import brought


def own_file(root: Path) -> Path | None:
    """The file of the repository's own ``afml/cache``, where it carries just one."""
    try:
        found = own_package(root)
        return root / found.relative_to(root)
    except (PathError, ValueError):  # none, or several: then nothing is assumed
        return None


def adoption(root: Path, names: Collection[str]) -> Planned | None:
    """What is to be added to the repository's own package; None where nothing is.

    Parameters
    ----------
    root : Path
        The repository.
    names : collection of str
        What the installed cache offers.

    Raises
    ------
    MigrationError
        The file cannot be read.
    """
    file = own_file(root)
    if file is None:
        return None
    try:
        data = file.read_bytes()
    except OSError as error:
        raise MigrationError(f"{file} cannot be read: {error.strerror}") from error
    plan = plan_adoption(data, names, brought(file.absolute(), data))
    return Planned(file.relative_to(root).as_posix(), plan) if plan.edits else None


def names_of(planned: Planned) -> tuple[str, ...]:
    """The names that are added."""
    return tuple(one.new for one in planned.plan.rewrites)


def with_names(rules: Rules, planned: Planned | None) -> Rules:
    """Rules under which the package offers the new decorators already."""
    if planned is None:
        return rules
    return replace(rules, adopting=planned.path, adopted=NEW.intersection(names_of(planned)))


def added(found: Survey, planned: Planned | None) -> Survey:
    """A survey with the package as its first file: what it gets, the others import."""
    if planned is None:
        return found
    return replace(found, planned=(planned, *found.planned))


def refuse_both(found: Survey, planned: Planned | None) -> None:
    """Refuse a package that has functions to migrate itself.

    Raises
    ------
    MigrationError
        It has.
    """
    if planned is not None and any(entry.path == planned.path for entry in found.changes):
        raise MigrationError(
            f"{planned.path} lacks the new names and has functions to migrate itself; add the names"
            " first: `afml-codemod adopt-init`"
        )


def but_for_names(troubles: Iterable[Trouble], planned: Planned | None) -> list[Trouble]:
    """Troubles, but for the one that adding the names mends."""
    if planned is None or not {*names_of(planned)} >= NEW:
        return list(troubles)
    return [one for one in troubles if not (one.key == "imports" and " has no " in one.what)]
