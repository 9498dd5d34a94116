"""Has the cache record which code the results of migrated functions belong to.

The cache does it, in a process of its own: the codemods import neither the cache nor the project.
Nothing depends on it; without it, the first adoption of a function decides which code is right.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from codemods.files import NOTEBOOK

#: Seconds after which importing the project's modules is given up.
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Pinned:
    """What was kept and pinned, what could not be and why, and where entries were looked for."""

    place: Path
    files: int = 0
    pinned: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def legacy_cache() -> Path:
    """The folder with the entries of ``@cacheable`` as far as the environment tells."""
    import platformdirs

    base = os.environ.get("AFML_CACHE") or platformdirs.user_cache_dir("afml", appauthor=False)
    return Path(base).expanduser().absolute() / "joblib_cache"


def pin(root: Path, files: Iterable[str], functions: Mapping[str, Sequence[str]]) -> Pinned | None:
    """Record the code of now for what the old decorator has stored.

    Parameters
    ----------
    root : Path
        The repository.
    files : iterable of str
        All its files, relative to the root. Notebooks are left out: nobody can import them.
    functions : mapping
        Relative path -> the qualified names of the functions that were migrated.

    Returns
    -------
    Pinned or None
        None where there is no cache that could adopt anything; no files where there is nothing
        to adopt in the place that was looked at.
    """
    if find_spec("afml_cache") is None:
        return None
    place = legacy_cache()
    if not os.path.isdir(place):  # noqa: PTH112 - Path.is_dir raises where it may not look
        return Pinned(place)
    functions = {f: names for f, names in functions.items() if not f.endswith(NOTEBOOK)}
    if not functions:
        return None
    request = {
        "root": str(root.absolute()),
        "files": sorted({file for file in files if not file.endswith(NOTEBOOK)}),
        "functions": functions,
    }
    # A file and no pipe: processes that a module starts at its import may hold it open for long.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            # -B, -P: it leaves no bytecode behind, and imports nothing from where it is started.
            done = subprocess.run(
                [sys.executable, "-B", "-P", "-m", "afml_cache.pin_applied"],
                input=json.dumps(request),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Pinned(place, failed=(f"importing took more than {PATIENCE:g} seconds",))
        try:
            found = json.loads(done.stdout)
            return Pinned(place, found["files"], tuple(found["pinned"]), tuple(found["failed"]))
        except (ValueError, KeyError, TypeError):
            errors.seek(0)
            said = errors.read().strip().splitlines()
            return Pinned(place, failed=(said[-1] if said else f"exit code {done.returncode}",))
