"""Recordings on disk."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from pytest_afml.record.recording import Recording, RecordingError


def read_recording(path: str | Path) -> Recording:
    """Read a recording.

    Raises
    ------
    RecordingError
        The file cannot be read, or is not a recording of this or an earlier version.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = "it is not text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise RecordingError(
            f"{path} cannot be read ({what}); record first: pytest --afml-record FILE"
        ) from error
    try:
        return Recording.of_plain(json.loads(text))
    except RecordingError as error:
        raise RecordingError(f"{path} cannot be used: {error}") from error
    except ValueError as error:
        raise RecordingError(f"{path} cannot be used: it is not JSON ({error})") from error


def write_recording(path: str | Path, recording: Recording) -> None:
    """Write a recording in one step: whoever reads the file finds the old one or the new."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_text(json.dumps(recording.plain(), indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
