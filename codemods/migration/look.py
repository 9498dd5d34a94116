"""The look around before anything is done: what is there, and what would stop it later.

What would, stops it now, with the remedy; nothing has been touched then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from codemods.config import ConfigError, read_config
from codemods.decorators_there import decorated
from codemods.files import NOTEBOOK, PathError, find, find_root, uncommitted
from codemods.matching import Key
from codemods.migration.asked import check_adoption, check_only, check_report
from codemods.migration.command import check_command
from codemods.migration.facts import Facts, extras, git_state
from codemods.migration.health import Health, examine, size
from codemods.migration.mlflow import works
from codemods.migration.own_cache import (
    added,
    adoption,
    but_for_names,
    own_file,
    refuse_both,
    with_names,
)
from codemods.migration.own_tests import but_for_tests
from codemods.migration.state import MigrationError, Wishes
from codemods.offered import NotOfferedError, offered
from codemods.rules import BACKTEST, MLFLOW, NEW, Rules
from codemods.runner import Planned, Survey, survey
from codemods.select import Selection

#: Of the repository's own, it clears what a function has stored as soon as its file has changed.
SMART = "smart_cacheable"


@dataclass(frozen=True, slots=True)
class Looked:
    """What is there.

    Attributes
    ----------
    found : Survey
        What could be migrated.
    rules : Rules
    decorators : mapping of str to int
        How many functions have which old decorator.
    health : Health
        Of the cache, before.
    own_package : str or None
        The repository's own ``afml/cache``, relative to the root.
    adoption : Planned or None
        What is to be added to it first.
    backtests, smart : frozenset of Key
        The functions under ``cached_backtest``, and those under ``smart_cacheable``.
    uses_mlflow : bool
        Whether a file of the repository names ``mlflow_cached`` or ``setup_mlflow_cache``.
    dirty : tuple of str
        Files that git does not hold as they are.
    facts : Facts
        For whoever looks on.
    """

    found: Survey
    rules: Rules
    decorators: Mapping[str, int]
    health: Health
    own_package: str | None
    adoption: Planned | None
    backtests: frozenset[Key]
    smart: frozenset[Key]
    uses_mlflow: bool
    dirty: tuple[str, ...]
    facts: Facts

    @property
    def functions(self) -> int:
        """How many functions could be migrated."""
        return sum(len(entry.plan.rewrites) for entry in self.found.changes)


def root_of(wishes: Wishes) -> Path:
    """The repository that is meant."""
    paths = _paths(wishes)
    return find_root(paths[0])[0]


def look(wishes: Wishes) -> Looked:
    """See what is there.

    Raises
    ------
    WishError
        What was asked for cannot be.
    MigrationError
        Something else would stop the migration later.
    """
    check_command(wishes.verify)
    if wishes.report:
        check_report(Path(wishes.report))
    try:
        config = read_config(root_of(wishes))
        tree = find(_paths(wishes), (*config.exclude, *wishes.exclude))
        names = offered()
    except (ConfigError, PathError, NotOfferedError) as error:
        raise MigrationError(str(error)) from error
    missing = sorted(NEW - names)
    if missing:
        raise MigrationError(
            f"the installed afml_cache has no {' and no '.join(missing)}; upgrade it first"
        )
    adopting = adoption(tree.root, names)
    rules = config.rules(wishes.to, wishes.sources, call_forms=wishes.call_forms)
    rules = with_names(rules, adopting)
    found = survey(tree, rules, Selection(wishes.only) if wishes.only else None)
    check_only(found)
    found = but_for_tests(found, (Path(wishes.cwd, path) for path in wishes.paths))
    if found.failures:
        told = "; ".join(f"{one.path} {one.text}" for one in found.failures)
        raise MigrationError(f"not every file can be looked at ({told}); --exclude it, or mend it")
    refuse_both(found, adopting)
    changes = added(found, adopting).changes
    for entry in changes:
        if not (tree.root / entry.path).stat().st_mode & 0o222:
            raise MigrationError(f"{entry.path} is read-only; make it writable, or --exclude it")
    health = examine()
    check_adoption(health.joblib_entries)
    troubles = but_for_names(health.troubles, adopting)
    errors = [one for one in troubles if one.level == "error"]
    if errors:
        told = "; ".join(f"{one.what} ({one.remedy})" for one in errors)
        raise MigrationError(f"before any change, `afml-cache doctor` or `verify` finds: {told}")
    count = Counter(one.old for entry in found.changes for one in entry.plan.rewrites)
    dirty = uncommitted(tree.root, (one.path for one in changes)) if tree.in_git else []
    own = own_file(tree.root)
    others, uses_mlflow = _others(found, rules, own)
    if uses_mlflow:
        told = "; ".join(fault.what for fault in works().faults)
        if told:
            raise MigrationError(f"this repository uses MLflow, and before any change {told}")
    return Looked(
        found,
        rules,
        count,
        replace(health, troubles=tuple(troubles)),
        own.relative_to(tree.root).as_posix() if own is not None else None,
        adopting,
        others[BACKTEST],
        others[SMART],
        uses_mlflow,
        tuple(dirty),
        Facts(git_state(tree.root, dirty), size(health), extras()),
    )


def _paths(wishes: Wishes) -> list[Path]:
    here = Path(wishes.cwd)
    return [here / path for path in wishes.paths] or [here]


def _others(
    found: Survey, rules: Rules, own: Path | None
) -> tuple[dict[str, frozenset[Key]], bool]:
    """The functions under other decorators, and whether MLflow is used, in all of the files.

    That the repository's own cache offers what MLflow needs does not mean that it is used.
    """
    package = own.parent if own is not None and own.name == "__init__.py" else own
    also = replace(rules, more_names=frozenset({BACKTEST}))
    others: dict[str, set[Key]] = {BACKTEST: set(), SMART: set()}
    uses_mlflow = False
    for file in {*found.tree.files, *found.tree.all_files()}:
        path = found.tree.root / file
        if not path.is_file():
            continue
        data = path.read_bytes()
        if package is None or not path.is_relative_to(package):
            uses_mlflow |= any(name in data for name in (MLFLOW.encode(), b"setup_mlflow_cache"))
        if file.endswith(NOTEBOOK) or not any(name.encode() in data for name in others):
            continue
        there = decorated(data, found.tree.package(file), also)
        for kind, keys in others.items():
            keys |= {(file, name) for name, one in there.items() if kind in one.names}
    return {kind: frozenset(keys) for kind, keys in others.items()}, uses_mlflow
