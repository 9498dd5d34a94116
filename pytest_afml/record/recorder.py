"""Recording the cached calls of this process, phase by phase."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from pytest_afml.numbers import Counts
from pytest_afml.record.recording import Function, Result, plain_functions

if TYPE_CHECKING:
    from afml_cache import CallResult

#: Longest account of one value (its JSON); of a longer one, what stands for its parts is left out.
LONGEST = 20_000

_PARTS = ("columns", "items", "values", "index", "row_block")


class Recorder:
    """Notes what is told by ``afml_cache.watch_results``; safe in threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._functions: dict[str, Function] = {}
        self._values: dict[str, dict[str, Any]] = {}

    def note(self, told: CallResult) -> None:
        """Note one call."""
        call, one = told.call, Function()
        if call.was_served:
            adopted = int(call.outcome == "adopted")
            one.counts = Counts(hits=1 - adopted, adopted=adopted)
            one.hit_seconds = told.seconds
            one.saved_seconds = call.seconds
        else:
            reasons = {} if call.reason is None else {str(call.reason): 1}
            one.counts = Counts(computed=1, seconds=told.seconds, reasons=reasons)
        result = Result(
            arguments=told.arguments,
            called_with=told.called_with,
            digest=told.digest,
            raised=told.raised,
            undigested=told.undigested,
        )
        one.results = {result: 1}
        with self._guard:
            self._functions.setdefault(call.function, Function()).add(one)
            if told.digest is not None and told.digest not in self._values:
                self._values[told.digest] = _short(told.summary)

    def take(self) -> str | None:
        """What was noted since the last time, as JSON; None: nothing.

        A text: pytest-xdist cannot carry every key and text that JSON can.
        """
        with self._guard:
            functions, self._functions = self._functions, {}
            values, self._values = self._values, {}
        if not functions:
            return None
        return json.dumps({"functions": plain_functions(functions), "values": values})


def _short(summary: Any) -> dict[str, Any]:
    whole = dict(summary)
    if len(json.dumps(whole)) <= LONGEST:
        return whole
    return {name: value for name, value in whole.items() if name not in _PARTS}
