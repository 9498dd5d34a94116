"""Watching cached calls: each one is told, with its outcome and its reason, as it ends.

Tests and reports live on it. While nobody watches, a call pays for it with one look at an
empty list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from afml_cache.outcomes import Outcome, Reason

#: How many missed calls one watcher gets explained; each is held against many entries.
EXPLAINED = 50


@dataclass(frozen=True, slots=True)
class WatchedCall:
    """One cached call of this process.

    Attributes
    ----------
    function : str
        ``module.qualname``.
    outcome : Outcome
    reason : Reason or None
        Why it was computed; None for a hit or an adopted result.
    key : str or None
        32 hex digits; None where there is none: under ``@cacheable``, or of an argument without.
    seconds : float
        What the function took, or had taken when the result was stored that was adopted, or, under
        ``@cacheable``, hit. Otherwise 0.0.
    differences : tuple of str
        Why it was computed, a sentence each, held against the closest entry there was before the
        call; only for watchers that asked for it.
    closest : str or None
        The key of that entry.
    """

    function: str
    outcome: Outcome
    reason: Reason | None = None
    key: str | None = None
    seconds: float = 0.0
    differences: tuple[str, ...] = ()
    closest: str | None = None

    @property
    def was_served(self) -> bool:
        """Whether the function did not have to run: a hit, or adopted."""
        return self.outcome is not Outcome.COMPUTED


class Watch(ABC):
    """Something that goes on until it is closed, or until the end of its ``with`` block."""

    @abstractmethod
    def close(self) -> None:
        """Watch no more; closing twice is closing once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class WatchCalls(Watch):
    """Calls are told until :meth:`close`, or the end of the ``with`` block."""

    def __init__(self, on_call: Callable[[WatchedCall], object], explain: bool) -> None:
        self._on_call = on_call
        self._explain = explain
        self._explained = 0
        watchers.append(self)

    def told(self, call: WatchedCall) -> None:
        """Hand a call to whoever watches."""
        if call.differences:
            self._explained += 1
        self._on_call(call)

    @property
    def wants_reasons(self) -> bool:
        """Whether the next missed call should be explained."""
        return self._explain and self._explained < EXPLAINED

    def close(self) -> None:
        """Watch no more; closing twice is closing once."""
        if self in watchers:
            watchers.remove(self)


#: Who watches now. Looked at by every call.
watchers: list[WatchCalls] = []


def watch_calls(on_call: Callable[[WatchedCall], object], *, explain: bool = False) -> WatchCalls:
    """Have every cached call of this process told, in all threads, as it ends.

    Parameters
    ----------
    on_call : callable
        Given a :class:`WatchedCall`. What it raises passes through to whoever made the call: in
        mode ``"readonly"`` a call is told before its function runs, so that it can be refused.
    explain : bool, optional
        Tell of the first missed calls (so many as :data:`EXPLAINED`) what differs from the
        closest entry, which costs milliseconds each.

    Returns
    -------
    WatchCalls
        A context manager; without ``with``, call its ``close()``.

    Examples
    --------
    >>> from afml_cache import robust_cacheable, use_store, watch_calls
    >>> @robust_cacheable
    ... def double(x):
    ...     return 2 * x
    >>> calls = []
    >>> with use_store(tmp_path / "watched"), watch_calls(calls.append):
    ...     _ = double(1), double(1)
    >>> [(str(call.outcome), call.reason and str(call.reason)) for call in calls]
    [('computed', 'first_call'), ('hit', None)]
    """
    return WatchCalls(on_call, explain)


def reasons_are_wanted() -> bool:
    """Whether anybody wants to know why the next call misses."""
    return any(watcher.wants_reasons for watcher in tuple(watchers))


def tell(call: WatchedCall) -> None:
    """Tell all who watch."""
    for watcher in tuple(watchers):
        watcher.told(call)
