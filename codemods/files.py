"""Which files a run looks at: git's list where there is a repository, else a walk.

Asking git keeps ignored files, virtual environments and build folders out without a list of
names; a walk reads ``.gitignore`` itself. The packages that a file lies in follow from its place
below the root.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codemods.ignored import Ignored, excluding

NOTEBOOK = ".ipynb"
SUFFIXES = (".py", ".pyi", NOTEBOOK)

CHECKPOINTS = ".ipynb_checkpoints"  #: where Jupyter keeps a second copy of every notebook

_SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".afml-codemod", ".tox", ".nox", "node_modules"}
    | {"__pycache__", CHECKPOINTS, ".mypy_cache", ".ruff_cache", ".pytest_cache", "site-packages"}
)


class PathError(Exception):
    """A path given by a person does not exist, or paths do not belong together."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A repository, or a directory that is none, and the files in it that are looked at."""

    root: Path
    files: tuple[str, ...]  #: relative to the root, with forward slashes, sorted
    in_git: bool
    unlisted: tuple[str, ...] = ()  #: folders that could not be listed

    def package(self, file: str) -> tuple[str, ...]:
        """The folders that ``file`` lies in, outermost first, as package names."""
        return package_of(self.root / file)

    def all_files(self) -> Iterator[str]:
        """Every file of the repository, whichever paths were asked for."""
        listed = list(_listed_by_git(self.root, self.root)) if self.in_git else []
        yield from listed or [_relative(file, self.root) for file in _walk(self.root, self.root)]


def find(paths: Sequence[Path], exclude: Iterable[str] = ()) -> Tree:
    """The Python files and notebooks below ``paths``, all of which lie in one repository.

    Parameters
    ----------
    paths : sequence of Path
        Directories, and files, which are taken whatever they are called.
    exclude : iterable of str
        Patterns of paths that are left out, as in a ``.gitignore`` at the root.

    Raises
    ------
    PathError
        A path does not exist, or the paths lie in different repositories.
    """
    for path in paths:
        if not path.exists():
            raise PathError(f"{path} does not exist")
    root, in_git = find_root(paths[0])
    found: set[str] = set()
    unlisted: set[str] = set()
    for path in (path.absolute() for path in paths):
        if find_root(path)[0] != root and not path.resolve().is_relative_to(root):
            raise PathError(f"{path} lies outside of {root}; migrate one repository at a time")
        if not path.is_dir():
            found.add(_relative(path, root))
            continue
        listed = list(_listed_by_git(root, path)) if in_git else []
        walked = (_relative(file, root) for file in _walk(path, root, unlisted.add))
        found.update(listed or walked)
    left_out = excluding(exclude)
    kept = sorted(file for file in found if not left_out(file))
    closed = (_relative(Path(folder), root) for folder in unlisted)
    told = (folder for folder in closed if not left_out(f"{folder}/"))
    return Tree(root, tuple(kept), in_git, tuple(sorted(told)))


def find_root(path: Path) -> tuple[Path, bool]:
    """Where the journal of ``path`` lives, and whether git knows the place.

    The git repository that it lies in; else a folder that has a journal; else the project
    (a ``pyproject.toml``); else the working directory; else the folder itself.
    """
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    if any((above / ".git").exists() for above in (folder, *folder.parents)):
        top = git(folder, "rev-parse", "--show-toplevel")
        if top is not None:
            return Path(os.fsdecode(top.rstrip(b"\n"))), True
    for above in (folder, *folder.parents):  # a migration has been made from there before
        if (above / ".afml-codemod").is_dir():
            return above.resolve(), False
    for above in (folder, *folder.parents):
        if any((above / name).is_file() for name in ("pyproject.toml", "setup.cfg", "setup.py")):
            return above.resolve(), False
    here = Path.cwd()
    if folder.is_relative_to(here) and here not in (Path.home(), Path(here.anchor)):
        return here.resolve(), False
    return folder.resolve(), False


def git(folder: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it is missing or refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", os.fspath(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError:  # git is not installed
        return None
    return done.stdout if done.returncode == 0 else None


def uncommitted(root: Path, planned: Iterable[str]) -> list[str]:
    """Files that git could not give back: modified ones, and planned ones it does not know."""
    status = git(root, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
    wanted = set(planned)
    found = []
    for entry in (status or b"").split(b"\0"):
        state, file = entry[:2], os.fsdecode(entry[3:])
        if entry and (state != b"??" or file in wanted):
            found.append(file)
    return found


def _listed_by_git(root: Path, folder: Path) -> Iterator[str]:
    where = _relative(folder, root)
    # Names that begin with a colon are no magic here: they are folders.
    listed = git(
        root, "--literal-pathspecs", "ls-files", "-z", "--cached", "--others",
        "--exclude-standard", "--", where,
    )  # fmt: skip
    for name in (listed or b"").split(b"\0"):
        file = os.fsdecode(name)
        if file.endswith(SUFFIXES) and f"/{CHECKPOINTS}/" not in f"/{file}":
            yield file


def _walk(
    folder: Path, root: Path, unlisted: Callable[[str], None] | None = None
) -> Iterator[Path]:
    ignored = Ignored(root)
    above = [f for f in (folder, *folder.parents) if f.is_relative_to(root) and f != root]
    if not folder.is_relative_to(root) or any(ignored(f, folder=True) for f in above):
        ignored = Ignored(folder)  # who asks for an ignored folder means what is in it

    def closed(error: OSError) -> None:
        if unlisted is not None:
            unlisted(os.fsdecode(error.filename))

    for here, folders, files in os.walk(folder, onerror=closed):
        folders[:] = [
            name
            for name in folders
            # Path.exists() raises where a folder may not be entered.
            if name not in _SKIPPED
            and not os.path.exists(f"{here}/{name}/pyvenv.cfg")  # noqa: PTH110
            and not ignored(Path(here, name), folder=True)
        ]
        for name in files:
            if name.endswith(SUFFIXES) and not ignored(Path(here, name)):
                yield Path(here, name)


def _relative(path: Path, root: Path) -> str:
    """Below the root: relative to it. Elsewhere (through a link): the absolute path."""
    place = Path(os.path.normpath(path))
    if not place.is_relative_to(root):
        place = place.parent.resolve() / place.name
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else place.as_posix()


def package_of(file: Path) -> tuple[str, ...]:
    """All folders above ``file``, outermost first; relative imports are resolved against them.

    Folders need no ``__init__.py`` for that, just as for Python.
    """
    return file.parent.absolute().parts[1:]
