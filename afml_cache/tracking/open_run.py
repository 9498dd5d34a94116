"""A run that is open while its function runs, so that what the function logs itself lands in it.

Only where the program uses mlflow itself (it has imported it) and tells it to log where we do:
autolog, and mlflow.log_metric within the function, then speak of the one run of the call. Else they
do what they would do without us.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from afml_cache.store.seal import Sealer
from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.place import absolute
from afml_cache.tracking.record import Record
from afml_cache.tracking.run_stack import entered, stack_of_thread
from afml_cache.tracking.sender import sender


@dataclass(slots=True)
class OpenRun:
    """A run that is the active one of this thread until :attr:`leave` is called.

    Leaving makes the run that was active before the active one again; twice is once. It asks no
    server, as mlflow.end_run() does: for minutes, where that has gone meanwhile.
    """

    run_id: str
    leave: Callable[[], None]


def open_run(box: Outbox, record: Record, sealer: Sealer) -> OpenRun | None:
    """Begin the run of a record and make it the active one; None where that is not to be."""
    mlflow = sys.modules.get("mlflow")
    if mlflow is None or stack_of_thread() is None:
        return None
    if absolute(mlflow.get_tracking_uri()) != record.place.uri:
        return None
    box.trying(record.record)
    run = sender.begin(record, box, sealer)
    if run is None:
        return None
    leave = entered(mlflow.ActiveRun(run), record.place.uri)
    return None if leave is None else OpenRun(run.info.run_id, leave)
