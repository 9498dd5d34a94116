"""The hashes under which joblib may have filed a call.

joblib hashes the pickle of the arguments, hidden state included, so equal arguments can have
several hashes: as they are now, as they were when they had just come out of a cache, and as they
were once they had been asked for something. joblib is imported here, and only where the function
has a folder of joblib's.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from typing import Any


def source_text(function: Any) -> str:
    """The source of a function as joblib would record it now."""
    from joblib.func_inspect import get_func_code

    text: str = get_func_code(function)[0]
    return text


def argument_hashes(
    function: Any, ignore: frozenset[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[str]:
    """The hashes (hex) of a call, the most likely first; none where joblib could make none.

    Parameters
    ----------
    function : callable
        The undecorated function.
    ignore : frozenset of str
        Parameters that the old decorator left out.
    args, kwargs
        The call as it was written.
    """
    from joblib.func_inspect import filter_args

    try:
        arguments = filter_args(function, sorted(ignore), args, dict(kwargs))
        first, has_others = _hashed(arguments, _AS_IT_IS)
    except Exception:  # noqa: BLE001 - joblib could not have filed such a call
        return
    yield first
    tried = {first}
    for form in _FORMS if has_others else ():
        try:
            hashed, _ = _hashed(arguments, form)
        except Exception:  # noqa: BLE001 - then it has no such form
            continue
        if hashed not in tried:
            tried.add(hashed)
            yield hashed


#: What is left of what an array of pandas remembers: all, nothing, or what periods are made with.
_AS_IT_IS: frozenset[str] | None = None
_UNASKED = (frozenset[str](), frozenset({"dtype"}))

#: What times remember when they were asked for almost anything, whether these were or not: in the
#: run that filled the cache, a function may have asked that is now served and does not run.
_ASKED = frozenset({"_creso"})
_FORMS = (*_UNASKED, _ASKED)


def _hashed(arguments: object, kept: frozenset[str] | None) -> tuple[str, bool]:
    """joblib's hash of arguments in one form, and whether there are others.

    An index that was asked for an element, or was printed, remembers what it worked out, and its
    pickle with it; a partial remembers that somebody looked for attributes. In the run that filled
    the cache they may have come straight out of the cache, or have been asked before.
    """
    from joblib.hashing import Hasher, NumpyHasher

    pandas: Any = sys.modules.get("pandas")
    remembering: Any = () if pandas is None else pandas.api.extensions.ExtensionArray
    times: Any = (
        () if pandas is None else (pandas.arrays.DatetimeArray, pandas.arrays.TimedeltaArray)
    )
    others: list[object] = []
    views: set[tuple[int, Any]] = set()
    base: Any = NumpyHasher if "numpy" in sys.modules else Hasher

    class Watching(base):  # type: ignore[misc]  # which of the two depends on the program
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, functools.partial):
                reduced: Any = value.__reduce__()
                *parts, state = reduced
                if not state[-1]:
                    others.append(value)
                    return (*parts, (*state[:-1], None)) if kept is not None else NotImplemented
            elif isinstance(value, times) or (
                isinstance(value, remembering) and getattr(value, "_cache", None)
            ):
                others.append(value)
                if kept is not None:
                    added = {}
                    if kept is _ASKED and isinstance(value, times):
                        added = _asked(value, views)
                    return _with_memory(value.__reduce_ex__(self.proto), kept, added)
            return NotImplemented

    return str(Watching(hash_name="md5").hash(arguments)), bool(others)


def _asked(times: Any, seen: set[tuple[int, Any]]) -> dict[str, Any]:
    """What times remember when they were asked; nothing if they are a view of those seen before.

    A frame's pickle has its index a second time, in a view that is made for it.
    """
    place = times._ndarray.ctypes.data, times._ndarray.shape
    if place in seen:
        return {}
    seen.add(place)
    # Of an empty part: asking the whole would leave a mark on it.
    return {"_creso": times[:0]._creso}


def _with_memory(reduced: Any, kept: frozenset[str], added: dict[str, Any]) -> Any:
    """What an extension array pickles to, with some of the results of its ``cache_readonly``."""
    if not (isinstance(reduced, tuple) and len(reduced) > 2 and isinstance(reduced[2], tuple)):
        return reduced
    state = list(reduced[2])
    has_attributes = bool(state) and isinstance(state[-1], dict)
    attributes = state.pop() if has_attributes else {}
    known = attributes.get("_cache", {})
    cache = {name: value for name, value in known.items() if name in kept} | added
    rest = {name: value for name, value in attributes.items() if name != "_cache"}
    rest |= {"_cache": cache} if cache else {}
    # What remembers nothing pickles without a third part from pandas 3 on.
    before_3 = int(sys.modules["pandas"].__version__.partition(".")[0]) < 3
    if rest or (has_attributes and before_3):
        state.append(rest)
    return (*reduced[:2], tuple(state), *reduced[3:])
