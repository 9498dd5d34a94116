"""Run something for at most so many seconds: a body that is run again may never end.

By the timer of the process, so only where there is one, and in the main thread; elsewhere it runs
for as long as it takes. A limit on the test that uses the same timer, as pytest-timeout's, pauses
meanwhile: what is run again here is not what the test has to answer for.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Who swallows the first interrupt gets further ones, so many seconds apart.
AGAIN = 0.5


class TookTooLong(BaseException):
    """The time is up. No `Exception`, since bodies that are run may catch those."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Interrupt the block after so many seconds.

    Raises
    ------
    TookTooLong
        It had not ended by then.
    """
    if not _is_possible():
        yield
        return

    def interrupt(_signal: int, _frame: object) -> None:
        raise TookTooLong

    def unraisable(found: sys.UnraisableHookArgs) -> None:
        # In a finalizer it is lost, and the next one comes; the test is not to be blamed for it.
        if not isinstance(found.exc_value, TookTooLong):
            tell(found)

    tell, sys.unraisablehook = sys.unraisablehook, unraisable
    theirs = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), AGAIN)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *theirs)
        sys.unraisablehook = tell


def _is_possible() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    # A handler that Python has not set could not be put back.
    return hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) is not None
