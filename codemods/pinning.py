"""Has the cache keep the sources of a project whose migration was applied.

What the old decorator has stored belongs to the code of now. Kept are the files, not what they do:
no code of the project runs. The cache does it, in a process of its own, since the codemods import
nothing of it; without it, the first adoption of a function decides which code is right.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

#: Seconds after which it is given up.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Pinned:
    """How many files were kept, or why none were."""

    files: int = 0
    failure: str = ""


def has_legacy_cache() -> bool:
    """Whether there is a folder with entries of ``@cacheable`` where the cache would look."""
    import platformdirs

    base = os.environ.get("AFML_CACHE") or platformdirs.user_cache_dir("afml", appauthor=False)
    return os.path.isdir(Path(base).expanduser() / "joblib_cache")  # noqa: PTH112


def pin(root: Path, files: Iterable[str]) -> Pinned | None:
    """Keep the sources of a project as they are now.

    Parameters
    ----------
    root : Path
        The repository.
    files : iterable of str
        All its Python files, relative to the root.

    Returns
    -------
    Pinned or None
        None where there is nothing to pin for: no entries, or no cache that could adopt them.
    """
    if not has_legacy_cache() or find_spec("afml_cache") is None:
        return None
    request = json.dumps({"root": str(root.absolute()), "files": sorted(set(files))})
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
        return Pinned(failure=f"it took more than {PATIENCE:g} seconds")
    try:
        return Pinned(files=json.loads(done.stdout)["files"])
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines()
        return Pinned(failure=said[-1] if said else f"exit code {done.returncode}")
