"""The last call of this process that ran its function, remembered until somebody asks why."""

from __future__ import annotations

import time
from dataclasses import dataclass

from afml_cache.keys.call import CallKey
from afml_cache.outcomes import Reason
from afml_cache.store.store import Store


@dataclass(frozen=True, slots=True)
class LastMiss:
    """One computed call: no argument of it is held, only the key.

    ``key`` is None where there is none; ``started`` is when it began, in seconds since the epoch;
    ``why`` are sentences that were known when it was computed, ``details`` those on the reason.
    """

    function: str
    reason: Reason
    store: Store | None
    key: CallKey | None
    started: float
    why: tuple[str, ...]
    details: tuple[str, ...] = ()


latest: LastMiss | None = None


def remember(
    function: str,
    reason: Reason,
    store: Store | None = None,
    key: CallKey | None = None,
    seconds: float = 0.0,
    why: tuple[str, ...] = (),
    details: tuple[str, ...] = (),
) -> None:
    """Remember a call that was computed, in ``seconds`` until just now."""
    global latest
    latest = LastMiss(function, reason, store, key, time.time() - seconds, why, details)
