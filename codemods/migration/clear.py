"""Clearing what the new decorators have stored of functions that went back; as commands.

What `@cacheable` has stored stays, and the next migration adopts it again. What is cleared can be
restored for seven days.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence

from codemods.evidence import Recorded
from codemods.files import NOTEBOOK
from codemods.journal import Migration
from codemods.matching import match
from codemods.migration.state import MigrationError


def functions_of(migrations: Iterable[Migration]) -> dict[str, list[str]]:
    """The functions that migrations have changed, by file."""
    found: dict[str, list[str]] = {}
    for migration in migrations:
        for record in migration.files:
            if not record.path.endswith(NOTEBOOK):
                names = (one.function for one in record.rewrites if one.function)
                found.setdefault(record.path, []).extend(names)
    return found


def clear(functions: Mapping[str, Sequence[str]], files: Iterable[str], *, dry_run: bool) -> str:
    """Move the entries of functions aside; what the cache says of it.

    Raises
    ------
    MigrationError
        The cache could not do it.
    """
    listed = _ask("ls", "--json")
    if listed is None:
        return "There is no cache, so nothing to clear."
    records = [Recorded(one["function"], 1, 1, 0) for one in json.loads(listed)["functions"]]
    matched = match(records, functions, files, lambda path, name: ())  # noqa: ARG005
    names = sorted({name for one in matched.recorded.values() for name in one.function.split(", ")})
    if not names:
        return "Nothing is stored of these functions."
    options = ["--dry-run"] if dry_run else ["--yes"]
    said = _ask("clear", "--sealed", *options, *names)
    return (said or "").strip()


def _ask(*arguments: str) -> str | None:
    """What a command prints; None where there is no cache."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "afml_cache.cli", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "There is no cache" in done.stderr:
        return None
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise MigrationError(f"`afml-cache {' '.join(arguments)}` failed: {said}")
    return done.stdout
