"""Where a repository keeps its own ``afml/cache``, if it has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codemods.files import PathError, find

#: The file of the package, and of a module in its stead.
FILES = ("afml/cache/__init__.py", "afml/cache.py")


def own_package(path: Path) -> Path:
    """The one file that ``import afml.cache`` of a project runs.

    Parameters
    ----------
    path : Path
        The file itself, the folder of the package, or the repository.

    Raises
    ------
    PathError
        There is none, or there are several.
    """
    if not path.exists():
        raise PathError(f"{path} does not exist")
    if path.is_file():
        if path.suffix != ".py":
            raise PathError(f"{path} is no Python file; name afml/cache/__init__.py")
        return path
    absolute = path.absolute()
    if absolute.parts[-2:] == ("afml", "cache") and (path / "__init__.py").is_file():
        return path / "__init__.py"
    for folder in (path, path / "src"):
        for name in FILES:
            if (folder / name).is_file():
                return folder / name
    found = sorted(set(_below(path)))
    if not found:
        raise PathError(
            f"there is no {FILES[0]} in {path}: nothing to do, since `afml.cache` is the installed"
            " cache then. If the package lies elsewhere, name its __init__.py"
        )
    if len(found) > 1:
        listed = "".join(f"\n  {file}" for file in found)
        raise PathError(f"there are several of them in {path}; name one:{listed}")
    return found[0]


def _below(path: Path) -> Iterator[Path]:
    tree = find([path])
    for file in tree.files:
        if any(f"/{file}".endswith(f"/{name}") for name in FILES):
            yield tree.root / file
