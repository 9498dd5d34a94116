"""A run that waits in the queue, for the tests."""

from __future__ import annotations

import dataclasses

from afml_cache.tracking.outbox import READY
from afml_cache.tracking.place import place_for
from afml_cache.tracking.record import FINISHED, Record, new_name


def record_of(store, box, **changes):
    made = Record(
        record=new_name(),
        name="one",
        place=place_for(store.directory),
        key="ab" * 16,
        function="research.f",
        start=1000,
        end=2000,
        status=FINISHED,
        params={"window": "2"},
        metrics={"score": 1.5},
        tags={"model": "rf"},
    )
    made = dataclasses.replace(made, **changes)
    folder = box.files(made.record) / "artifacts"
    folder.mkdir(parents=True)
    (folder / "note.txt").write_text("hello")
    return box.put(made, READY, store.sealer())
