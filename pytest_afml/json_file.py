"""Writing the files that a run leaves behind, and failing the run in words where that fails."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest


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


def write_or_say(path: Path, plain: Any, option: str) -> str | None:
    """As :func:`write_json`; what to say where the file cannot be written, None where it was."""
    try:
        write_json(path, plain)
    except OSError as error:
        why = error.strerror or str(error)
        return f"{option}: {path} cannot be written ({why}); nothing of this run is in it"
    return None


def fail_run(session: pytest.Session, why: str) -> None:
    """Turn a run that was green into a failed one; where there is no terminal, say why."""
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if not session.config.pluginmanager.has_plugin("terminalreporter"):
        print(f"ERROR: {why}", file=sys.stderr)
