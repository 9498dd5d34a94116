"""A run that is open while its function runs, so that what the function logs itself lands in it.

Only where the program uses mlflow itself (it has imported it) and tells it to log where we do:
autolog, and mlflow.log_metric within the function, then speak of the one run of the call. Else they
do what they would do without us.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.place import absolute
from afml_cache.tracking.record import Record
from afml_cache.tracking.sender import sender


@dataclass(slots=True)
class OpenRun:
    """A run that is the active one of this thread until :meth:`leave`."""

    run_id: str
    _stack: list[Any]
    _active: Any

    def leave(self) -> None:
        """Make the run that was active before the active one again; leaving twice is once."""
        # Not mlflow.end_run(), which asks the server: for minutes, where it has gone meanwhile.
        if self._active in self._stack:
            self._stack.remove(self._active)


def open_run(box: Outbox, record: Record) -> OpenRun | None:
    """Begin the run of a record and make it the active one; None where that is not to be."""
    mlflow = sys.modules.get("mlflow")
    fluent = sys.modules.get("mlflow.tracking.fluent")
    stack = getattr(fluent, "_active_run_stack", None)
    if mlflow is None or stack is None or not hasattr(stack, "get"):
        return None
    if absolute(mlflow.get_tracking_uri()) != record.place.uri:
        return None
    box.trying(record.record)
    run = sender.begin(record)
    if run is None:
        return None
    active = mlflow.ActiveRun(run)
    runs: list[Any] = stack.get()
    runs.append(active)
    return OpenRun(run.info.run_id, runs, active)
