"""What the installed ``afml_cache`` offers, read from its file and without importing it.

The codemods put names of the cache into a project: imports, decorators. A name that the cache
of this version does not have would break the project, so nothing is written before it is known
to be there. With a newer cache, the same command finds more.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from codemods.literals import assigned, strings_of
from codemods.source import Source, Unreadable

CACHE = "afml_cache"


class NotOfferedError(Exception):
    """The installed cache lacks what is needed; the message says what to do."""


def offered() -> frozenset[str]:
    """The public names of the installed ``afml_cache``.

    Raises
    ------
    NotOfferedError
        It is not installed, or its names cannot be told from its file.
    """
    file = _file()
    if file is None:
        raise NotOfferedError(
            f"{CACHE} is not installed beside {sys.executable}; install it there, so that it can"
            " be seen which names it has"
        )
    try:
        tree = Source(file.read_bytes()).tree
    except (OSError, Unreadable) as error:
        raise NotOfferedError(f"{file} cannot be read: {error}; install it again") from error
    known = assigned(tree)
    names = strings_of(known["__all__"], known) if "__all__" in known else None
    if names is None:
        raise NotOfferedError(f"the __all__ of {file} cannot be read; is that the cache?")
    return frozenset(names)


def _file() -> Path | None:
    spec = find_spec(CACHE)  # of a top-level module: that imports nothing
    return Path(spec.origin) if spec is not None and spec.origin is not None else None
