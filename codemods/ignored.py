"""What is left out of a walk: ``.gitignore`` where git is not there to ask, and ``--exclude``.

Both are written in git's pattern language. A ``.gitignore`` counts for its own folder and all
below; the nearest one that says something about a path decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Ignored:
    """Answers for the paths below one root, by the ``.gitignore`` files from there on.

    Parameters
    ----------
    root : Path
        The uppermost folder whose ``.gitignore`` counts.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._specs: dict[Path, GitIgnoreSpec | None] = {}

    def __call__(self, path: Path, *, folder: bool = False) -> bool:
        """Whether ``path``, which lies below the root, is ignored; its folders have been asked."""
        for above in path.parents:
            spec = self._spec(above)
            if spec is not None:
                name = path.relative_to(above).as_posix() + ("/" if folder else "")
                include = spec.check_file(name).include
                if include is not None:
                    return include
            if above == self.root:
                break
        return False

    def _spec(self, folder: Path) -> GitIgnoreSpec | None:
        if folder not in self._specs:
            try:
                lines = (folder / ".gitignore").read_text("utf-8", "replace").splitlines()
            except OSError:  # there is none, mostly; one that cannot be read hides nothing
                lines = []
            self._specs[folder] = _compiled(lines) if lines else None
        return self._specs[folder]


def excluding(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a path, relative to the root, is left out by one of ``patterns``.

    >>> leave_out = excluding(["tests/", "*_old.py"])
    >>> [path for path in ("tests/a.py", "quant/tests/b.py", "quant/a.py") if not leave_out(path)]
    ['quant/a.py']
    """
    patterns = list(patterns)
    if not patterns:
        return lambda _: False
    spec = _compiled(patterns)
    return lambda path: spec.match_file(path)


def _compiled(lines: Iterable[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)
