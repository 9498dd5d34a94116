"""What this process has seen of cached calls since it was last asked, ready to travel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pytest_afml.record.recording import NO_DIGEST, RAISED, Seen

if TYPE_CHECKING:
    from afml_cache import ReturnedCall


class Collected:
    """Calls by function, and what their results are; safe in threads."""

    def __init__(self) -> None:
        self._functions: dict[str, Seen] = {}
        self._values: dict[str, dict[str, Any]] = {}
        self._guard = threading.Lock()

    def note(self, call: ReturnedCall) -> None:
        """Note one call; its result is digested now, before anybody can change it."""
        result, description = _result_of(call)
        seen = Seen(results={result: 1})
        outcome = call.outcome
        if outcome is not None and outcome.was_served:
            is_hit = outcome.outcome == "hit"
            seen.hits, seen.adopted, seen.hit_seconds = int(is_hit), int(not is_hit), call.seconds
        else:
            reason = "unknown" if outcome is None else str(outcome.reason)
            seen.computed, seen.computed_seconds, seen.reasons = 1, call.seconds, {reason: 1}
        with self._guard:
            self._functions.setdefault(call.function, Seen()).add(seen)
            if description is not None:
                self._values[result] = description

    def take(self) -> dict[str, Any] | None:
        """What has been noted since the last time, as xdist can carry it; None: nothing."""
        with self._guard:
            functions, self._functions = self._functions, {}
            values, self._values = self._values, {}
        if not functions:
            return None
        return {"functions": {f: seen.plain() for f, seen in functions.items()}, "values": values}


def _result_of(call: ReturnedCall) -> tuple[str, dict[str, Any] | None]:
    """What a call's result is counted as, and what it is."""
    if call.error is not None:
        kind = type(call.error)
        return f"{RAISED}{kind.__module__}.{kind.__qualname__}", None
    from afml_cache import describe_value

    try:
        description = describe_value(call.value)
    except Exception as error:  # noqa: BLE001 - a value's own hooks may raise; it is recorded as that
        return f"{NO_DIGEST}{type(call.value).__qualname__} ({type(error).__name__})", None
    return str(description.pop("digest")), description
