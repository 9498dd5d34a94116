"""All that is looked for, in the order in which it would have to be put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from afml_cache.doctor import contents, installation, place, runs
from afml_cache.doctor.finding import Finding

CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    installation.imports,
    installation.extras,
    installation.mode,
    place.existence,
    place.permissions,
    place.secret,
    place.other_secret,
    place.network,
    place.room,
    contents.other_systems,
    runs.old_folder,
    runs.queue,
    contents.index,
    contents.rows,
    contents.clock,
    contents.leftovers,
)


def examine(directory: Path) -> list[Finding]:
    """Every finding about the installation and the cache in a directory.

    A check that a file system refuses is a finding itself.
    """
    found: list[Finding] = []
    for check in CHECKS:
        try:
            found += check(directory)
        except OSError as error:
            found.append(
                Finding(
                    check.__name__,
                    "warning",
                    f"this could not be looked at: {error}",
                    "See that you may read the directory, or run this as its owner.",
                )
            )
    return found
