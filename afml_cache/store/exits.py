"""Leaving and forking: what is in memory is written before a process ends.

A store in use is closed at the exit of the interpreter, and of a worker of
`multiprocessing`, which skips the interpreter's own exit.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import Protocol


class Closable(Protocol):
    """What lives as long as the process, through forks."""

    def close(self) -> None:
        """Write what is pending and let go of files."""

    def after_fork(self) -> None:
        """Forget, in a child, what belongs to the parent."""


#: Held here even when nobody else holds it any more: it may have something to write.
_in_use: set[Closable] = set()
_watched = 0


def enter(closable: Closable) -> None:
    """Have ``closable`` closed when this process ends."""
    global _watched
    _in_use.add(closable)
    if _watched == os.getpid():
        return
    _watched = os.getpid()
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing.Finalize(None, _close_all, exitpriority=100)


def leave(closable: Closable) -> None:
    """It is closed, and has nothing to write."""
    _in_use.discard(closable)


def _close_all() -> None:
    for closable in list(_in_use):
        closable.close()


def _after_fork() -> None:
    for closable in list(_in_use):
        closable.after_fork()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)
