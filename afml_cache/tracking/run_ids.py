"""Runs are named by MLflow's id, and by our own, which the tables and records of backtests have."""

from __future__ import annotations

import re

from afml_cache.errors import TrackingError
from afml_cache.store.store import Store
from afml_cache.tracking.outbox import FAULTS, Outbox
from afml_cache.tracking.runs import run_of_key

#: As `run_id_of` makes them: a strategy, and the first digits of the key.
_OURS = re.compile(r".+-([0-9a-f]{16})")


def mlflow_id_of(store: Store, run_id: str) -> str:
    """MLflow's id of a run; one of its own stays as it is.

    Raises
    ------
    TrackingError
        Nothing is recorded for MLflow of a run of ours, or its run waits in the queue.
    """
    if not _OURS.fullmatch(run_id):
        return run_id
    key = key_of(store, run_id)
    run = None if key is None else run_of_key(store, key)
    if run is None:
        raise TrackingError(
            f"MLflow has no run of {run_id}: it was not computed with mlflow=True, or its run was "
            "deleted"
        )
    return str(run.info.run_id)


def key_of(store: Store, run_id: str) -> str | None:
    """The key of a run of ours that is recorded for MLflow, else None; a key stays as it is."""
    ours = _OURS.fullmatch(run_id)
    if ours is None:
        return run_id
    box = Outbox(store.directory)
    try:
        return box.key_of(ours[1])
    except FAULTS as error:
        raise TrackingError(f"the queue {box.path} cannot be read ({error})") from error
