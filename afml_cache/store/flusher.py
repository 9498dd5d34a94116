"""A thread that writes counters soon after they were counted, and ends when nothing is left.

So a process that falls idle, or is killed in its idleness, keeps nothing to itself. The thread is
started by the first count after it has ended; a fork never finds one running.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from time import monotonic

# Before a fork, hooks run in the opposite order of their registration: this module's, that waits
# for writing to end, has to run before those that let nobody write or lock.
from afml_cache.store import flight, pool  # noqa: F401
from afml_cache.store.index import Index
from afml_cache.store.tally import Ledger, Written

#: Seconds from a count until it is written: in a process that ends by itself, and in a worker of
#: `multiprocessing`, whose pool may end it with a signal as soon as it has its results.
_SOON, _SOONER = 0.5, 0.02
#: So often what could not be written is tried again, each time after twice the pause.
_ATTEMPTS = 5
#: Seconds that counting waits for another process that writes.
_PATIENCE = 0.05


class Flusher:
    """Writes what is counted in one store, from a thread while it can, else from the next call.

    Parameters
    ----------
    ledger, index
        Of the store.
    read_only : bool
        Write nothing.
    ended : callable
        Called when the thread has ended: the next count shall call :meth:`keep_up` again.
    """

    def __init__(
        self, ledger: Ledger, index: Index, read_only: bool, ended: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._read_only = read_only
        self._ended = ended
        self._is_on = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None  #: the last one; it may have ended
        _live.add(self)

    def keep_up(self) -> None:
        """See that what is being counted is written, and told of where it is worth a warning."""
        if not self._is_on:
            self._start()
        due = self._ledger.due
        if due and monotonic() >= due:  # there is no thread, or it is held up
            self._ledger.write(_PATIENCE)
        self._ledger.tell()

    def write(self, patience: float | None = None) -> None:
        """End the thread and write what is pending, as long as others let us."""
        with _starting:
            thread = self._thread
        self._end(thread)
        self._ledger.write(patience)

    def _end(self, thread: threading.Thread | None) -> None:
        self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
            if self._thread is thread:
                self._thread = None

    def _start(self) -> None:
        if self._read_only or (self._index.journal is not None and not self._index.writable):
            return
        with _starting:
            if self._is_on:
                return
            before, stop = self._thread, threading.Event()
            thread = threading.Thread(
                target=self._run, args=(stop, before), name="afml-cache counts", daemon=True
            )
            self._is_on, self._stop, self._thread = True, stop, thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or the system has no more threads
                self._is_on, self._thread = False, before

    def _run(self, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        soon = _SOONER if _is_worker() else _SOON
        failed = 0
        written = Written.ALL
        while written in (Written.ALL, Written.LATER) and failed < _ATTEMPTS:
            if stop.wait(max(soon, self._ledger.pause) * 2**failed):
                break
            written = self._ledger.write(_PATIENCE)
            failed = failed + 1 if written is Written.LATER else 0
        self._is_on = False
        self._ended()
        if not stop.is_set():
            self._ledger.write(_PATIENCE)  # what came between the last look and now

    def after_fork(self) -> None:
        """In a child: the thread was the parent's."""
        self._is_on, self._thread = False, None


def _is_worker() -> bool:
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


_live: weakref.WeakSet[Flusher] = weakref.WeakSet()
_starting = threading.Lock()


def _before_fork() -> None:
    """No thread of ours beside a fork: Python warns of them, and it could hold a lock."""
    _starting.acquire()
    for flusher in list(_live):
        flusher._end(flusher._thread)
        flusher._ledger.write(_PATIENCE)


def _after_fork_in_child() -> None:
    for flusher in list(_live):
        flusher.after_fork()
    _starting.release()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_starting.release,
    after_in_child=_after_fork_in_child,
)
