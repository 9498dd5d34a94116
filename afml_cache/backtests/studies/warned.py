"""A warning of one study: told at each call, since what it is of is seen at each call."""

from __future__ import annotations

import contextlib
import logging
import warnings

from afml_cache import notices
from afml_cache.errors import CacheWarning


def warn(message: str, stacklevel: int) -> None:
    """Warn, and log it; who has warnings raised loses no study by it."""
    notices.say(logging.WARNING, "%s", message)
    with contextlib.suppress(CacheWarning):
        warnings.warn(message, CacheWarning, stacklevel=stacklevel + 1)
