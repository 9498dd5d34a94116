"""The run of a study, and what tracks backtests, as they see it.

The combinations of a study that are computed have runs of their own under the study's.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from afml_cache import notices
from afml_cache.attempt import Recorder
from afml_cache.backtests.origin import origin_of
from afml_cache.backtests.studies.outcome import FAILED
from afml_cache.backtests.studies.study import Study
from afml_cache.backtests.studies.table import Row
from afml_cache.backtests.windows import is_data
from afml_cache.keys import content
from afml_cache.store.active import active
from afml_cache.store.flight import FileLock
from afml_cache.tracking import client, place
from afml_cache.tracking import record as records
from afml_cache.tracking.around import around
from afml_cache.tracking.artefacts import write_parts
from afml_cache.tracking.inputs import datasets_of, params_of
from afml_cache.tracking.outbox import BEGUN, FAULTS, READY, Outbox
from afml_cache.tracking.record import Record
from afml_cache.tracking.recorder import MlflowRecorder
from afml_cache.tracking.run_stack import tracking_uri
from afml_cache.tracking.runs import run_of_key
from afml_cache.tracking.sender import patience_of, sender, tell_queue
from afml_cache.tracking.texts import LONGEST_TAG, cut
from afml_cache.tracking.within import InStudy
from afml_cache.tracking.words import words_of

__all__ = ["StudyRun", "recorder", "run_of_key", "study"]  # a `tracked.Tracker`


def recorder(strategy: str, save_trades: bool) -> Recorder:
    """What is told of every run of a strategy."""
    return MlflowRecorder(log_model=False, log_artifacts=save_trades, strategy=strategy)


def study(strategy: str, save_trades: bool, kind: str) -> StudyRun:
    """The run of a study that is about to begin."""
    return StudyRun(strategy, save_trades, kind)


class StudyRun:
    """The run of a study; where nothing of it is computed, there is none in the end."""

    def __init__(self, strategy: str, save_trades: bool, kind: str) -> None:
        self._store = active()
        self._box = Outbox(self._store.directory)
        self._lock: FileLock | None = None
        self._process = os.getpid()
        self._made: tuple[Study, Sequence[Row], Mapping[str, Any]] | None = None
        self._equity: Any = None
        self._around = around(self._store.directory)
        tags = {**place.configured.tags, "afml.strategy": strategy, "afml.study": kind}
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

    def sum_up(
        self, study: Study, rows: Sequence[Row], settings: Mapping[str, Any], equity: Any = None
    ) -> None:
        """Note what became of each call of the study, and with which settings it was made."""
        self._made = study, rows, settings
        self._equity = equity

    def run_ids(self, rows: Sequence[Row]) -> list[str | None]:
        """The id of each call's run, here or in an earlier study; None where there is none."""
        try:
            found = self._box.runs_of([row.key.hex() for row in rows if row.key is not None])
        except FAULTS as error:
            tell_queue(self._store.directory, error)
            return [None] * len(rows)
        latest = {key: run_id for key, run_id, _ in found}
        finished = {key: run_id for key, run_id, status in found if status == records.FINISHED}
        return [
            None
            if row.key is None
            else (latest if row.outcome == FAILED else finished).get(row.key.hex())
            for row in rows
        ]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None and self._process == os.getpid():  # no fork has ended it
            self._trying(lambda: self._end(error))

    def _begin(self) -> None:
        self._record = dataclasses.replace(self._record, parent=self._around.parent())
        lock = self._box.lock(self._record.record)
        lock.acquire(blocking=False)
        self._lock = lock
        self._box.put(self._record, BEGUN, self._store.sealer())
        made = self._record
        told = made.record, made.place, place.configured, made.experiment_id
        theirs = tracking_uri() if "mlflow" in sys.modules else None
        self.tracking = InStudy(*told, *self._of_strategy, theirs, os.getpid())

    def _end(self, error: BaseException | None) -> None:
        assert self._lock is not None
        sealer = self._store.sealer()
        try:
            if not self._box.children(self._record.record):
                self._box.forget([self._record.record])
                return
            kept = self._box.kept(self._record.record)
            tags = dict(self._record.tags)
            status = records.FINISHED
            if error is not None:
                status = records.FAILED if isinstance(error, Exception) else records.KILLED
                tags[records.ERROR_TAG] = cut(words_of(error), LONGEST_TAG)
            made = dataclasses.replace(
                self._record,
                status=status,
                end=int(time.time() * 1000),
                tags=tags,
                run_id=None if kept is None else kept.run_id,
            )
            if self._made is not None:
                made = self._summed_up(made, *self._made)
            made = self._box.put(made, READY, sealer)
        finally:
            self._lock.release()
        sender.deliver_all(self._box, sealer, made, patience_of(made.place))

    def _summed_up(
        self, record: Record, study: Study, rows: Sequence[Row], settings: Mapping[str, Any]
    ) -> Record:
        what = "combinations" if study.windows == 1 else "folds"
        counted = Counter(row.outcome for row in rows)
        metrics = {f"{what}.{name}": float(number) for name, number in counted.items()}
        shared = {_name_of_data(study): study.data, **study.fixed}
        data = {name: value for name, value in shared.items() if is_data(value)}
        digests = {name: content.digest(value, name) for name, value in data.items()}
        if self._equity is not None:
            folder = self._box.files(record.record) / records.ARTEFACTS
            try:
                write_parts(folder, {}, {"equity": self._equity})
            except OSError:  # no room: the caller has it
                self._box.without_files(record.record)
        return dataclasses.replace(
            record,
            metrics={what: float(len(rows)), **metrics},
            params=params_of({**settings, **study.fixed}),
            datasets=datasets_of(data, digests, study.function.identity),
        )

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


def _name_of_data(study: Study) -> str:
    """What the function calls the data; its windows have names of their own."""
    if study.windows > 1:
        return "data"
    names = list(inspect.signature(study.function.__wrapped__).parameters)
    place = len(study.first)
    return names[place] if place < len(names) else "data"
