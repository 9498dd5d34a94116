"""Recordings on disk."""

from __future__ import annotations

import json
from pathlib import Path

from pytest_afml.json_file import write_json
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
    except RecursionError as error:
        raise RecordingError(f"{path} cannot be used: it is nested too deeply") from error
    except ValueError as error:
        raise RecordingError(f"{path} cannot be used: it is not JSON ({error})") from error


def write_recording(path: str | Path, recording: Recording) -> None:
    """Write a recording in one step; raises OSError where it cannot be, and what was there is."""
    write_json(Path(path), recording.plain(), indent=1)
