"""What asks a process to end is taken as what a person does at the keyboard: Ctrl-C.

`timeout`, a CI that cancels and systemd send SIGTERM, a terminal that is closed sends SIGHUP. By
default both end Python on the spot, with nothing told and the command's processes left behind.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at each; what somebody has set, as `nohup` does, stays."""
    mine = [one for one in _ASKING if signal.getsignal(one) is signal.SIG_DFL]
    for one in mine:
        signal.signal(one, _interrupt)
    try:
        yield
    finally:
        for one in mine:
            signal.signal(one, signal.SIG_DFL)


@contextmanager
def put_off() -> Iterator[Callable[[], None]]:
    """Keep what asks this process to end until what this gives is called: it lets them through.

    For what has to be done in one piece: a process that has been started, and that nobody knows
    of yet, would go on by itself.
    """
    came: list[int] = []
    handlers = {
        one: signal.signal(one, lambda number, _frame: came.append(number))
        for one in (signal.SIGINT, *_ASKING)
        if callable(signal.getsignal(one))
    }

    def let_through() -> None:
        while handlers:
            signal.signal(*handlers.popitem())
        while came:
            signal.raise_signal(came.pop())

    try:
        yield let_through
    finally:
        let_through()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
