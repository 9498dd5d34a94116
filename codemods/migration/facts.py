"""Facts for whoever looks on: what git has, how large the cache is, and what is installed.

Nothing depends on them; they say on what ground the migration stands, before it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from codemods.files import git

#: The extras that change what the cache can do -> the modules that come with them.
EXTRAS = {
    "mlflow": ("mlflow",),
    "parquet": ("pyarrow",),
    "ml": ("sklearn",),
    "plots": ("matplotlib",),
    "reload": ("watchfiles",),
    "dashboard": ("plotly",),
    "optuna": ("optuna",),
    "cluster": ("distributed", "ray"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there, in words."""

    git: str
    cache_bytes: int  #: with what `@cacheable` has stored
    extras: tuple[str, ...]  #: those that are installed here

    @property
    def cache(self) -> str:
        """How large the cache is.

        >>> Facts("", 1_250_000, ()).cache, Facts("", 900, ()).cache
        ('1.2 MB', '900 bytes')
        """
        size = float(self.cache_bytes)
        for unit in ("bytes", "kB", "MB", "GB"):
            if size < 1000 or unit == "GB":
                break
            size /= 1000
        return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def git_state(root: Path, dirty: Sequence[str]) -> str:
    """On which branch and commit it stands, and what git does not hold.

    Parameters
    ----------
    root : Path
        The top of a git repository, or of none.
    dirty : sequence of str
        Files with changes that git does not hold.
    """
    if git(root, "rev-parse", "--git-dir") is None:
        return "none here; the journal alone can undo"
    branch = _line(root, "symbolic-ref", "--quiet", "--short", "HEAD") or "no branch"
    commit = _line(root, "rev-parse", "--quiet", "--verify", "--short", "HEAD")
    place = f"{branch} at {commit}" if commit else f"{branch}, nothing committed yet"
    if not dirty:
        return f"{place}, holds everything as it is"
    files = "1 file has" if len(dirty) == 1 else f"{len(dirty)} files have"
    more = ", ..." if len(dirty) > 3 else ""
    return f"{place}, {files} changes that it does not hold ({', '.join(dirty[:3])}{more})"


def extras() -> tuple[str, ...]:
    """The extras of which something can be imported here."""
    return tuple(name for name, modules in EXTRAS.items() if any(map(_is_there, modules)))


def _is_there(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and spec.origin is not None  # a folder of that name is no package


def _line(root: Path, *arguments: str) -> str:
    return (git(root, *arguments) or b"").decode(errors="replace").strip()
