"""joblib's folders under ``<base>/joblib_cache``: what they hold, and how to bring them back.

joblib keeps a folder a function, with ``func_code.py`` in it, the source text that its results
belong to, and in it a folder a call, named by 32 hexadecimal digits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from afml_cache.joblib_memory.layout import recorded_source
from afml_cache.store import location
from afml_cache.store.cleared import CODE, count_outputs

_CALL = re.compile(r"[0-9a-f]{32}")
_OUTPUT = "output.pkl"


@dataclass(slots=True)
class JoblibTaken:
    """What became of joblib's cleared results."""

    entries: int = 0  #: brought back
    present: int = 0  #: joblib had them again
    conflicts: list[str] = field(default_factory=list)  #: functions whose results had to stay


def forget_checked_functions() -> None:
    """Have joblib compare, and write down, the source of every function again.

    In a process it does so once a function, and not again when its folder is gone; the results
    stored from then on would not be found by the next process.
    """
    if "joblib.memory" not in sys.modules:
        return
    from joblib import Memory

    # Of joblib's public interface only this empties its table. It is done where there is
    # nothing to clear, since others may have stored results in the true place meanwhile.
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory() as nothing:
        Memory(nothing, verbose=0).clear(warn=False)


@dataclass(slots=True)
class JoblibHeld:
    """What joblib holds of one function; ``used``, since the epoch: last written or read."""

    entries: int = 0
    bytes: int = 0
    used: float = 0.0


def joblib_held(folder: Path) -> dict[tuple[str, ...], JoblibHeld]:
    """What joblib's folder holds of each function.

    Returns
    -------
    dict
        By the parts of the path of the function's folder: of module and qualified name.
    """
    found: dict[tuple[str, ...], JoblibHeld] = {}
    for place, _, files in os.walk(folder):
        if _OUTPUT in files:
            call = Path(place)
            parts = call.parent.relative_to(folder).parts
            parts = parts[1:] if parts[:1] == ("joblib",) else parts
            with contextlib.suppress(OSError):  # removed meanwhile
                each = {file: (call / file).stat() for file in files}
                held = found.setdefault(parts, JoblibHeld())
                held.entries += 1
                held.bytes += sum(one.st_size for one in each.values())
                # joblib goes by the time of access, too; not every file system keeps it.
                held.used = max(held.used, each[_OUTPUT].st_mtime, each[_OUTPUT].st_atime)
    return found


def joblib_sizes(folder: Path) -> dict[tuple[str, ...], tuple[int, int]]:
    """How many results each function has under joblib's folder, and their bytes."""
    return {parts: (held.entries, held.bytes) for parts, held in joblib_held(folder).items()}


def stored_folders_of(function: str, known: Collection[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Which of the ``known`` folders are those of a function, by its identity.

    joblib names the folder of a program (``__main__``) after the path of its file, so two
    programs of one name have two.
    """
    parts = tuple(function.split("."))
    if parts in known:
        return [parts]
    return [folder for folder in known if _is_programs(folder, parts)]


def _is_programs(folder: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not folder[0].startswith("__main__-"):
        return False
    # A dot in the path of the program makes two folders of one.
    for length in range(1, len(folder)):
        rest = folder[length:]
        module = parts[: len(parts) - len(rest)]
        if module and parts[len(module) :] == rest:
            return _is_file_of(".".join(folder[:length]), module)
    return False


def _is_file_of(program: str, module: tuple[str, ...]) -> bool:
    if module == ("__main__",):  # a notebook, which has no other name
        return "ipykernel" in program or "ipython-input" in program
    return program.endswith("-" + "-".join(module))


def move_aside(place: Path, parts: tuple[str, ...], cleared: Path) -> None:
    """Move joblib's results of one function out of its folder, and of no other function.

    A folder can hold those of a function and, deeper down, those of a module of that name.

    Parameters
    ----------
    place : Path
        joblib's folder.
    parts : tuple of str
        The path of the function's folder, as :func:`joblib_held` gives it.
    cleared : Path
        Where joblib's folder lies in the cleared folder.
    """
    for folder in (place / "joblib", place):
        source = folder.joinpath(*parts)
        if not source.is_dir():
            continue
        calls, _, _ = _sorted(source)
        if not calls:
            continue
        target = cleared / source.relative_to(place)
        target.mkdir(parents=True, exist_ok=True)
        if (source / CODE).is_file():  # it stays, too: a process writes it down once
            location.copy_if_absent(source / CODE, target / CODE)
        for call in calls:
            with contextlib.suppress(FileNotFoundError):  # joblib has removed it itself
                call.rename(target / call.name)


def bring_back(cleared: Path, place: Path) -> JoblibTaken:
    """Move joblib's cleared folders back to where they are absent now.

    Of a function that has a folder again, single results are moved, if that is of the same
    source text; else they stay. What is there now is never replaced.
    """
    taken = JoblibTaken()
    if os.path.lexists(cleared):
        _merge(cleared, place, cleared, taken)
    return taken


def _merge(source: Path, target: Path, top: Path, taken: JoblibTaken) -> None:
    if not source.is_symlink() and not source.is_dir():
        _merge_file(source, target)
        return
    if _rename_if_absent(source, target):
        taken.entries += count_outputs(target)[0]
        return
    calls, folders, files = _sorted(source)
    if calls:
        if _take_code(source, target):
            _merge_calls(calls, source, target, taken)
        if any(call.exists() for call in calls):
            parts = source.relative_to(top).parts
            taken.conflicts.append(".".join(parts[1:] if parts[:1] == ("joblib",) else parts))
    for folder in folders:
        _merge(folder, target / folder.name, top, taken)
    if not any(call.exists() for call in calls):
        for file in files:
            if file.name == CODE:  # the text is there, or there is nothing that belongs to it
                file.unlink()
            else:
                _merge_file(file, target / file.name)
    with contextlib.suppress(OSError):  # something had to stay
        source.rmdir()


def _sorted(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    calls, folders, files = [], [], []
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            files.append(path)
        elif _CALL.fullmatch(path.name):
            calls.append(path)
        else:
            folders.append(path)
    return calls, folders, files


def _rename_if_absent(source: Path, target: Path) -> bool:
    """Rename a folder; an empty one in its place (joblib makes such) does not count."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if target.exists():
            return False
        if error.errno != errno.EXDEV:
            raise
        # The cleared folder was a link to another disk.
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        shutil.copytree(source, draft)
        draft.rename(target)
        shutil.rmtree(source)
    return True


def _merge_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        pass  # what is there now wins
    except OSError:
        location.copy_if_absent(source, target)
    source.unlink(missing_ok=True)


def _take_code(source: Path, target: Path) -> bool:
    """See to it that both folders are of one source text; False where they are not."""
    if recorded_source(source) is None:
        return False  # nobody knows which source these results belong to
    # Results without a source were stored by a process that had compared it before the clearing,
    # with what lies in the cleared folder now. It is copied: joblib may write it in place.
    location.copy_if_absent(source / CODE, target / CODE)
    return _same_code(source, target)


def _same_code(source: Path, target: Path) -> bool:
    return recorded_source(source) == recorded_source(target)


def _merge_calls(calls: list[Path], source: Path, target: Path, taken: JoblibTaken) -> None:
    moved: list[Path] = []
    for call in calls:
        if not _same_code(source, target):
            break
        if not (call / _OUTPUT).exists():
            shutil.rmtree(call, ignore_errors=True)  # it was never finished
        elif _rename_if_absent(call, target / call.name):
            moved.append(call)
        elif (target / call.name / _OUTPUT).exists():
            taken.present += 1
            shutil.rmtree(call)
        else:
            for file in sorted(call.iterdir(), key=lambda path: path.name == _OUTPUT):
                _merge_file(file, target / call.name / file.name)
            call.rmdir()
            taken.entries += 1
    if not _same_code(source, target):
        # Somebody has begun to store the results of another source at this very moment.
        for call in moved:
            with contextlib.suppress(OSError):
                (target / call.name).rename(call)
        moved = [call for call in moved if not call.exists()]
    taken.entries += len(moved)
