"""The hashes under which joblib may have filed a call.

joblib hashes the pickle of the arguments, hidden state included, so equal arguments can have
several hashes: as they are now, and as they were when they had just come out of a cache. joblib
is imported here, and only where the function has a folder of joblib's.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from afml_cache.keys.call import SIMPLE_TYPES


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
        first = _hash(arguments)
    except Exception:  # noqa: BLE001 - joblib could not have filed such a call
        return
    yield first
    if all(type(value) in SIMPLE_TYPES for value in arguments.values()):
        return
    try:
        copied = _as_out_of_a_cache(arguments)
        second = first if copied is None else _hash(copied)
    except Exception:  # noqa: BLE001 - what cannot be copied has the one hash alone
        return
    if second != first:
        yield second


def _hash(arguments: object) -> str:
    from joblib import hash as joblib_hash

    return str(joblib_hash(arguments, coerce_mmap=False))


def _as_out_of_a_cache(arguments: object) -> object | None:
    """A copy in which no array of pandas remembers anything; None where none did.

    An index that was asked for an element, or was printed, remembers what it worked out, and its
    pickle with it. In the run that filled the cache it may have come straight out of the cache.
    """
    from joblib.numpy_pickle import NumpyPickler, load

    pandas: Any = sys.modules.get("pandas")
    if pandas is None:
        return None
    remembering = pandas.api.extensions.ExtensionArray
    forgot: list[object] = []

    class ColdPickler(NumpyPickler):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, remembering) and getattr(value, "_cache", None):
                forgot.append(value)
                return _without_memory(value.__reduce_ex__(self.proto))
            return NotImplemented

    stream = io.BytesIO()
    ColdPickler(stream).dump(arguments)
    if not forgot:
        return None
    stream.seek(0)
    loaded: object = load(stream)
    return loaded


def _without_memory(reduced: Any) -> Any:
    """What an extension array pickles to, less the results of its ``cache_readonly``."""
    if not (isinstance(reduced, tuple) and len(reduced) > 2 and isinstance(reduced[2], tuple)):
        return reduced
    state = list(reduced[2])
    if state and isinstance(state[-1], dict) and "_cache" in state[-1]:
        kept = {name: value for name, value in state[-1].items() if name != "_cache"}
        state[-1:] = [kept] if kept else []
    return (*reduced[:2], tuple(state), *reduced[3:])
