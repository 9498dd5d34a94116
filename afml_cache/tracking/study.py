"""The run of a study, and what tracks backtests, as they see it.

The combinations of a study that are computed have runs of their own under the study's.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from afml_cache import notices
from afml_cache.attempt import Recorder
from afml_cache.backtests.origin import origin_of
from afml_cache.store.active import active
from afml_cache.store.flight import FileLock
from afml_cache.tracking import client, place
from afml_cache.tracking import record as records
from afml_cache.tracking.around import around
from afml_cache.tracking.outbox import BEGUN, FAULTS, READY, Outbox
from afml_cache.tracking.record import Record
from afml_cache.tracking.recorder import MlflowRecorder
from afml_cache.tracking.sender import patience_of, sender, tell_queue
from afml_cache.tracking.texts import LONGEST_TAG, cut
from afml_cache.tracking.within import InStudy


def recorder(strategy: str, save_trades: bool) -> Recorder:
    """What is told of every run of a strategy."""
    return MlflowRecorder(log_model=False, log_artifacts=save_trades, strategy=strategy)


def study(strategy: str, save_trades: bool) -> StudyRun:
    """The run of a study that is about to begin."""
    return StudyRun(strategy, save_trades)


class StudyRun:
    """The run of a study; where nothing of it is computed, there is none in the end."""

    def __init__(self, strategy: str, save_trades: bool) -> None:
        self._store = active()
        self._box = Outbox(self._store.directory)
        self._lock: FileLock | None = None
        self._outcomes: Counter[str] = Counter()
        self._around = around(self._store.directory)
        tags = {**place.configured.tags, "afml.strategy": strategy, "afml.study": "sweep"}
        user = origin_of(None).user
        if user:
            tags["mlflow.user"] = user
        if self._around.run_id is not None:
            tags[records.PARENT_TAG] = self._around.run_id
        self._record = Record(
            record=records.new_name(),
            name=f"study of {strategy}",
            place=self._around.place,
            function=strategy,
            start=int(time.time() * 1000),
            tags=tags,
            experiment_id=self._around.experiment_id,
        )
        #: None where nothing is tracked.
        self.tracking: InStudy | None = None
        self._of_strategy = strategy, save_trades

    def __enter__(self) -> StudyRun:
        if client.load() is not None and not self._store.read_only:
            self._trying(self._begin)
        return self

    def sum_up(self, outcomes: Iterable[str]) -> None:
        """Note what became of each call of the study."""
        self._outcomes = Counter(outcomes)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._trying(lambda: self._end(error))

    def _begin(self) -> None:
        self._record = dataclasses.replace(self._record, parent=self._around.parent())
        lock = self._box.lock(self._record.record)
        lock.acquire(blocking=False)
        self._lock = lock
        self._box.put(self._record, BEGUN, self._store.sealer())
        made = self._record
        told = made.record, made.place, place.configured, made.experiment_id
        self.tracking = InStudy(*told, *self._of_strategy)

    def _end(self, error: BaseException | None) -> None:
        assert self._lock is not None
        sealer = self._store.sealer()
        try:
            if not self._box.children(self._record.record):
                self._box.forget([self._record.record])
                return
            kept = self._box.kept(self._record.record)
            counted = {f"combinations.{name}": float(n) for name, n in self._outcomes.items()}
            tags = dict(self._record.tags)
            status = records.FINISHED
            if error is not None:
                status = records.FAILED if isinstance(error, Exception) else records.KILLED
                tags[records.ERROR_TAG] = cut(f"{type(error).__name__}: {error}", LONGEST_TAG)
            made = dataclasses.replace(
                self._record,
                status=status,
                end=int(time.time() * 1000),
                tags=tags,
                metrics={"combinations": float(self._outcomes.total()), **counted},
                run_id=None if kept is None else kept.run_id,
            )
            made = self._box.put(made, READY, sealer)
        finally:
            self._lock.release()
        sender.deliver_all(self._box, sealer, made, patience_of(made.place))

    def _trying(self, work: Any) -> None:
        try:
            work()
        except FAULTS as error:
            tell_queue(self._store.directory, error)
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the study
            notices.warn_once(
                ("mlflow", "study", type(error)),
                f"the run of a study could not be recorded for MLflow ({type(error).__name__}: "
                f"{error}); its results are not affected. Please report it",
            )
