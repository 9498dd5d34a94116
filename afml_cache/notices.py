"""How the cache speaks: log records, and warnings given once a cause.

Records go to ``logging.getLogger("afml_cache")``. A program that has itself imported
loguru gets them there too, at every level; a program that never heard of loguru sees
nothing below WARNING unless it configures :mod:`logging`.
"""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import sys
import threading
import warnings
from collections.abc import Hashable

from afml_cache.errors import CacheWarning

logger = logging.getLogger("afml_cache")
# Without it, `logging` prints to stderr what `warnings` has already printed there.
logger.addHandler(logging.NullHandler())

_PACKAGE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - compared with file names as text

_told: set[Hashable] = set()
_told_lock = threading.Lock()


def audible(level: int = logging.DEBUG) -> bool:
    """Whether anybody would see a record of this level."""
    return "loguru" in sys.modules or logger.isEnabledFor(level)


def say(level: int, message: str, *args: object) -> None:
    """Log ``message % args`` through :mod:`logging`, and through loguru where it is in use."""
    logger.log(level, message, *args, stacklevel=2)
    loguru = sys.modules.get("loguru")
    if loguru is not None and hasattr(loguru, "logger"):  # hasattr: it may be half imported
        text = message % args if args else message
        # Level names, so that loguru shows its own colours; depth 1 names our caller.
        loguru.logger.opt(depth=1).log(logging.getLevelName(level), "{}", text)


def warn_once(cause: Hashable, message: str) -> bool:
    """Warn about ``cause`` the first time it is met in this process.

    The warning points at the first line outside this package: the user's call. It never becomes
    an exception: where a program makes errors of warnings, the log record has to do, since a
    fault of the cache must not cost the user's result (``configure(strict=True)`` raises).

    Returns
    -------
    bool
        True when the warning was given, False when the cause had been told before.
    """
    with _told_lock:
        if cause in _told:
            return False
        _told.add(cause)
    say(logging.WARNING, "%s", message)
    with contextlib.suppress(CacheWarning):
        warnings.warn(message, CacheWarning, stacklevel=_levels_to_the_caller())
    return True


def _levels_to_the_caller() -> int:
    frame, level = inspect.currentframe(), 0
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


def forget_causes() -> None:
    """Let every cause be told again (a new store has new causes)."""
    with _told_lock:
        _told.clear()
