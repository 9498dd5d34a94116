"""Whether waiting for somebody else's computation can ever end.

A cached function that maps itself over a pool holds its flight and waits for its workers; a
worker that wants the same flight would wait for ever. Nobody can know what a thread waits for,
so this is judged by what can be seen: whose flight it is, and that nothing moves there.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Hashable
from pathlib import Path
from time import monotonic

#: Seconds through which every look must find nothing moving, before waiting is called hopeless.
PATIENCE = 5.0
#: Looks in that time.
LOOKS = 10

#: Packages in whose code a thread does nothing but wait for others.
_WAITING = frozenset(
    {"asyncio", "concurrent", "joblib", "loky", "multiprocessing", "queue", "threading"}
)


class Prospect:
    """What one waiter has seen so far of the holder it waits for."""

    __slots__ = ("_holder", "_next", "_since")

    def __init__(self) -> None:
        self._holder: Hashable = None
        self._since: float | None = None
        self._next = 0.0

    def hopeless(self, holder: Hashable, stuck: Callable[[], bool]) -> bool:
        """Whether ``holder`` has been ``stuck`` at every look since `PATIENCE` seconds."""
        now = monotonic()
        if holder != self._holder:
            self._holder, self._since, self._next = holder, None, 0.0
        if now < self._next:
            return False
        self._next = now + PATIENCE / LOOKS
        if not stuck():
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= PATIENCE


def thread_waits(thread: int) -> bool:
    """Whether another thread of this process waits for others, and computes nothing itself."""
    if thread == threading.get_ident():
        return False
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_globals.get("__name__") == "selectors":
        frame = frame.f_back  # who selects says what for
    name = frame.f_globals.get("__name__") if frame is not None else None
    return isinstance(name, str) and name.partition(".")[0] in _WAITING


def process_card() -> bytes:
    """How this process names itself in a lock file: machine, id, time of its start."""
    return _card(os.getpid())


def run_card() -> str:
    """How the run that this process belongs to names itself: a program and what it started.

    It is what a shell calls a job, so that the workers of a test run name themselves alike.
    """
    return _card(os.getpgid(0)).decode("utf-8", "surrogateescape")


def is_ancestor(card: bytes) -> bool:
    """Whether the process that wrote ``card`` started this one, directly or through others."""
    process = os.getppid()
    while process > 0:
        if card == _card(process):
            return True
        process = _parent(process)
    return False


@functools.lru_cache(maxsize=64)
def _card(process: int) -> bytes:
    fields = _stat(process)
    started = fields[19] if len(fields) > 19 else "?"
    return f"{os.uname().nodename} {process} {started}".encode("utf-8", "surrogateescape")


def _parent(process: int) -> int:
    fields = _stat(process)
    return int(fields[1]) if len(fields) > 1 else 0


def _stat(process: int) -> list[str]:
    """What Linux tells of a process after its name; empty where there is no such thing."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
