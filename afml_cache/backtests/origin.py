"""Who made a run, where, and with which commit; found without starting a process."""

from __future__ import annotations

import functools
import getpass
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from afml_cache.backtests.run import Origin

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def origin_of(function: Callable[..., Any] | None) -> Origin:
    """The origin of a run that is made now; the commit is that of the function's repository."""
    code = getattr(function, "__code__", None)
    folder = os.path.dirname(getattr(code, "co_filename", "") or "")  # noqa: PTH120
    return Origin(_user(), _host(), os.getpid(), _commit(folder))


@functools.cache
def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a user without a name
        return None


@functools.cache
def _host() -> str | None:
    return platform.node() or None


def _commit(folder: str) -> str | None:
    """The commit that is checked out in the repository of a folder."""
    repository = _repository(folder)
    if repository is None:
        return None
    own, common = repository
    try:
        head = (own / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head if _COMMIT.fullmatch(head) else None
        name = head.removeprefix("ref: ")
        for place in (own, common):
            loose = place / name
            if loose.is_file():
                return loose.read_text(encoding="utf-8").strip() or None
        for line in (common / "packed-refs").read_text(encoding="utf-8").splitlines():
            commit, _, packed = line.partition(" ")
            if packed == name:
                return commit
    except (OSError, UnicodeError, ValueError):  # no commit yet, or nothing that we know
        return None
    return None


@functools.lru_cache(maxsize=256)
def _repository(folder: str) -> tuple[Path, Path] | None:
    """The folder of a working tree's own state, and that of its repository."""
    if not folder or folder.startswith("<"):
        return None
    start = Path(folder)
    for place in (start, *start.parents):
        git = place / ".git"
        try:
            if git.is_dir():
                return git, git
            if git.is_file():  # a linked working tree
                own = Path(git.read_text(encoding="utf-8").strip().removeprefix("gitdir: "))
                own = own if own.is_absolute() else place / own
                common = own / "commondir"
                return own, own / common.read_text("utf-8").strip() if common.is_file() else own
        except (OSError, UnicodeError):
            return None
    return None
