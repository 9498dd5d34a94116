"""Results that ``functools.lru_cache`` keeps in memory must be those of the code that is loaded.

The cache of the standard library knows nothing of code: after a reload, a cell that was run again
or a constant that was set, it serves what the code before computed, and a key that is made of the
code of now would be given that.
"""

from __future__ import annotations

import functools
import threading
import weakref
from dataclasses import dataclass
from typing import Any

from afml_cache.keys.code import FunctionCode

#: The type of what ``functools.lru_cache`` and ``functools.cache`` return.
LRU_CACHED: type = type(functools.lru_cache(lambda: None))


@dataclass(slots=True)
class _Known:
    code: FunctionCode
    digest: bytes  #: of the code that the results in memory are of


_known: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()
_under_way = threading.local()


def empty_if_outdated(memoized: Any) -> None:
    """Drop what a function of ``functools.lru_cache`` keeps, if its code has changed.

    That is the code and the constants that it reaches; when first asked, what it keeps is taken
    to be of the code of now.

    Parameters
    ----------
    memoized : callable
        What ``functools.lru_cache`` has returned.
    """
    asked: set[int] = _under_way.__dict__.setdefault("asked", set())
    if id(memoized) in asked:
        return  # it calls itself: it is being asked
    asked.add(id(memoized))
    try:
        known = _known.get(memoized)
        if known is None:
            code = FunctionCode(memoized.__wrapped__)
            _known[memoized] = _Known(code, code.current().code)
            return
        digest = known.code.current().code
        if digest != known.digest:
            memoized.cache_clear()
            known.digest = digest
    finally:
        asked.discard(id(memoized))
