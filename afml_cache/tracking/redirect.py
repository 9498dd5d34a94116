"""Runs that cannot be sent where they were to go, sent to another address."""

from __future__ import annotations

import dataclasses

from afml_cache.backtests.run import safe_name
from afml_cache.store.seal import Sealer
from afml_cache.tracking.outbox import DamagedRecordError, Kept, Outbox
from afml_cache.tracking.place import ARTEFACTS, DEFAULT_EXPERIMENT, Place
from afml_cache.tracking.record import PARENT_TAG, Record


def redirect(box: Outbox, sealer: Sealer, several: list[Kept], uri: str) -> int:
    """Have records of a queue be sent to an address; how many.

    Those that somebody is about, or that do not fit the seal, are left as they are.
    """
    moved = 0
    names = {one.record for one in several}
    for kept in several:
        lock = box.lock(kept.record)
        if not lock.acquire(blocking=False):
            continue
        try:
            record = box.read(kept.record, sealer)
            box.put(_elsewhere(record, uri, names), kept.state, sealer)
            moved += 1
        except DamagedRecordError:
            continue  # sending it says so
        finally:
            lock.release()
    return moved


def _elsewhere(record: Record, uri: str, names: set[str]) -> Record:
    """A record for another store, where no number, and no run that was there, means anything."""
    to = Place(uri, record.place.experiment or DEFAULT_EXPERIMENT)
    if to.database is not None:
        beside = to.database.parent / ARTEFACTS / safe_name(to.experiment)
        to = dataclasses.replace(to, artifact_location=beside.as_uri())
    return dataclasses.replace(
        record,
        place=to,
        experiment_id=None,
        run_id=None,
        parent=record.parent if record.parent in names else None,
        tags={name: one for name, one in record.tags.items() if name != PARENT_TAG},
    )
