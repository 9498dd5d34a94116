"""Pins the code of migrated functions, where the old decorator has stored results of them.

The cache does the pinning, in a process of its own: the codemods import neither the cache nor
the project. Nothing depends on it; without it, the first adoption pins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: Seconds after which importing the project's modules is given up.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Pinned:
    """What was pinned, what was pinned before, and what could not be and why."""

    pinned: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def has_legacy_cache() -> bool:
    """Whether there is a folder with entries of ``@cacheable`` where the cache would look."""
    import platformdirs

    base = os.environ.get("AFML_CACHE") or platformdirs.user_cache_dir("afml", appauthor=False)
    return (Path(base).expanduser() / "joblib_cache").is_dir()


def pin(root: Path, functions: Mapping[str, Sequence[str]]) -> Pinned | None:
    """Pin functions as they are loaded now.

    Parameters
    ----------
    root : Path
        The repository.
    functions : mapping
        Relative path -> qualified names.

    Returns
    -------
    Pinned or None
        None where there is nothing to pin for: no entries, or no cache that could adopt them.
    """
    if not functions or not has_legacy_cache() or find_spec("afml_cache") is None:
        return None
    request = json.dumps({"root": str(root.absolute()), "files": dict(functions)})
    try:
        # -B, -P: it leaves no bytecode behind, and imports nothing from where it is started.
        done = subprocess.run(
            [sys.executable, "-B", "-P", "-m", "afml_cache.pin_applied"],
            input=request,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Pinned(failed=(f"importing the modules took more than {PATIENCE:g} seconds",))
    try:
        report = json.loads(done.stdout)
        return Pinned(*(tuple(report[name]) for name in ("pinned", "kept", "failed")))
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines()
        return Pinned(failed=(said[-1] if said else f"exit code {done.returncode}",))
