"""What is project code, what is an installed package, and of which version.

A module belongs to an installed distribution when it lies in a directory of installed packages
(``site-packages``, or any with ``*.dist-info`` inside) and a distribution there owns its
top-level name. Everything else that is neither the standard library nor this cache is project
code: working copies, editable installs, scripts, notebooks, a stray file in ``site-packages``.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import ModuleType

from afml_cache.settings import PackageVersions


class Kind(Enum):
    """Whose code a module is."""

    PROJECT = "project"
    INSTALLED = "installed"
    STANDARD = "standard"  #: the standard library
    OURS = "ours"  #: this cache


@dataclass(frozen=True, slots=True)
class Home:
    """Where a module comes from. ``distribution`` and ``version`` are set when installed."""

    kind: Kind
    distribution: str = ""
    version: str = ""


_PROJECT = Home(Kind.PROJECT)
_STANDARD = Home(Kind.STANDARD)
_OURS = Home(Kind.OURS)


def home_of(module: str, file: str | None) -> Home:
    """The home of a module, by its name and the file that the code came from."""
    if file is None or not Path(file).is_absolute():
        # Frozen, built in, generated (`<string>`), a notebook's cell, or a relative script.
        loaded = sys.modules.get(module)
        file = file_of(loaded) if loaded is not None else None
        if file is None:
            top = module.partition(".")[0]
            return _STANDARD if top in sys.stdlib_module_names else _PROJECT
    return _home_of(module.partition(".")[0], file, len(sys.path))


def file_of(module: ModuleType) -> str | None:
    """The file of a module, or the folder of a namespace package."""
    namespace = vars(module)
    file = namespace.get("__file__")
    if isinstance(file, str):
        return os.path.abspath(file)  # noqa: PTH100 - Path.resolve would follow links
    try:
        return next(iter(namespace.get("__path__", ())), None)
    except TypeError:  # no iterable: an odd object that only looks like a package
        return None


def counted_version(version: str, how_much: PackageVersions) -> str:
    """The part of a version that counts in a key.

    >>> counted_version("2.4.1", "minor")
    '2.4'
    """
    if how_much == "minor":
        match = re.match(r"v?(\d+!)?\d+(\.\d+)?", version)
        return match[0] if match else version
    return version


@cache
def _home_of(top: str, file: str, _length_of_path: int) -> Home:
    if _is_below(file, _OUR_FOLDER):
        return _OURS
    folder = _import_folder(file)
    if folder is not None and _holds_distributions(folder):
        relative = os.path.relpath(file, folder)
        # The name as imported may be `__main__`, or a wrapper's.
        name = relative.split(os.sep, 1)[0].partition(".")[0]
        return _owner(folder, name, Path(relative).as_posix()) or _PROJECT
    if any(_is_below(file, standard) for standard in _STANDARD_FOLDERS):
        return _STANDARD
    if file.endswith((".so", ".pyd")) and top in sys.stdlib_module_names:
        return _STANDARD
    return _PROJECT


def _is_below(file: str, folder: str) -> bool:
    return file.startswith(folder + os.sep)


_OUR_FOLDER = str(Path(__file__).parent.parent)
_STANDARD_FOLDERS = frozenset(
    # Virtual environments see the real directory through sysconfig.
    {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), str(Path(os.__file__).parent)}
)


def _import_folder(file: str) -> str | None:
    """The entry of ``sys.path`` that a file was imported from: the longest that fits."""
    best = ""
    for entry in [*sys.path, *_site_folders(file)]:
        entry = os.path.abspath(entry)  # noqa: PTH100 - Path.resolve would follow links
        if len(entry) > len(best) and _is_below(file, entry):
            best = entry
    return best or None


def _site_folders(file: str) -> Iterator[str]:
    """``.../site-packages`` above a file, also of an environment that is not on the path."""
    for parent in Path(file).parents:
        if parent.name in ("site-packages", "dist-packages"):
            yield str(parent)


@cache
def _holds_distributions(folder: str) -> bool:
    if Path(folder).name in ("site-packages", "dist-packages"):
        return True
    try:
        return any(path.suffix == ".dist-info" for path in Path(folder).iterdir())
    except OSError:
        return False


def _owner(folder: str, top: str, relative: str) -> Home | None:
    """The distribution in ``folder`` that owns a top-level name."""
    path = Path(folder, top)
    if path.is_dir() and not (path / "__init__.py").exists():
        # A namespace package, into which several distributions install: who brought this file?
        return _recorded(folder, top, f"\n{relative},")
    direct = _metadata(folder).get(_normalised(top))
    if direct is not None:
        return _home(direct)
    return _recorded(folder, top, f"\n{top}/") or _recorded(folder, top, f"\n{top}.")


@cache
def _metadata(folder: str) -> dict[str, Path]:
    """Normalised distribution name -> its metadata folder."""
    names = {}
    for path in Path(folder).iterdir():
        if path.suffix in (".dist-info", ".egg-info"):
            names[_normalised(path.stem.partition("-")[0])] = path
    return names


@cache
def _recorded(folder: str, top: str, line: str) -> Home | None:
    """The distribution whose list of installed files has such a line.

    The lists are searched as bytes: parsing them, as importlib.metadata does, takes ten times
    as long, and nothing can be called before it is done.
    """
    for path in _metadata(folder).values():
        if line.encode() in b"\n" + _read(path / "RECORD"):
            return _home(path)
        if top.encode() in _read(path / "top_level.txt").split() and path.suffix == ".egg-info":
            return _home(path)
    return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@cache
def _home(metadata: Path) -> Home:
    import importlib.metadata  # slow to load

    found = importlib.metadata.Distribution.at(metadata)
    name = found.metadata["Name"] or metadata.stem.partition("-")[0]
    return Home(Kind.INSTALLED, _normalised(name), found.version or "")


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
