"""Which functions a pattern means: by module, by file, or by their own name.

A pattern is a dotted name (``quant.labels``, ``labels.triple_barrier``), or a path where it
holds a slash, ends like a Python file, or names a function behind ``::``
(``quant/labels.py::triple_barrier``). It means what it names and all that lies in it. ``*``,
``?`` and ``[...]`` stand for what they stand for in a shell; ``*`` reaches across dots and
slashes. A name may begin at any package or folder: ``labels`` is ``src/quant/labels.py`` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

_WILD = re.compile(r"[*?\[]")
_FILE = (".py", ".pyi", ".ipynb")

#: How closely a pattern names a function; of two, the greater is the closer one.
Closeness = tuple[int, bool, int]


def module_of(path: str) -> tuple[str, ...]:
    """The parts of the longest name that a file can be imported by.

    >>> module_of("src/quant/labels.py"), module_of("quant/__init__.py")
    (('src', 'quant', 'labels'), ('quant',))
    """
    *folders, name = path.strip("/").split("/")
    stem = name.rpartition(".")[0] or name
    return tuple(folders) if stem == "__init__" else (*folders, stem)


def matches(patterns: Iterable[str], path: str, function: str = "") -> bool:
    """Whether one of ``patterns`` means a function; without one, the whole file."""
    return any(closeness(pattern, path, function) is not None for pattern in patterns)


def closeness(pattern: str, path: str, function: str = "") -> Closeness | None:
    """How closely ``pattern`` names a function: itself, its class, its module, a package.

    None where it does not mean the function at all.

    Parameters
    ----------
    pattern : str
        As above.
    path : str
        The file, relative to the root of the repository.
    function : str
        The qualified name of a function in it; empty for the file as a whole.

    >>> closeness("quant.labels", "src/quant/labels.py", "entropy")
    (-1, True, 12)
    >>> closeness("labels.*", "src/quant/labels.py", "entropy")
    (0, False, 8)
    >>> closeness("quant/features.py", "src/quant/labels.py", "entropy")
    """
    inside = function.replace(".<locals>.", ".").split(".") if function else []
    if _is_path(pattern):
        rest = _through_path(pattern, path, inside)
    else:
        module = module_of(path)
        parts = [*module, *inside]
        starts = len(module) + bool(inside)
        end = _reached(parts, starts, pattern.replace(".<locals>.", "."), ".")
        rest = None if end is None else len(parts) - end
    return None if rest is None else (-rest, _WILD.search(pattern) is None, len(pattern))


def _is_path(pattern: str) -> bool:
    return "/" in pattern or "::" in pattern or pattern.endswith(_FILE)


def _through_path(pattern: str, path: str, inside: list[str]) -> int | None:
    """How many parts lie below what a path names; None where the function does not."""
    file, named, function = pattern.partition("::")
    file = file.removeprefix("./").removeprefix("**/").rstrip("/")
    parts = path.split("/")
    end = _reached(parts, len(parts), file, "/") if file else len(parts)
    if end is None:
        return None
    if not named:
        return len(parts) - end + len(inside)
    if not inside:
        return None
    reached = _reached(inside, 1, function.replace(".<locals>.", "."), ".")
    return None if reached is None else len(inside) - reached


def _reached(parts: Sequence[str], starts: int, pattern: str, between: str) -> int | None:
    """The first end of a run of ``parts``, begun at one of the ``starts``, that is meant."""
    for end in range(1, len(parts) + 1):
        for start in range(min(starts, end)):
            if fnmatchcase(between.join(parts[start:end]), pattern):
                return end
    return None
