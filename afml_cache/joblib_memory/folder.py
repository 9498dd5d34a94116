"""joblib's part of a cache directory: the folder, a function's place in it, and its entries.

What lies there is joblib's to the byte. Ours is how it gets there: no fault passes unnoticed,
nothing is left half-written, and the folder is its owner's alone, since its files bear no seal.
Importing this imports joblib.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
from joblib import Memory
from joblib._store_backends import FileSystemStoreBackend
from joblib.func_inspect import get_func_code
from joblib.memory import _build_func_identifier

from afml_cache.joblib_memory import layout
from afml_cache.outcomes import Reason

#: How often a file is written whose folder others keep clearing.
_ATTEMPTS = 10

#: What joblib knows a function by: its place, and its source with file and first line.
Origin = tuple[str, tuple[str, str | None, int]]


class NotStoredError(Exception):
    """A result was not stored, for ``reason``; the cause says what went wrong."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Folder(FileSystemStoreBackend):  # type: ignore[misc]
    """joblib's files below one cache directory.

    Parameters
    ----------
    reading : bool
        Make no folder: only what is there is read.
    """

    def __init__(self, *, reading: bool = False) -> None:
        self._reading = reading

    def open_at(self, place: Path) -> None:
        """Use ``place``; made, for its owner alone, when it is not there."""
        self._place = place
        if not self._reading:
            make_private(place)
        options = {"compress": False, "mmap_mode": None}
        # The name that joblib itself gives the folder inside the one it is told.
        self.configure(str(place / "joblib"), verbose=0, backend_options=options)

    def create_location(self, location: str) -> None:
        """Make a folder, and the one around all when somebody has taken it away."""
        if self._reading:
            return
        make_private(self._place)
        os.makedirs(location, exist_ok=True)  # noqa: PTH103 - joblib speaks of paths as text

    def store_cached_func_code(self, call_id: list[str], func_code: str | None = None) -> None:
        """Record the source of a function, all at once.

        Before 1.6, joblib wrote it in place: another process that read a half of it took the
        function for an edited one and threw all of its entries away.
        """
        folder = Path(self.location, *call_id)
        if func_code is None:
            self.create_location(str(folder))
        else:
            self._write(folder, "func_code.py", lambda n: Path(n).write_bytes(func_code.encode()))

    def dump_item(self, call_id: tuple[str, str], item: object, verbose: int = 1) -> None:  # noqa: ARG002 - joblib's signature
        """Store a result.

        joblib's own warns at every call, leaves what it had written so far, and can put a
        half-written pickle where a result belongs.

        Raises
        ------
        NotStoredError
            It is not stored, and nothing is left of it.
        """
        entry = Path(self.location, *call_id)
        try:
            self._write(entry, "output.pkl", lambda name: joblib.dump(item, name))
        except (OSError, MemoryError) as error:
            raise NotStoredError(Reason.STORE_UNAVAILABLE) from error
        except Exception as error:  # a value's own pickling may raise anything
            raise NotStoredError(Reason.RESULT_UNPICKLABLE) from error
        finally:
            with contextlib.suppress(OSError):  # an entry: it stays
                entry.rmdir()

    def _write(self, folder: Path, name: str, write: Callable[[str], object]) -> None:
        """Write under another name, then rename; nothing is left of a failure."""
        file = str(folder / name)
        temporary = f"{file}.{uuid.uuid4().hex}-{os.getpid()}"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self.create_location(str(folder))
                write(temporary)
                self._move_item(temporary, file)
                return
            except (FileNotFoundError, FileExistsError):  # somebody is clearing the folder
                if attempt == _ATTEMPTS:
                    raise
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise


def make_private(place: Path) -> None:
    """Make joblib's folder, and the cache directory around it, for their owner alone.

    Whoever can write there can have code of his run here. What exists keeps its mode.
    """
    if not place.is_dir():
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700, exist_ok=True)


def memorize(
    function: Callable[..., Any],
    ignore: tuple[str, ...],
    place: Path,
    origin: Origin | None,
    *,
    reading: bool = False,
) -> Any:
    """joblib's function whose entries lie in ``place``.

    Parameters
    ----------
    function : callable
    ignore : tuple of str
    place : Path
        joblib's folder.
    origin : tuple, optional
        What joblib knows the function by in the process that it came from, where its source
        could be read.
    reading : bool
        Make and write nothing.
    """
    folder = Folder(reading=reading)
    folder.open_at(place)
    memorized = Memory(folder, verbose=0).cache(function, ignore=list(ignore))
    if origin is not None and origin[0] != memorized.func_id:
        with contextlib.suppress(OSError):
            folder_of(memorized).rmdir()  # made for the name that it has in this process
        memorized.func_id = origin[0]
    if origin is not None:
        memorized._func_code_info = origin[1]
    return memorized


def origin_of(function: Callable[..., Any]) -> Origin:
    """What joblib knows a function by in this process."""
    return name_of(function), get_func_code(function)


def name_of(function: Callable[..., Any]) -> str:
    """The path that joblib gives a function inside its folder."""
    return str(_build_func_identifier(function))


def folder_of(memorized: Any) -> Path:
    """The folder of one function."""
    return Path(memorized.store_backend.location, memorized.func_id)


def folder_named(place: Path, name: str) -> Path:
    """As :func:`folder_of`, by joblib's folder and its name for the function."""
    return place / "joblib" / name


def recorded_source(memorized: Any) -> str | None:
    """The source that the entries of a function belong to; None where none is recorded."""
    return layout.recorded_source(folder_of(memorized))


def record_source(memorized: Any) -> bool:
    """Record the source of a function again where somebody took it away; whether it was so.

    joblib records it once a process. Without it the next process would miss, and one that runs
    an edited function would be served what the older one had computed.
    """
    backend, function = memorized.store_backend, memorized.func_id
    if os.path.exists(os.path.join(backend.location, function, "func_code.py")):  # noqa: PTH110, PTH118
        return False
    source, _, first_line = memorized.func_code_info
    memorized._write_func_code(source, first_line)
    return True


def entries(folder: Path) -> Iterator[tuple[str, int]]:
    """The entries of a function that hold a whole result: joblib's hash, and bytes on disk."""
    with contextlib.suppress(OSError), os.scandir(folder) as inside:
        for entry in inside:
            with contextlib.suppress(OSError):  # others clear meanwhile
                if _is_whole(Path(entry.path, "output.pkl")):
                    with os.scandir(entry.path) as files:
                        size = sum(file.stat().st_size for file in files)
                    yield entry.name, size


def _is_whole(output: Path) -> bool:
    """Whether a result was written to its end; joblib can leave half of one."""
    with output.open("rb") as file:
        first = file.read(1)
        if first != b"\x80":  # not a plain pickle: compressed
            return bool(first)
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"."


def clear(memorized: Any) -> None:
    """Remove the entries of a function, all at one moment, whoever stores some meanwhile."""
    folder = folder_of(memorized)
    aside = Path(memorized.store_backend._place, f".cleared-{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):  # there are none, or joblib says why not
        folder.rename(aside)
    memorized.clear(warn=False)
    shutil.rmtree(aside, ignore_errors=True)
