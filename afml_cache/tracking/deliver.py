"""From the queue to MLflow: one record, or all that wait; and how often results were served.

Whoever is about a record holds its lock, so that of several threads and processes one sends it.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path

from afml_cache import notices
from afml_cache.errors import TrackingError
from afml_cache.store.flight import FileLock
from afml_cache.store.seal import Sealer
from afml_cache.tracking import client
from afml_cache.tracking.new_tables import is_being_made, told_so
from afml_cache.tracking.outbox import BEGUN, FAULTS, READY, DamagedRecordError, Outbox
from afml_cache.tracking.reach import check_reachable, is_silence, shown
from afml_cache.tracking.record import HITS_TAG, KILLED, LAST_HIT_TAG, PARENT_TAG, Record
from afml_cache.tracking.send import DeletedRunError, begin, send
from afml_cache.tracking.words import words_of

#: Seconds that is waited for another thread or process which is sending a record.
_PATIENCE = 3.0
#: How often a record is tried again where its database is locked.
_LOCKED_TRIES = 6


@dataclass(frozen=True, slots=True)
class Unsent:
    """Why a record was not sent.

    ``is_held``: a process that lives is computing, or sending, what it is of; or somebody has
    deleted its run. ``is_damaged``: it will not be sent at all. ``is_silence``: nobody
    answers at the address, to none of its records.
    """

    uri: str
    why: str
    is_held: bool = False
    is_damaged: bool = False
    is_silence: bool = False

    def tell(self, box: Outbox) -> None:
        """Say so, once an address."""
        if self.is_damaged:
            notices.warn_once(
                ("mlflow", "damaged", str(box.directory)),
                f"a run in the queue {box.path} is not sent, since {self.why}; its result is not "
                "affected. `afml-cache mlflow sync` lists such runs",
            )
        elif self.is_silence:
            notices.warn_once(
                ("mlflow", "unsent", self.uri),
                f"runs cannot be sent to {shown(self.uri)} now ({self.why}). Results are cached "
                "all the same, and the runs wait in the queue: they are sent as soon as they can "
                "be, or by `afml-cache mlflow sync`",
            )
        elif not self.is_held:
            notices.warn_once(
                ("mlflow", "unsent", self.uri),
                f"runs cannot be sent to {shown(self.uri)} as it is ({self.why}). Results are "
                "cached all the same, and the runs wait in the queue. Put that right, then "
                "`afml-cache mlflow sync` sends them; its --to sends them elsewhere",
            )


def deliver(
    box: Outbox,
    sealer: Sealer,
    record: str,
    lock: FileLock | None = None,
    written: Record | None = None,
) -> Unsent | None:
    """Send one record of the queue, unless somebody else is about it; None: it is sent.

    What keeps it is noted in the queue. ``lock`` is the record's, if it is held already, and
    ``written`` the record, if this process wrote it just now: else its seal is checked.
    """
    if lock is None:
        lock = box.lock(record)
        if not lock.acquire(blocking=False):
            return Unsent("", "another process is about it", is_held=True)
    try:
        kept = box.kept(record)
        if kept is None or kept.state not in (BEGUN, READY):
            return Unsent("", "another process was faster", is_held=True)
        try:
            found = box.read(record, sealer) if written is None else written
        except DamagedRecordError as error:
            box.failed(record, str(error), for_good=True)
            return Unsent("", str(error), is_damaged=True)
        if not found.end:  # its process died
            found = dataclasses.replace(found, status=KILLED, end=found.start)
        before = box.trying(record)
        try:
            check_reachable(found.place.uri)
            found = under_parent(box, sealer, found)
            run_id = _send_patiently(found, box.files(record), before)
        except DeletedRunError as error:
            box.sent(record, error.run_id, found.status)
            return Unsent(found.place.uri, str(error), is_held=True)
        except Exception as error:  # noqa: BLE001 - whatever mlflow and its servers raise
            uri = found.place.uri
            why = str(error) if isinstance(error, TrackingError) else words_of(error, uri)
            is_new = is_being_made(error)
            why = told_so(error) if is_new else why
            box.failed(record, why)
            return Unsent(uri, why, is_silence=is_new or is_silence(error))
        box.sent(record, run_id, found.status)
        return None
    finally:
        lock.release()


def drain(box: Outbox, sealer: Sealer, *, all_of_them: bool = True) -> tuple[int, int]:
    """Send what waits, and tell runs their hits; how many were sent, and how many wait still.

    ``all_of_them``: also what is not due yet; and say why something could not be.
    """
    sent = unsent = 0
    silent: dict[str, str] = {}  # address -> why
    passed: dict[str, list[str]] = {}  # address -> records
    is_held_up = False  # somebody takes long about one: the others are not waited for
    for record in box.waiting(sealer, all_of_them=all_of_them):
        kept = box.kept(record) if silent else None
        if kept is not None and kept.uri in silent:  # it would wait as long, and in vain
            passed.setdefault(kept.uri, []).append(record)
            continue
        why = deliver(box, sealer, record)
        if all_of_them and why is not None and why.is_held:
            left = _left(box, record, 0.0 if is_held_up else _PATIENCE)
            is_held_up = left is None
            unsent += is_held_up
            if left:
                why = deliver(box, sealer, record)
        if why is None:
            sent += 1
        elif not why.is_held:
            unsent += 1
            if why.is_silence:
                silent[why.uri] = why.why
            if all_of_them:
                why.tell(box)
    if all_of_them:
        for uri, records in passed.items():
            box.unanswered(records, silent[uri])
            unsent += len(records)
    tell_hits(box, set(silent))
    return sent, unsent


def _left(box: Outbox, record: str, patience: float) -> bool | None:
    """Wait while another thread or process sends a record; whether it has to be sent after all.

    None: somebody is about it still.
    """
    deadline = time.monotonic() + patience
    while True:
        kept = box.kept(record)
        if kept is None or kept.state != READY:
            return False  # sent, or its function is running
        lock = box.lock(record)
        if lock.acquire(blocking=False):
            lock.release()
            return True
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)


def _send_patiently(record: Record, files: Path, before: int) -> str:
    """Send a record; try again where somebody else is writing to the same SQLite database.

    MLflow reads before it writes, and of two that do so at once SQLite refuses one at once.
    """
    for attempt in range(_LOCKED_TRIES):
        try:
            return send(record, files, again=before + attempt > 0)
        except Exception as error:
            is_busy = "database is locked" in str(error) or is_being_made(error)
            if not is_busy or attempt == _LOCKED_TRIES - 1:
                raise
            time.sleep(0.05 * 2**attempt)
    raise AssertionError  # the last attempt has returned or raised


def under_parent(box: Outbox, sealer: Sealer, record: Record) -> Record:
    """A run of a study, or a block, put under that one's run, which is made if there is none."""
    if record.parent is None:
        return record
    # Two that send at once must not make two.
    making = FileLock(box.folder / f"{record.parent}.run.lock")
    making.acquire()
    try:
        kept = box.kept(record.parent)
        if kept is None:
            return record
        run_id = kept.run_id
        if run_id is None:
            study = under_parent(box, sealer, box.said(record.parent, sealer))
            run_id = begin(study, again=box.trying(study.record) > 0).info.run_id
            box.begun(study.record, run_id)
    finally:
        making.release()
    return dataclasses.replace(record, tags={**record.tags, PARENT_TAG: run_id})


def tell_hits(box: Outbox, silent: set[str]) -> None:
    """Have runs say how often their results were served, and when last.

    ``silent``: addresses where nobody has answered just now; more are added.
    """
    for record, uri, run_id, hits, last in box.untold():
        if uri in silent:
            continue
        lock = box.lock(record)
        if not lock.acquire(blocking=False):
            continue
        try:
            check_reachable(uri)
            with client.quiet():
                one = client.client_of(uri)
                one.set_tag(run_id, HITS_TAG, str(hits))
                one.set_tag(run_id, LAST_HIT_TAG, _iso(last))
            box.told(record, hits)
        except FAULTS:
            raise
        except Exception as error:  # noqa: BLE001 - whatever mlflow and its servers raise
            if (
                client.is_gone(error)
                or getattr(error, "error_code", "") == "INVALID_PARAMETER_VALUE"
            ):
                box.told(record, hits)  # somebody has removed the run, or marked it as deleted
                continue
            silent.add(uri)
        finally:
            lock.release()


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
