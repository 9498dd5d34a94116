"""Where joblib keeps the entries of a function, found without importing joblib.

``<location>/joblib/<module>/<...>/<function>/`` holds ``func_code.py`` (the source that the entries
were computed by) and a folder an argument hash with ``output.pkl`` and ``metadata.json``. A
``Memory`` that was given a :class:`pathlib.Path` leaves the ``joblib`` level out.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache.store.cleared import CODE, JOBLIB_FOLDER
from afml_cache.store.store import Store

#: What joblib writes before the source in ``func_code.py``.
_FIRST_LINE = "# first line:"

#: How the modules of notebooks and of IPython begin in joblib's names; what follows changes with
#: every edit of a cell.
_CELLS = ("ipykernel-", "<ipython-input-")


def joblib_location(store: Store) -> Path:
    """Where ``@cacheable`` keeps its entries beside a store."""
    return store.directory / JOBLIB_FOLDER


@dataclass(frozen=True, slots=True)
class FunctionFolder:
    """A folder of joblib's with entries of one function; ``root`` is the location it lies in."""

    root: Path
    path: Path
    is_certain: bool = True  #: False: of a cell of a notebook, which may be another's

    @property
    def key(self) -> str:
        """joblib's name for the function: of two programs of one name, each has its own."""
        parts = self.path.relative_to(self.root).parts
        return "/".join(parts[1:] if parts[:1] == ("joblib",) else parts)

    def recorded_source(self) -> str | None:
        """The source that the entries were computed by; None where none is recorded."""
        return recorded_source(self.path)

    def entry(self, arguments: str) -> Path:
        """The file with the result for an argument hash; it need not exist."""
        return self.path / arguments / "output.pkl"

    def entries(self) -> Iterator[Path]:
        """The files with results that are there."""
        return self.path.glob("*/output.pkl")


def recorded_source(folder: Path) -> str | None:
    """The source in a function's folder, less the line that says where it stood."""
    file = folder / CODE
    try:
        if not file.is_file():  # a pipe would be waited for
            return None
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    head, newline, source = text.partition("\n")
    return source if newline and head.startswith(_FIRST_LINE) else text


def key_of(function: Any) -> str | None:
    """joblib's name for a function, as :attr:`FunctionFolder.key`; None where it has none."""
    parts = name_parts(function)
    return None if parts is None else "/".join(parts)


def keys_of(function: Any, roots: Iterable[Path]) -> set[str]:
    """joblib's names for a function: its own, and those of the folders that it has."""
    own = key_of(function)
    keys = {folder.key for folder in folders_of(function, roots)}
    return keys if own is None else keys | {own}


def folders_of(function: Any, roots: Iterable[Path]) -> list[FunctionFolder]:
    """The folders that joblib would use for a function, as far as they exist.

    Parameters
    ----------
    function : callable
        The undecorated function.
    roots : iterable of Path
        Locations as they were given to :class:`joblib.Memory`.
    """
    parts = name_parts(function)
    if parts is None:
        return []
    found = []
    for root in roots:
        for place in (root / "joblib", root):
            path = place.joinpath(*parts)
            # Path.is_dir raises where a folder may not be entered or its name is too long.
            if os.path.isdir(path):  # noqa: PTH112
                found.append(FunctionFolder(root, path))
            elif parts[0].startswith("__main__-") and any(cell in parts[0] for cell in _CELLS):
                found += [
                    FunctionFolder(root, path, is_certain=False)
                    for path in _of_other_cells(place, parts)
                ]
    return found


def name_parts(function: Any) -> tuple[str, ...] | None:
    """The names of the folders, outermost first; None for what joblib has no steady name for."""
    name = getattr(function, "__name__", None)
    module = getattr(function, "__module__", "")
    if not isinstance(name, str) or not isinstance(module, str | None):
        return None
    module = module or ""
    if module == "__main__":
        module = _main(function)
    parts = module.split(".")
    qualname = getattr(function, "__qualname__", name)
    if qualname != name:
        parts += qualname.split(".")[:-1]
    parts.append(name)
    return tuple(parts) if not any(os.sep in part or part == ".." for part in parts) else None


def _main(function: Any) -> str:
    """joblib's name of the running program: made of the path of its file."""
    try:
        file = inspect.getsourcefile(function)
    except TypeError:
        file = None
    if file is None:
        return "__main__"
    parts = os.path.abspath(file).split("/")  # noqa: PTH100 - Path.resolve would follow links
    if parts[-1].startswith("<ipython-input"):
        words = parts[-1].split("-")
        parts[-1] = "-".join(words[:2] + words[3:])
    elif len(parts) > 2 and parts[-2].startswith("ipykernel_"):
        parts[-2] = "ipykernel"
    return "__main__-" + "-".join(parts).removesuffix(".py")


def _of_other_cells(place: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """The same function in a cell with another text: renaming its decorator changed the cell."""
    for cell in _CELLS:
        before, found, _ = parts[0].partition(cell)
        if found:
            try:
                cells = sorted(p for p in place.iterdir() if p.name.startswith(before + cell))
            except OSError:
                return
            for path in (cell_folder.joinpath(*parts[1:]) for cell_folder in cells):
                if os.path.isdir(path):  # noqa: PTH112
                    yield path


@dataclass(frozen=True, slots=True)
class Written:
    """When an entry was written (seconds since the epoch) and how long its computation took."""

    at: float
    seconds: float


def written(output: Path, modified: float) -> Written:
    """What joblib noted beside a result; ``modified`` (of the file) where it noted no time."""
    file = output.parent / "metadata.json"
    try:
        noted = json.loads(file.read_text(encoding="utf-8") if file.is_file() else "null")
        seconds, at = noted.get("duration"), noted.get("time")
    except (OSError, ValueError, AttributeError):
        seconds = at = None
    return Written(
        at=float(at) if isinstance(at, int | float) and at > 0 else modified,
        seconds=float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 0.0,
    )
