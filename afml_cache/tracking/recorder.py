"""Told of every computed call and every hit of a tracked function.

No fault of it reaches the caller. A computed call is written into the queue before its
function runs and when it is over, and sent then. A hit is counted in memory.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.attempt import Asked
from afml_cache.backtests.origin import origin_of
from afml_cache.keys.call import CallKey
from afml_cache.store.flight import FileLock
from afml_cache.store.seal import Sealer
from afml_cache.store.store import Store
from afml_cache.tracking import client, place
from afml_cache.tracking import record as records
from afml_cache.tracking.around import around
from afml_cache.tracking.artefacts import write_parts, write_traceback
from afml_cache.tracking.combination import Combination
from afml_cache.tracking.hits import HitCount, counts_of, first_hit
from afml_cache.tracking.inputs import datasets_of, params_of
from afml_cache.tracking.model_files import save_models
from afml_cache.tracking.open_run import OpenRun, open_run
from afml_cache.tracking.outbox import BEGUN, FAULTS, READY, Outbox
from afml_cache.tracking.record import Record
from afml_cache.tracking.said import Said, said_of, said_of_backtest, with_words
from afml_cache.tracking.sender import patience_of, sender, tell_queue
from afml_cache.tracking.texts import LONGEST_TAG, cut, name_of
from afml_cache.tracking.within import study
from afml_cache.tracking.words import words_of


@dataclass(slots=True)
class _Begun:
    """A run whose function is running."""

    record: Record
    values: Mapping[str, Any]
    box: Outbox
    lock: FileLock
    patience: float  #: seconds that the caller may be kept waiting for the run to be sent
    sends: bool  #: whether it is sent when it is over
    open: OpenRun | None = None
    combination: Combination | None = None  #: where it is one of a study
    ready: tuple[Record, Sealer] | None = None  #: to be sent
    process: int = field(default_factory=os.getpid)  #: a fork that ends has not ended the run


@dataclass(frozen=True, slots=True)
class MlflowRecorder:
    """Tracks the computed calls of one function.

    Parameters
    ----------
    tags : mapping
        Of every run.
    log_model, log_artifacts : bool
        Whether models, and figures and tables, are logged.
    experiment, run_name : str, optional
    strategy : str, optional
        Of a backtest: its results are taken apart as such.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    log_model: bool = True
    log_artifacts: bool = True
    experiment: str | None = None
    run_name: str | None = None
    strategy: str | None = None

    # The hot path: two look-ups in dicts.
    def served(
        self,
        function: Asked,  # noqa: ARG002
        store: Store,
        key: CallKey,
        value: object,  # noqa: ARG002
        args: Any,  # noqa: ARG002
        kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Count a hit."""
        global _last
        last = _last
        if last is None or last[0] is not store:
            last = _last = (store, counts_of(store.directory))
        one = last[1].get(key.digest)
        if one is None:
            one = self._first_hit(store, last[1], key)
        one.count += 1
        one.last = time.time()

    def _first_hit(self, store: Store, counts: dict[bytes, HitCount], key: CallKey) -> HitCount:
        if not store.read_only and Outbox(store.directory).path.exists():
            try:
                sender.watch(store.directory, store.sealer())
            except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
                self._tell(error)
        return first_hit(counts, key.digest)

    def before(self, function: Asked, key: CallKey, values: Mapping[str, Any]) -> object:
        """Write down that a run has begun; None where it is not tracked."""
        try:
            if study() is None and client.load() is None:
                return None  # within a study, whoever makes it sends
            return self._begin(function, key, values)
        except FAULTS as error:
            tell_queue(_directory(), error)
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            self._tell(error)
        return None

    def _begin(self, function: Asked, key: CallKey, values: Mapping[str, Any]) -> _Begun:
        from afml_cache.store.active import active

        store = active()
        made = self._record(store.directory, function, key, values)
        box = Outbox(store.directory)
        lock = box.lock(made.record)
        lock.acquire(blocking=False)
        try:
            made = box.put(made, BEGUN, store.sealer())
            is_async = inspect.iscoroutinefunction(function._wrapped)
            sends = study() is None  # else whoever makes the study does
            opened = None if is_async else open_run(box, made, store.sealer())
        except BaseException:
            lock.release()
            raise
        if opened is not None:
            made = dataclasses.replace(made, run_id=opened.run_id)
        # The loop of an async function is never kept waiting.
        patience = 0.0 if is_async else patience_of(made.place)
        combination = None if sends else Combination(made, is_open=opened is not None)
        return _Begun(made, values, box, lock, patience, sends, opened, combination)

    def _record(
        self, base: Path, function: Asked, key: CallKey, values: Mapping[str, Any]
    ) -> Record:
        wrapped, of_study = function._wrapped, study()
        configured = place.configured if of_study is None else of_study.configured
        name = getattr(wrapped, "__name__", "run")
        origin = origin_of(wrapped)
        digits = key.digest.hex()
        tags = {
            **configured.tags,
            **{name_of(tag): cut(str(one), LONGEST_TAG) for tag, one in self.tags.items()},
            records.FUNCTION_TAG: function._identity,
            records.CODE_TAG: key.fingerprint.code.hex(),
            records.KEY_TAG: digits,
            "mlflow.source.name": function._identity,
            "mlflow.source.type": "LOCAL",
        }
        if origin.user:
            tags["mlflow.user"] = origin.user
        if origin.commit:
            tags[records.COMMIT_TAG] = origin.commit
        if self.strategy is not None:
            tags["afml.strategy"] = self.strategy
        if of_study is None:
            within = around(base, self.experiment)
            goes_to, experiment_id, parent = within.place, within.experiment_id, within.parent()
            if within.run_id is not None:
                tags[records.PARENT_TAG] = within.run_id
        else:
            goes_to, experiment_id = of_study.place, of_study.experiment_id
            parent = of_study.record
        return Record(
            record=records.new_name(),
            name=self.run_name or f"{self.strategy or name}-{digits[:8]}",
            place=goes_to,
            key=digits,
            function=function._identity,
            start=int(time.time() * 1000),
            params=params_of(values),
            tags=tags,
            datasets=datasets_of(values, key.arguments, function._identity),
            experiment_id=experiment_id,
            parent=parent,
        )

    def over(self, before: object) -> None:
        """The function has ended: what the user logs from here on is for another run."""
        if not isinstance(before, _Begun):
            return
        if before.open is not None:
            before.open.leave()
        if before.combination is not None:
            before.combination.leave()

    def ran(self, store: Store, before: object, result: object, seconds: float) -> None:
        """Write down what a run says, and send it."""
        if isinstance(before, _Begun):
            self._end(store, before, seconds, lambda: self._said(before, result))

    def raised(self, store: Store, before: object, error: BaseException, seconds: float) -> None:
        """Write down that a run has failed, and how, and send it."""
        if isinstance(before, _Begun):
            self._end(store, before, seconds, lambda: self._failed(before, error))

    def _end(self, store: Store, begun: _Begun, seconds: float, say: Any) -> None:
        self.over(begun)
        if begun.process != os.getpid():
            return
        try:
            end = int(time.time() * 1000)
            made: Record = say()
            metrics = {"duration_seconds": seconds, **made.metrics}
            # A call that was made by a worker has begun before we were told.
            start = min(made.start, end - int(seconds * 1000))
            made = dataclasses.replace(made, metrics=metrics, start=start, end=end)
            sealer = store.sealer()
            made = begun.box.put(made, READY, sealer)
            if begun.sends:
                begun.ready = made, sealer
        except FAULTS as error:
            tell_queue(store.directory, error)
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            self._tell(error)
        finally:
            if begun.ready is None:  # else it goes with the record: another might be faster
                begun.lock.release()

    def landed(self, before: object) -> None:
        """Send what was written down."""
        if not isinstance(before, _Begun) or before.ready is None:
            return
        made, sealer = before.ready
        try:
            sender.deliver(before.box, sealer, made, before.patience, before.lock)
        except FAULTS as error:
            tell_queue(before.box.directory, error)
        except Exception as error:  # noqa: BLE001 - no fault of ours may keep the user's result
            self._tell(error)

    def _said(self, begun: _Begun, result: object) -> Record:
        said = said_of(result) if self.strategy is None else said_of_backtest(result)
        left_out = dict(said.left_out)
        try:
            left_out |= self._write_files(begun, said)
        except OSError as error:  # no room: the rest is said all the same
            begun.box.without_files(begun.record.record)
            left_out["files"] = str(error)
        tags = {}
        if left_out:
            told = "; ".join(f"{name}: {why}" for name, why in left_out.items())
            tags[records.LEFT_OUT_TAG] = cut(told, LONGEST_TAG)
        return dataclasses.replace(
            begun.record,
            status=records.FINISHED,
            params=with_words(begun.record.params, said.words),
            metrics=said.metrics,
            tags={**tags, **begun.record.tags},
        )

    def _write_files(self, begun: _Begun, said: Said) -> dict[str, str]:
        files = begun.box.files(begun.record.record)
        left_out: dict[str, str] = {}
        if self.log_model and place.configured.log_models and said.models:
            left_out |= save_models(files / records.MODELS, said.models, begun.values)
        if self.log_artifacts:
            left_out |= write_parts(files / records.ARTEFACTS, said.figures, said.tables)
        return left_out

    def _failed(self, begun: _Begun, error: BaseException) -> Record:
        try:
            write_traceback(begun.box.files(begun.record.record) / records.ARTEFACTS, error)
        except OSError:
            begun.box.without_files(begun.record.record)  # no room: the run says what it was
        told = words_of(error)
        return dataclasses.replace(
            begun.record,
            status=records.FAILED if isinstance(error, Exception) else records.KILLED,
            tags={**begun.record.tags, records.ERROR_TAG: cut(told, LONGEST_TAG)},
        )

    def _tell(self, error: Exception) -> None:
        notices.warn_once(
            ("mlflow", "record", type(error)),
            f"a run could not be recorded for MLflow ({type(error).__name__}: {error}); its result "
            "is not affected. Please report it",
        )


#: The store that was hit last, and its counts.
_last: tuple[Store, dict[bytes, HitCount]] | None = None


def _directory() -> Path:
    from afml_cache.store.active import active

    return active().directory
