"""The hashes under which joblib may have filed a call.

joblib hashes the pickle of the arguments, hidden state included, so equal arguments can have
several hashes: as they are now, and as they were when they had just come out of a cache. joblib
is imported here, and only where the function has a folder of joblib's.
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
        first, remembered = _hashed(arguments, _AS_IT_IS)
    except Exception:  # noqa: BLE001 - joblib could not have filed such a call
        return
    yield first
    tried = {first}
    for form in _FORMS if remembered else ():
        try:
            hashed, _ = _hashed(arguments, form)
        except Exception:  # noqa: BLE001 - then it has no such form
            continue
        if hashed not in tried:
            tried.add(hashed)
            yield hashed


#: What is left of what an array of pandas remembers: all, nothing, or what periods are made with.
_AS_IT_IS: frozenset[str] | None = None
_FORMS = (frozenset[str](), frozenset({"dtype"}))


def _hashed(arguments: object, kept: frozenset[str] | None) -> tuple[str, bool]:
    """joblib's hash of arguments in one form, and whether there are others.

    An index that was asked for an element, or was printed, remembers what it worked out, and its
    pickle with it; a partial remembers that somebody looked for attributes. In the run that filled
    the cache they may have come straight out of the cache.
    """
    from joblib.hashing import Hasher, NumpyHasher

    pandas: Any = sys.modules.get("pandas")
    remembering: Any = () if pandas is None else pandas.api.extensions.ExtensionArray
    remembered: list[object] = []
    base: Any = NumpyHasher if "numpy" in sys.modules else Hasher

    class Watching(base):  # type: ignore[misc]  # which of the two depends on the program
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, functools.partial):
                reduced: Any = value.__reduce__()
                *parts, state = reduced
                if not state[-1]:
                    remembered.append(value)
                    return (*parts, (*state[:-1], None)) if kept is not None else NotImplemented
            elif isinstance(value, remembering) and getattr(value, "_cache", None):
                remembered.append(value)
                if kept is not None:
                    return _with_memory(value.__reduce_ex__(self.proto), kept)
            return NotImplemented

    return str(Watching(hash_name="md5").hash(arguments)), bool(remembered)


def _with_memory(reduced: Any, kept: frozenset[str]) -> Any:
    """What an extension array pickles to, with some of the results of its ``cache_readonly``."""
    if not (isinstance(reduced, tuple) and len(reduced) > 2 and isinstance(reduced[2], tuple)):
        return reduced
    state = list(reduced[2])
    if state and isinstance(state[-1], dict) and "_cache" in state[-1]:
        cache = {name: value for name, value in state[-1]["_cache"].items() if name in kept}
        rest = {name: value for name, value in state[-1].items() if name != "_cache"}
        rest |= {"_cache": cache} if cache else {}
        # What remembers nothing pickles without a third part from pandas 3 on.
        before_3 = int(sys.modules["pandas"].__version__.partition(".")[0]) < 3
        state[-1:] = [rest] if rest or before_3 else []
    return (*reduced[:2], tuple(state), *reduced[3:])
