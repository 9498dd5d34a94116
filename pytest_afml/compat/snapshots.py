"""Where a text snapshot lies, and when it may be written: when asked for, and never in CI."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_afml.compat.public_api import api_diff

UPDATE = "--afml-update-snapshots"

#: The folder beside a test file with its snapshots.
FOLDER = "afml_snapshots"


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of one test file."""

    folder: Path
    update: bool
    told: Callable[[str], None]  #: of each file that was written

    def path(self, name: str) -> Path:
        """Where the snapshot of a name lies."""
        return self.folder / FOLDER / f"{name}.txt"

    def why_different(self, name: str, now: str, path: Path | None = None) -> str | None:
        """How a text differs from its snapshot, in words; None: it does not, or is now written."""
        file = path or self.path(name)
        known = file.read_text(encoding="utf-8") if file.exists() else None
        if known == now:
            return None
        if self.update:
            if is_ci():
                return f"{file} is not written in CI ($CI is set); run with {UPDATE} elsewhere"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(now, encoding="utf-8")
            self.told(f"{'wrote' if known is None else 'updated'} {file}")
            return None
        if known is None:
            return (
                f"{name} has no snapshot yet: {file} is not there; write it with {UPDATE}, look at "
                "it, and commit it"
            )
        return (
            f"the public names of {name} are not those of its snapshot. If that is meant, run with "
            f"{UPDATE} and commit {file}\n{api_diff(known, now, file.name)}"
        )


def is_ci() -> bool:
    """Whether this run is one of a CI service, as all of them say by ``$CI``."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
