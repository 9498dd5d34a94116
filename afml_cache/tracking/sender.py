"""Sends what waits in the queue, in a thread beside the user's calls.

A call waits for its own run, a few seconds at most where a server is slow, and not at all while an
earlier one is still being waited for. What was not sent then is sent when the server answers
again, while the program runs; else by the next program, or by `afml-cache mlflow sync`.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.store import exits
from afml_cache.store.flight import FileLock
from afml_cache.store.seal import Sealer
from afml_cache.tracking import client, place
from afml_cache.tracking.deliver import Unsent, deliver, drain, under_parent
from afml_cache.tracking.hits import write_hits
from afml_cache.tracking.outbox import FAULTS, Outbox
from afml_cache.tracking.place import Place
from afml_cache.tracking.reach import check_reachable
from afml_cache.tracking.record import Record
from afml_cache.tracking.send import begin

#: Seconds that a call waits where no server is needed: a new database takes some to be made.
_LOCAL_PATIENCE = 60.0
#: The part of its patience that a call has for its run to be begun, before its function runs.
_TO_BEGIN = 0.4
#: Seconds that the end of the process waits for what is being sent.
_LAST_PATIENCE = 3.0
#: Seconds between two looks at what is counted or due.
_EVERY = 2.0


@dataclass(slots=True)
class _Job:
    """Something to be done by the thread; ``done`` is set when it is over."""

    work: Callable[[], object]
    done: threading.Event = field(default_factory=threading.Event)
    result: object = None
    error: Exception | None = None


class Line:
    """A thread that does jobs for one address; it starts with the first.

    Parameters
    ----------
    look : callable, optional
        Called from time to time; the thread ends when it gives False.
    """

    def __init__(self, look: Callable[[], bool] | None = None) -> None:
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._look = look
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._stuck_for = 0.0  #: seconds that a job has been waited for in vain

    def do(self, job: _Job, patience: float) -> float:
        """Have a job done, and wait for it, unless one before it is still being waited for.

        Returns
        -------
        float
            Seconds that it, or the one before it, was waited for in vain.
        """
        self.start()
        stuck_for = self._stuck_for
        self._jobs.put(job)
        if patience and not stuck_for and not job.done.wait(patience):
            stuck_for = self._stuck_for = patience
        return stuck_for

    def start(self) -> None:
        """Start the thread, if there is none."""
        with self._guard:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, daemon=True, name="afml-mlflow")
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=None if self._look is None else _EVERY)
            except queue.Empty:
                if self._look is None or not self._look():
                    return
                continue
            try:
                job.result = job.work()
            except Exception as error:  # noqa: BLE001 - whatever mlflow and its servers raise
                job.error = error
            job.done.set()
            if self._jobs.empty():
                self._stuck_for = 0.0


class Sender:
    """What sends for this process: a line for each address, and one that looks after the queues."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._lines: dict[str, Line] = {}
        self._looking = self._new_look()
        #: What this process has put into queues: directory -> what unseals it.
        self._boxes: dict[Path, Sealer] = {}

    def deliver(
        self,
        box: Outbox,
        sealer: Sealer,
        record: Record,
        patience: float,
        lock: FileLock | None = None,
    ) -> bool:
        """Send a record of the queue, if it can be done in so many seconds; it stays there else.

        ``lock`` is the record's, if the caller holds it; it is released when that is over.
        """
        self.watch(box.directory, sealer)
        uri = record.place.uri
        written = None if lock is None else record  # by us, just now
        job = _Job(lambda: deliver(box, sealer, record.record, lock, written))
        waited = self._line(uri).do(job, patience)
        if not job.done.is_set():
            if patience:
                unsent = _no_answer(uri, waited)
                unsent.tell(box)
                box.unanswered([record.record], unsent.why)
            return False
        if job.error is not None:
            raise job.error  # the queue's
        if isinstance(job.result, Unsent):
            job.result.tell(box)  # here, so that the warning names the user's line
        return job.result is None

    def deliver_all(self, box: Outbox, sealer: Sealer, study: Record, patience: float) -> None:
        """Send the runs of a study, for as long as one arrives within so many seconds."""
        self.watch(box.directory, sealer)
        job = _Job(lambda: drain(box, sealer))
        self._line(study.place.uri).do(job, 0.0)
        waiting = box.unsent_children(study.record) + 1
        while not job.done.wait(patience):
            before, waiting = waiting, box.unsent_children(study.record)
            if waiting >= before:
                _no_answer(study.place.uri, patience).tell(box)
                return
        if job.error is not None:
            raise job.error

    def begin(self, record: Record, box: Outbox, sealer: Sealer, *, again: bool = False) -> Any:
        """Make the run of a record whose function is about to run; None where that fails.

        ``again``: it may have been made.
        """
        job = _Job(lambda: _begin(record, box, sealer, again))
        patience = patience_of(record.place)
        if not record.place.is_local:
            patience *= _TO_BEGIN
        self._line(record.place.uri).do(job, patience)
        return job.result

    def watch(self, directory: Path, sealer: Sealer) -> None:
        """Look after the queue of a directory from time to time."""
        is_new = directory not in self._boxes
        self._boxes[directory] = sealer
        if is_new:
            exits.enter(self)
            self._looking.start()

    def _line(self, uri: str) -> Line:
        with self._guard:
            return self._lines.setdefault(uri, Line())

    def _new_look(self) -> Line:
        def look() -> bool:
            if self._looking is not line:
                return False  # another has taken its place
            self._look()
            return True

        line = Line(look)
        return line

    def _look(self) -> None:
        """Write down hits; where mlflow is loaded anyway, send what is due."""
        for directory, sealer in list(self._boxes.items()):
            try:
                write_hits(directory)
                if "mlflow" in sys.modules and client.is_installed():
                    drain(Outbox(directory), sealer, all_of_them=False)
            except FAULTS as error:
                tell_queue(directory, error)

    def close(self) -> None:
        """Write the hits down, and wait a little for what can be sent."""
        for directory in list(self._boxes):
            try:
                write_hits(directory)
            except FAULTS as error:
                tell_queue(directory, error)
        if "mlflow" in sys.modules and self._boxes:
            deadline = time.monotonic() + _LAST_PATIENCE
            for line in list(self._lines.values()):  # what nobody has waited for
                line.do(_Job(lambda: None), max(0.0, deadline - time.monotonic()))
            self._looking.do(_Job(self._look), max(0.0, deadline - time.monotonic()))

    def after_fork(self) -> None:
        """In a child: the threads are the parent's, and so is what waits for them."""
        exits.leave(self)
        self._guard, self._lines, self._boxes = threading.Lock(), {}, {}
        self._looking = self._new_look()


def patience_of(to: Place) -> float:
    """Seconds that a call waits for its run to be sent there."""
    return _LOCAL_PATIENCE if to.is_local else place.configured.patience


def _no_answer(uri: str, patience: float) -> Unsent:
    return Unsent(uri, f"no answer within {patience:g} seconds", is_silence=True)


def _begin(record: Record, box: Outbox, sealer: Sealer, again: bool) -> Any:
    check_reachable(record.place.uri)
    return begin(under_parent(box, sealer, record), again=again)


def tell_queue(directory: Path, error: BaseException) -> None:
    """Say once that the queue cannot be used."""
    why = getattr(error, "detail", None) or error
    notices.warn_once(
        ("mlflow", "queue", str(directory)),
        f"the queue of MLflow runs in {directory / 'records'} cannot be used ({why}): results are "
        "cached, and runs are not recorded until it can. See that the disk has room and the folder "
        "can be written to",
    )


sender = Sender()
os.register_at_fork(after_in_child=sender.after_fork)
