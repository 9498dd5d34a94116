"""Writing the files that a run leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_json(path: Path, plain: Any, *, indent: int = 2) -> None:
    """Write a file in one step: whoever reads it finds the old text or the new.

    Raises
    ------
    OSError
        It cannot be written; what was there still is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(json.dumps(plain, indent=indent) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_or_say(path: Path, plain: Any, option: str, *, indent: int = 2) -> str | None:
    """As :func:`write_json`; what to say where the file cannot be written, None where it was."""
    try:
        write_json(path, plain, indent=indent)
    except OSError as error:
        why = error.strerror or str(error)
        return f"{option}: {path} cannot be written ({why}); nothing of this run is in it"
    return None
