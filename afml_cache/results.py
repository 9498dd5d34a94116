"""Watching what cached calls return: each is told when it is over, with digests.

Recordings live on it: the digest of a result is the same under every decorator, in every process.
It is taken before the caller has the result in hand, so what happens to it later does not count.
While nobody watches, a call pays for it with one look at an empty list.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.keys.call import combine
from afml_cache.keys.explain import brief
from afml_cache.keys.explain import value_differences as value_differences
from afml_cache.keys.stream import FORMAT
from afml_cache.outcomes import Outcome
from afml_cache.watching import Watch, WatchCalls, WatchedCall

#: The format of the digests: those of one format can be compared.
DIGEST_FORMAT = FORMAT

#: Longest account of the arguments of a call.
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class CallResult:
    """One cached call of this process that is over.

    Attributes
    ----------
    call : WatchedCall
        Its outcome and reason.
    arguments : str or None
        The digest (32 hex digits) of the arguments that count, taken before the call, defaults
        applied; None where they have none.
    digest : str or None
        The digest of the result; None where it has none, and of a call that raised.
    summary : mapping
        Type, dtype, shape, span, columns and their digests; never data, but for a number or date.
    undigested : str
        Why the result has no digest.
    raised : str or None
        The type of the exception that the call raised, ``module.qualname``.
    seconds : float
        What the function took, where it ran; else the call. What watching took is left out.
    """

    call: WatchedCall
    arguments: str | None = None
    called_with: str = ""
    digest: str | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    undigested: str = ""
    raised: str | None = None
    seconds: float = 0.0


#: Given a cached function and the arguments of a call that begins; may return what is told of the
#: result.
OnBegin = Callable[[Any, tuple[Any, ...], dict[str, Any]], Callable[[CallResult], object] | None]


class WatchResults(Watch):
    """Results are told until :meth:`close`, or the end of the ``with`` block."""

    def __init__(
        self, on_result: Callable[[CallResult], object], on_begin: OnBegin | None = None
    ) -> None:
        self.on_result = on_result
        self.on_begin = on_begin
        self._calls = WatchCalls(_note, explain=False)
        result_watchers.append(self)

    def close(self) -> None:
        """Watch no more; closing twice is closing once."""
        self._calls.close()
        if self in result_watchers:
            result_watchers.remove(self)


#: Who watches now. Looked at by every call.
result_watchers: list[WatchResults] = []


def watch_results(
    on_result: Callable[[CallResult], object], *, on_begin: OnBegin | None = None
) -> WatchResults:
    """Have every cached call of this process told, in all threads, when it is over.

    Parameters
    ----------
    on_result : callable
        Given a :class:`CallResult`, after whoever watches calls was told of the call.
    on_begin : callable, optional
        Given the cached function, its positional and its keyword arguments as a call begins, with
        the arguments as they are before the function can change one. It may return a callable,
        which is told the result of just this call, before ``on_result``. It must not raise.

    Returns
    -------
    WatchResults
        A context manager; without ``with``, call its ``close()``.

    Examples
    --------
    >>> from afml_cache import content_key, robust_cacheable, use_store, watch_results
    >>> @robust_cacheable
    ... def double(x):
    ...     return 2 * x
    >>> results = []
    >>> with use_store(tmp_path / "results"), watch_results(results.append):
    ...     _ = double(1), double(1)
    >>> [result.digest == content_key(2) for result in results]
    [True, True]
    """
    return WatchResults(on_result, on_begin)


class Watched(Protocol):
    """What watching needs of a cached function."""

    _is_async: bool

    @property
    def identity(self) -> str: ...
    def _counted_arguments(self, args: Any, kwargs: Any) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class _Ongoing:
    """A call on its way, in its thread or task."""

    function: Watched
    is_entering: bool = True
    call: WatchedCall | None = None
    watching: float = 0.0  #: seconds that watching took, of the calls within it too


_ongoing: ContextVar[_Ongoing | None] = ContextVar("afml_cache_ongoing", default=None)


def is_entering(function: object) -> bool:
    """Whether :func:`watched_call` is calling just now, so that the call goes its usual way."""
    ongoing = _ongoing.get()
    if ongoing is None or not ongoing.is_entering or ongoing.function is not function:
        return False
    ongoing.is_entering = False
    return True


def watched_call(
    function: Watched, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Make a call, and tell its result; of an async function, once it was awaited.

    ``call`` is given the function and the arguments.
    """
    if function._is_async:
        return _watched_async(function, call, args, kwargs)
    with _over(function, args, kwargs) as over:
        result = call(function, *args, **kwargs)
        over.append(result)
    return result


async def _watched_async(
    function: Watched, call: Callable[..., Any], args: Any, kwargs: Any
) -> Any:
    with _over(function, args, kwargs) as over:
        result = await call(function, *args, **kwargs)
        over.append(result)
    return result


@contextmanager
def _over(function: Watched, args: Any, kwargs: Any) -> Iterator[list[object]]:
    """Tell what a call returned, which is put into the list, or that it raised."""
    began = time.perf_counter()
    outer = _ongoing.get()
    arguments, called_with = _arguments(function, args, kwargs)
    asked = (one.on_begin for one in tuple(result_watchers) if one.on_begin is not None)
    begun = [on_begin(function, args, kwargs) for on_begin in asked]
    ongoing = _Ongoing(function)
    _ongoing.set(ongoing)
    returned: list[object] = []
    raised: BaseException | None = None
    started = time.perf_counter()
    try:
        yield returned
    except BaseException as error:  # told as what it is, and raised on
        raised = error
        raise
    finally:
        ended = time.perf_counter()
        _ongoing.set(outer)  # not reset(): a coroutine may be closed in another context
        call = ongoing.call or WatchedCall(function.identity, Outcome.COMPUTED)
        seconds = (call.seconds if not call.was_served else 0.0) or ended - started
        told: dict[str, Any] = {
            "call": call,
            "arguments": arguments,
            "called_with": called_with,
            "seconds": max(0.0, seconds - ongoing.watching),
        }
        if raised is None and returned:
            told |= _digested(returned[0])
        elif raised is not None:
            told["raised"] = f"{type(raised).__module__}.{type(raised).__qualname__}"
        result = CallResult(**told)
        for told_first in begun:
            if told_first is not None:
                told_first(result)
        for watcher in tuple(result_watchers):
            watcher.on_result(result)
        if outer is not None:
            outer.watching += ongoing.watching + (time.perf_counter() - ended) + (started - began)


def _note(call: WatchedCall) -> None:
    """Put what a call is told with beside it."""
    ongoing = _ongoing.get()
    if ongoing is not None and ongoing.function.identity == call.function:
        ongoing.call = call


def _arguments(function: Watched, args: Any, kwargs: Any) -> tuple[str | None, str]:
    """The digest of the arguments, and what they are in words."""
    try:
        values = function._counted_arguments(args, kwargs)
        described = {name: content.describe(value, name) for name, value in values.items()}
    except Exception:  # noqa: BLE001 - no fault of ours may keep the user's result
        return None, ""
    digest = combine({name: one.digest for name, one in described.items()}).hex()
    told = ", ".join(f"{name}={brief(one.summary)}" for name, one in described.items())
    return digest, told if len(told) <= _LONGEST else told[: _LONGEST - 3] + "..."


def _digested(result: object) -> dict[str, Any]:
    try:
        described = content.describe(result, "result")
    except UnkeyableArgumentError as error:
        return {"undigested": f"{error.path} is {error.what}"}
    except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
        return {"undigested": f"its digest could not be made ({type(error).__name__}: {error})"}
    return {"digest": described.digest.hex(), "summary": described.summary}
