"""Whether a folder of pickles may be opened: its files carry no seal, and unpickling executes.

Only what the user owns and nobody else can write to is trusted. Below a folder that others cannot
even enter, it does not matter how they might be allowed to write.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_ENTER = stat.S_IXGRP | stat.S_IXOTH


def distrusted(root: Path, path: Path) -> str | None:
    """Why a file below ``root`` must not be unpickled, with the remedy; None where it may be.

    Parameters
    ----------
    root : Path
        The location that belongs to joblib.
    path : Path
        A file in it.
    """
    step = root
    reachable = True
    for name in (None, *path.relative_to(root).parts):
        step = step if name is None else step / name
        try:
            status = step.stat()
        except OSError as error:
            return f"{step} cannot be looked at ({error.strerror or error})"
        why = distrusted_status(step, status, reachable=reachable)
        if why is not None:
            return why
        reachable = reachable and bool(status.st_mode & _OTHERS_ENTER)
    return None


def distrusted_status(path: Path, status: os.stat_result, *, reachable: bool = True) -> str | None:
    """The same for one file or folder by its status; ``reachable`` for others than the user."""
    if status.st_uid != os.geteuid():
        return (
            f"{path} belongs to another user (id {status.st_uid}, you are {os.geteuid()}); "
            "copy the folder, or have it given to you with chown"
        )
    # The root itself may be entered by its own path, so its write bits count in any case.
    if reachable and status.st_mode & _OTHERS_WRITE:
        return (
            f"{path} can be written to by others (mode {stat.S_IMODE(status.st_mode):o}); if you "
            f"trust what is in it: chmod -R go-w '{path}'"
        )
    return None
