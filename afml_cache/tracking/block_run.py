"""The run of a block: made when the first thing within it needs one, or when the block ends.

Until then nothing is written and nobody asked, since a block may turn out to be a hit.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from afml_cache import notices
from afml_cache.backtests.origin import origin_of
from afml_cache.store.active import active
from afml_cache.store.flight import FileLock
from afml_cache.tracking import place
from afml_cache.tracking import record as records
from afml_cache.tracking.around import Around, Block, around
from afml_cache.tracking.open_blocks import block
from afml_cache.tracking.outbox import BEGUN, FAULTS, READY, Outbox
from afml_cache.tracking.record import Record
from afml_cache.tracking.run_stack import RunStack, innermost, stack_in_place, tracking_uri
from afml_cache.tracking.sender import patience_of, sender, tell_queue


class BlockRun:
    """The run of a block, from :meth:`enter` to :meth:`leave`.

    Parameters
    ----------
    name : str
    tags : mapping
        Of the run.
    """

    def __init__(self, name: str, tags: Mapping[str, str]) -> None:
        self.record = records.new_name()
        self._name, self._tags = name, tags
        self._store = active()
        self.box = Outbox(self._store.directory)
        self.around = Around(place.place_for(self._store.directory))
        self._start, self._process = time.time(), os.getpid()
        self._made: Record | None = None  #: once it is in the queue
        self._lock: FileLock | None = None
        self._stack: RunStack | None = None
        self._run: Any = None  #: as mlflow has it, once it is begun
        self.outer: Block | None = None  #: what it was entered in
        self.is_left = False

    @property
    def uri(self) -> str:
        """Where it goes."""
        return self.around.place.uri

    def enter(self) -> None:
        """Be what is called and logged from here on is part of."""
        self._start = time.time()
        self.around = around(self._store.directory)
        self.outer = block.get()
        block.set(self)
        mlflow = sys.modules.get("mlflow")
        if mlflow is not None and hasattr(mlflow, "ActiveRun"):  # it may be half imported
            self._stack = stack_in_place() if tracking_uri() == self.uri else None
        if self._stack is not None:
            self._stack.await_block(self)

    def leave(self) -> None:
        """Be it no more."""
        self.is_left = True
        if block.get() is self:  # else it is left by another task than has entered it
            block.set(self.outer)
        if self._stack is not None:
            self._stack.leave_block(self, self._run)

    def is_innermost(self) -> bool:
        """Whether no run was opened within it that is open still."""
        if self._stack is None:
            return True  # mlflow's runs are elsewhere
        found = innermost()
        return found is None or found is self or found is self._run

    def noted(self) -> Record:
        """Have its record in the queue; raises one of `FAULTS`."""
        if self._made is not None:
            return self._made
        tags = {**place.configured.tags, **self._tags}
        user = origin_of(None).user
        if user:
            tags["mlflow.user"] = user
        if self.around.run_id is not None:
            tags[records.PARENT_TAG] = self.around.run_id
        made = Record(
            record=self.record,
            name=self._name,
            place=self.around.place,
            key=self.record,  # by which its hits are counted
            start=int(self._start * 1000),
            tags=tags,
            experiment_id=self.around.experiment_id,
            parent=self.around.parent(),
        )
        lock = self.box.lock(self.record)
        lock.acquire(blocking=False)
        try:
            self._made = self.box.put(made, BEGUN, self._store.sealer())
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return self._made

    def begin(self) -> Any:
        """Make the run, since mlflow is asked for it; None where that fails."""
        try:
            made = self.noted()
            again = self.box.trying(self.record) > 0  # for something under it, maybe
            run = sender.begin(made, self.box, self._store.sealer(), again=again)
            if run is not None:
                self.box.begun(self.record, run.info.run_id)
                self._run = sys.modules["mlflow"].ActiveRun(run)
        except FAULTS as fault:
            tell_queue(self.box.directory, fault)
        except Exception as fault:  # noqa: BLE001 - no fault of ours may keep what the user logs
            tell_fault(self._name, fault)
        return self._run

    def is_of_parent(self) -> bool:
        """Whether this is a fork of the process that the block is open in."""
        return self._process != os.getpid()

    def is_needed(self) -> bool:
        """Whether it was begun, or something that was computed is under it."""
        if self._run is not None:
            return True
        return self._lock is not None and self.box.children(self.record) > 0

    def forget(self) -> None:
        """Make no run in the end."""
        if self._lock is not None:
            self.box.forget([self.record])
            self._lock.release()

    def end(self, tags: Mapping[str, str], **said: Any) -> None:
        """Write down what the run says, and send it."""
        made, sealer = self.noted(), self._store.sealer()
        assert self._lock is not None
        try:
            kept = self.box.kept(self.record)
            run_id = None if kept is None else kept.run_id
            made = replace(made, tags={**made.tags, **tags}, run_id=run_id, **said)
            made = self.box.put(made, READY, sealer)
        except BaseException:
            self._lock.release()
            raise
        sender.deliver(self.box, sealer, made, patience_of(made.place), self._lock)


def tell_fault(name: str, fault: Exception) -> None:
    """Say once that a run could not be recorded."""
    notices.warn_once(
        ("mlflow", "record", type(fault)),
        f"the run {name} could not be recorded for MLflow ({type(fault).__name__}: {fault}); its "
        "results are not affected. Please report it",
    )
