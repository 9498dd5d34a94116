"""Whether a folder of pickles may be opened: its files carry no seal, and unpickling executes.

Only what the user owns and nobody else can write to is trusted. Below a folder that others cannot
even enter, it does not matter how they might be allowed to write, unless a link leads elsewhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_ENTER = stat.S_IXGRP | stat.S_IXOTH


class DistrustedError(Exception):
    """A file must not be unpickled; the message says why, and the remedy."""


def open_trusted(root: Path, path: Path) -> BinaryIO:
    """Open a file below ``root`` for reading, and see that it is the one that was checked.

    Parameters
    ----------
    root : Path
        The location that belongs to joblib.
    path : Path
        A file in it.

    Raises
    ------
    DistrustedError
        Somebody else could have written it.
    OSError
        It cannot be opened.
    """
    # Not blocking: a pipe would be waited for.
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    try:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise DistrustedError(f"{path} is no regular file")
        why = distrusted(root, path)
        opened, checked = os.fstat(file.fileno()), path.stat()
        if why is None and (opened.st_dev, opened.st_ino) != (checked.st_dev, checked.st_ino):
            why = f"{path} was replaced at this very moment"
        if why is not None:
            raise DistrustedError(why)
    except BaseException:
        file.close()
        raise
    return file


def distrusted(root: Path, path: Path) -> str | None:
    """Why a file below ``root`` must not be unpickled, with the remedy; None where it may be."""
    try:
        reachable = True
        for step in _steps(root, path):
            if step.is_symlink():
                # Where it leads, others may be able to enter. Who owns the link does not matter
                # below folders that have been checked.
                reachable = True
                why = _distrusted_way(step.resolve(strict=True))
                if why is not None:
                    return why
            status = step.stat()
            why = distrusted_status(step, status, reachable=reachable)
            if why is not None:
                return why
            reachable = reachable and bool(status.st_mode & _OTHERS_ENTER)
    except OSError as error:
        return f"{error.filename or path} cannot be looked at ({error.strerror or error})"
    return None


def _steps(root: Path, path: Path) -> Iterator[Path]:
    yield root
    step = root
    for name in path.relative_to(root).parts:
        step = step / name
        yield step


def _distrusted_way(target: Path) -> str | None:
    """Whether others could put something else in the place that a link leads to."""
    for folder in target.parents:
        status = folder.stat()
        kept = status.st_uid in (0, os.geteuid()) and (
            not status.st_mode & _OTHERS_WRITE or bool(status.st_mode & stat.S_ISVTX)
        )
        if not kept:
            return (
                f"a link leads to {target}, and others can change what lies in {folder}; move it "
                "to a folder of your own"
            )
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
