"""Replacing a file so that it is, at every instant, the old one or the new one.

The bytes go to a temporary file in the same folder, reach the disk, and take the old file's
place in one step. The temporary name follows from the file's, so that what a killed run
left behind is found and removed by the next.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


class ReadOnlyError(OSError):
    """The file's mode forbids writing; it is left as it is."""


def replace_file(path: Path, data: bytes, mode: int | None = None) -> None:
    """Give ``path`` the content ``data``; a symbolic link keeps pointing where it points.

    Parameters
    ----------
    path : Path
        An existing file.
    data : bytes
        Its new content.
    mode : int, optional
        Permission bits; the file's own by default.

    Raises
    ------
    ReadOnlyError
        Nobody may write the file.
    OSError
        The disk is full, the folder cannot be written, ...; the file is as it was.
    """
    target = Path(os.path.realpath(path))
    old = target.stat()
    if not stat.S_IMODE(old.st_mode) & 0o222:
        raise ReadOnlyError("is read-only")
    temporary = temporary_of(target)
    remove_leftover(target)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode) if mode is None else mode)
            if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                try:
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                except PermissionError:
                    pass  # only root may give files away; the content is what matters
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        remove_leftover(target)
        raise


def create_file(path: Path, data: bytes) -> None:
    """Write a file of our own, which may exist, just as safely."""
    temporary = temporary_of(path)
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_of(path: Path) -> Path:
    """Where the new content of ``path`` lies before it takes its place."""
    return path.with_name(f".{path.name}.afml-codemod")


def remove_leftover(path: Path) -> None:
    """Remove what a killed run may have left beside ``path``."""
    try:
        temporary_of(path).unlink()
    except FileNotFoundError:
        pass  # the usual case
