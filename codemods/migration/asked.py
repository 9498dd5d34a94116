"""What was asked for that cannot come to a good end, found before anything is run.

A report with no place to go, a pattern that means no function, and a cache that is told not to
adopt would all show much later: after the tests have run several times, or never.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from codemods.decorators_there import decorated
from codemods.files import NOTEBOOK
from codemods.migration.state import MigrationError, WishError
from codemods.patterns import matches
from codemods.runner import Survey
from codemods.select import Why

ADOPTION = "AFML_CACHE_ADOPT"


def check_report(page: Path) -> None:
    """Refuse a report that cannot be written.

    Raises
    ------
    WishError
        There is no such folder, or it may not be written to.
    """
    for file in (page, page.with_suffix(".json")):
        if file.is_dir():
            raise WishError(f"the report {file} cannot be written: that is a folder; name a file")
    if page.suffix == ".json":
        raise WishError(f"--report {page}: JSON goes beside the page; name the page, as in x.html")
    if not page.parent.is_dir():
        raise WishError(
            f"the report {page} cannot be written: there is no folder {page.parent}; make it, or"
            " give another --report"
        )
    if not os.access(page.parent, os.W_OK | os.X_OK):
        raise WishError(
            f"the report {page} cannot be written: {page.parent} may not be written to; give"
            " another --report"
        )


def check_only(found: Survey) -> None:
    """Refuse patterns that mean no function at all, since a misspelling is no success.

    A function that is migrated already is one, so that the same command can be run twice.

    Raises
    ------
    WishError
        There are such patterns.
    """
    notes = found.selected.notes if found.selected is not None else ()
    idle = [pattern for note in notes if note.why is Why.NO_MATCH for pattern in note.about]
    done = list(_under_new(found)) if idle else []
    nobody = [one for one in idle if not any(matches([one], *key) for key in done)]
    if nobody:
        told = " and ".join(f"--only {one}" for one in nobody)
        mean = "means" if len(nobody) == 1 else "mean"
        raise WishError(
            f"{told} {mean} no function with a decorator of the cache; `afml-codemod plan` lists"
            " those that can be migrated"
        )


def check_adoption(stored: int) -> None:
    """Refuse to verify a migration under which all that is stored would be computed again.

    Raises
    ------
    MigrationError
        Adoption is switched off, and there is something to adopt.
    """
    if stored and os.environ.get(ADOPTION) == "off":
        raise MigrationError(
            f"{ADOPTION} is off, so the {stored} results that @cacheable has stored would be"
            " computed again, and the migration rolled back for that; unset it for this command"
        )


def _under_new(found: Survey) -> Iterator[tuple[str, str]]:
    """The functions that are under a new decorator already."""
    rules = found.rules
    for file in found.tree.files:
        path = found.tree.root / file
        if file.endswith(NOTEBOOK) or not path.is_file():
            continue
        there = decorated(path.read_bytes(), found.tree.package(file), rules)
        yield from ((file, name) for name, one in there.items() if one.names & rules.new)
