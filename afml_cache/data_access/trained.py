"""What this process has trained on since it last tested: that is what it tests next."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from afml_cache.keys.extent import Extent

#: A purpose, and the stretch that was trained or tuned on.
Trained = tuple[str, Extent]


@dataclass(slots=True)
class _Batch:
    """Ranges that were trained on one after the other, and whether they have been tested."""

    ranges: dict[Trained, None] = field(default_factory=dict)
    is_tested: bool = False

    def add(self, trained: Trained) -> None:
        if self.is_tested:
            self.ranges.clear()
            self.is_tested = False
        self.ranges[trained] = None


class _OfThread(threading.local):
    """The batches of a thread, by records and data set: folds may run in several."""

    def __init__(self) -> None:
        self.batches: dict[tuple[Path, str], _Batch] = {}


_of_thread = _OfThread()
_of_process: dict[tuple[Path, str], _Batch] = {}


def note_training(records: Path, dataset: str, trained: Trained) -> None:
    """Note that a stretch was trained or tuned on, now, by this thread."""
    for batches in (_of_thread.batches, _of_process):
        batches.setdefault((records, dataset), _Batch()).add(trained)


def trained_before(records: Path, dataset: str, tested: Extent) -> list[Trained] | None:
    """Which of the ranges that a test is of overlap it.

    Those of this thread; where it has trained on nothing, those of the process; None where that
    has not either.
    """
    key = (records, dataset)
    known = [of[key] for of in (_of_thread.batches, _of_process) if key in of]
    if not known:
        return None
    for batch in known:
        batch.is_tested = True
    batch = known[0]
    return [
        (purpose, extent)
        for purpose, extent in list(batch.ranges)
        if extent.first <= tested.last and tested.first <= extent.last
    ]
