"""What `afml-cache doctor` and `afml-cache verify` say of the cache, asked as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

from codemods.migration.state import MigrationError


@dataclass(frozen=True, slots=True, order=True)
class Trouble:
    """One thing that is wrong with the cache, and what to do about it."""

    key: str  #: what it is the same trouble by, whatever the numbers in its text
    what: str
    remedy: str = ""
    level: str = "error"
    function: str = ""  #: whose entry it is about, where it is about one


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a cache."""

    directory: str
    entries: int
    joblib_entries: int
    troubles: tuple[Trouble, ...]

    def with_more(self, later: Health) -> Health:
        """As it was later, with what was wrong at either time."""
        return replace(later, troubles=(*later.troubles, *self.since(later)))

    def since(self, before: Health) -> tuple[Trouble, ...]:
        """What was not wrong before."""
        known = {one.key for one in before.troubles}
        return tuple(one for one in self.troubles if one.key not in known)


def examine() -> Health:
    """Ask both.

    Raises
    ------
    MigrationError
        The cache is not installed here, or a command of it failed.
    """
    doctor = _ask("doctor")
    found = [
        Trouble(one["check"], one["what"], one["remedy"], one["level"])
        for one in doctor["findings"]
        if one["level"] != "note"
    ]
    if any(one["check"] == "directory" for one in doctor["findings"]):  # there is no cache yet
        return Health(doctor["directory"], 0, 0, tuple(sorted(found)))
    checked = _ask("verify")
    for one in checked["problems"]:
        key, what = f"{one['reason']} {one['key']}", f"{one['reason']}: {one['detail']}"
        remedy = "`afml-cache verify --repair` removes what is damaged"
        found.append(Trouble(key, what, remedy, "error", one["function"] or ""))
    return Health(
        doctor["directory"], checked["entries"], checked["joblib_entries"], tuple(sorted(found))
    )


def size(of: Health) -> int:
    """How many bytes are stored in a cache that was examined, with those of `@cacheable`."""
    if not of.entries and not of.joblib_entries:  # there may be no cache that could be asked
        return 0
    status = _ask("status")
    return int(status["size_bytes"]) + int(status["joblib_size_bytes"])


def _ask(name: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "afml_cache.cli", name, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip().splitlines()
        if any("No module named 'afml_cache'" in line or "afml_cache.cli" in line for line in said):
            raise MigrationError(
                f"afml_cache is not installed beside {sys.executable}; install it in the"
                " environment that the tests run in, and run afml-codemod from there"
            ) from None
        raise MigrationError(
            f"`afml-cache {name}` failed ({said[-1] if said else f'exit code {done.returncode}'});"
            " put that right first"
        ) from None
    return document
