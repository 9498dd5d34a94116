"""Running a cached function's body again, beside the cache: is what is stored what it gives?

Everything happens in a store that is thrown away, and nobody who watches calls is told. There the
function runs as it is, and as ``@cacheable`` would have it, so that both can be compared and timed.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from afml_cache import settings
from afml_cache.legacy import JoblibCachedFunction
from afml_cache.memo import CachedFunction
from afml_cache.results import CallResult, result_watchers, watch_results
from afml_cache.store.active import active, use_store
from afml_cache.watching import WatchedCall, watchers


@dataclass(frozen=True, slots=True)
class Beside:
    """A function in a store of its own: as it is decorated, and under ``@cacheable``."""

    new: CachedFunction[..., Any]
    old: JoblibCachedFunction[..., Any]

    def call_new(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallResult:
        """Call it as it is; what it returned, in digests. What it raises is told, not raised."""
        return _told(self.new, args, kwargs)

    def call_old(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallResult:
        """The same under ``@cacheable``."""
        return _told(self.old, args, kwargs)


@contextmanager
def beside(function: CachedFunction[..., Any]) -> Iterator[Beside]:
    """Have a function run beside the cache, unwatched, for the block.

    The states of the global random number generators are as before afterwards; whatever else the
    function changes outside of its arguments is changed.

    Parameters
    ----------
    function : CachedFunction
        Decorated with ``@robust_cacheable`` or ``@time_aware_cacheable``.

    Examples
    --------
    >>> from afml_cache import beside, content_key, robust_cacheable
    >>> @robust_cacheable
    ... def double(x):
    ...     return 2 * x
    >>> with beside(double) as there:
    ...     told = there.call_new((1,), {}), there.call_old((1,), {})
    >>> [one.digest == content_key(2) for one in told]
    [True, True]
    """
    folder = tempfile.mkdtemp(prefix="afml-again-")
    kept = os.environ.get("AFML_CACHE")
    os.environ["AFML_CACHE"] = folder  # for the processes that it may start
    try:
        with (
            _unwatched(),
            _same_random_numbers(),
            settings.use_settings(mode="on", adopt=False, adopt_from=None, note_exact_keys=False),
            use_store(folder, durable=False),
        ):
            old = JoblibCachedFunction(function.__wrapped__, function._options.ignore)
            yield Beside(function, old)
    finally:
        if kept is None:
            del os.environ["AFML_CACHE"]
        else:
            os.environ["AFML_CACHE"] = kept
        shutil.rmtree(folder, ignore_errors=True)


def seconds_to_compute(call: WatchedCall) -> float:
    """What the result of a call had taken to compute, as far as the active store knows; else 0.0.

    Of a hit, which tells the time of the hit only.
    """
    if call.key is None:
        return call.seconds
    entry = active().entry(bytes.fromhex(call.key))
    return call.seconds if entry is None else max(call.seconds, entry.seconds)


def _told(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallResult:
    results: list[CallResult] = []
    with watch_results(results.append):
        try:
            function(*args, **kwargs)
        except Exception:  # noqa: BLE001 - the result says that it raised, and what
            pass
    return results[-1]  # those of calls within it have ended before


@contextmanager
def _unwatched() -> Iterator[None]:
    """Tell nobody of calls; in other threads neither, for as long as it takes."""
    calls, results = watchers[:], result_watchers[:]
    watchers.clear()
    result_watchers.clear()
    try:
        yield
    finally:
        watchers[:], result_watchers[:] = calls, results


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    numpy = sys.modules.get("numpy")
    state = random.getstate()
    others = numpy.random.get_state() if numpy is not None else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy is not None:
            numpy.random.set_state(others)
