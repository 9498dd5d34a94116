"""What is in the queue: runs that wait, those of calls that are running, and damaged ones."""

from __future__ import annotations

from dataclasses import dataclass

from afml_cache.tracking.outbox import BEGUN, READY, REFUSED, Kept, Outbox


@dataclass(frozen=True, slots=True)
class Waiting:
    """The records of a queue that are not with MLflow.

    Attributes
    ----------
    unsent : list of Kept
        To be sent, and nobody is about it, or it has failed before.
    running : list of Kept
        A process that lives is computing, or sending, what they are of.
    damaged : list of Kept
        They do not fit their seals, and will not be sent.
    """

    unsent: list[Kept]
    running: list[Kept]
    damaged: list[Kept]


def waiting_in(box: Outbox) -> Waiting:
    """Look into a queue; raises one of `outbox.FAULTS` where it cannot be read."""
    unsent: list[Kept] = []
    running: list[Kept] = []
    held: dict[str, bool] = {}
    for one in box.every(BEGUN, READY):
        if one.state == READY and one.error:
            unsent.append(one)
            continue
        for record in (one.record, one.parent):  # a study's worker puts down, and its caller sends
            if record is not None and record not in held:
                held[record] = _is_held(box, record)
        is_running = held[one.record] or (one.parent is not None and held[one.parent])
        (running if is_running else unsent).append(one)
    return Waiting(unsent, running, box.every(REFUSED))


def drop(box: Outbox, records: list[str]) -> int:
    """Take records and their files off a queue, but those that somebody is about; how many."""
    dropped = 0
    for record in records:
        lock = box.lock(record)
        if lock.acquire(blocking=False):
            try:
                box.forget([record])
                box.without_files(record)
                dropped += 1
            finally:
                lock.release()
    return dropped


def _is_held(box: Outbox, record: str) -> bool:
    lock = box.lock(record)
    if not lock.path.exists():
        return False
    try:
        is_free = lock.acquire(blocking=False)
    except PermissionError:  # another user's
        return True
    if is_free:
        lock.release()
    return not is_free
