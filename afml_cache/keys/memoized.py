"""What others keep of code in memory must be of the code that is loaded.

``functools.lru_cache`` knows nothing of code: after a reload, a cell that was run again or a
constant that was set, it serves what the code before computed, and a key that is made of the code
of now would be given that. So does numba with the machine code that it has compiled, helpers and
constants included.
"""

from __future__ import annotations

import contextlib
import functools
import sys
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
    digest: bytes  #: of the code that what is kept in memory is of


_known: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()
_under_way = threading.local()


def kinds_of_memoized() -> frozenset[type]:
    """The types of such functions, numba's where it is loaded."""
    kinds = {LRU_CACHED}
    numba = sys.modules.get("numba.core.dispatcher")
    todo = [numba.Dispatcher] if numba is not None else []
    while todo:
        kind = todo.pop()
        kinds.add(kind)
        todo += kind.__subclasses__()
    return frozenset(kinds)


def is_memoized(value: object) -> bool:
    """Whether a function keeps in memory what was made of its code."""
    kind = type(value)
    return kind is LRU_CACHED or (
        kind.__module__.startswith("numba.") and kind in kinds_of_memoized()
    )


def empty_if_outdated(memoized: Any) -> None:
    """Drop what such a function keeps, if its code has changed.

    That is the code and the constants that it reaches; when first asked, what it keeps is taken
    to be of the code of now.

    Parameters
    ----------
    memoized : callable
        What ``functools.lru_cache`` or ``numba.jit`` has returned.
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
        # Making this asks those that it calls, first: numba builds them in.
        digest = known.code.current().code
        if digest != known.digest:
            _empty(memoized)
            known.digest = digest
    finally:
        asked.discard(id(memoized))


def _empty(memoized: Any) -> None:
    if hasattr(memoized, "cache_clear"):
        memoized.cache_clear()
    elif memoized.overloads:
        # What cannot be compiled any more is dropped all the same, and says so when it is called.
        with contextlib.suppress(sys.modules["numba.core.errors"].NumbaError):
            memoized.recompile()
