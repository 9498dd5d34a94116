"""Leaving and forking: what is in memory is written before a process ends.

A store is closed at the exit of the interpreter, and of a worker of `multiprocessing`,
which skips the interpreter's own exit.
"""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Protocol


class Closable(Protocol):
    """What lives as long as the process, through forks."""

    def close(self) -> None:
        """Write what is pending and let go of files."""

    def after_fork(self) -> None:
        """Forget, in a child, what belongs to the parent."""


_live: weakref.WeakSet[Closable] = weakref.WeakSet()
_watched = 0


def register(closable: Closable) -> None:
    """Have ``closable`` closed at the exit of every process it lives in."""
    _live.add(closable)


def watch() -> None:
    """To be called at the first use in a process: see to the exits that `atexit` misses."""
    global _watched
    if _watched == os.getpid():
        return
    _watched = os.getpid()
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing.Finalize(None, _close_all, exitpriority=100)


def _close_all() -> None:
    for closable in list(_live):
        closable.close()


def _after_fork() -> None:
    for closable in list(_live):
        closable.after_fork()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_after_fork)
