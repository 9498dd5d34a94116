"""The report's files, once nothing of what they tell stands any more: they go with it.

The journal ignores itself, they lie open in the repository. What somebody has committed stays, and
so does a file of that name that is no report.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from codemods.files import git
from codemods.migration.document import FORMAT


def left(root: Path, page: Path, plain: Path) -> list[Path]:
    """Those of a report's two files that are there, and that nobody has made his own.

    Parameters
    ----------
    root : Path
        The repository.
    page, plain : Path
        For people, and for machines.
    """
    try:
        found = json.loads(plain.read_bytes())
    except (OSError, ValueError):  # there is none, or it is something else
        return []
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return []
    return [file for file in (page, plain) if file.is_file() and not _is_committed(root, file)]


def _is_committed(root: Path, file: Path) -> bool:
    tracked = git(root, "--literal-pathspecs", "ls-files", "-z", "--", os.fspath(file))
    return bool(tracked)
