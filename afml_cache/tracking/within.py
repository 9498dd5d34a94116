"""The study that a call is made within, in this thread or task, here or in a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from afml_cache.backtests import tracked
from afml_cache.tracking.place import URI_VARIABLE, Configured, Place


@dataclass(frozen=True, slots=True)
class InStudy:
    """A study that is tracked, as it travels to workers.

    Its runs are written into the queue only: whoever makes the study sends them, so that workers
    need neither mlflow nor the way to its server, unless a strategy logs to mlflow itself.

    Attributes
    ----------
    record : str
        Of the study's own run.
    place : Place
        Where its runs go.
    configured : Configured
    experiment_id : str or None
        Of the run that the user has open around the study.
    strategy : str
    save_trades : bool
    told : str or None
        Where the caller has told mlflow to log; None where it uses no mlflow.
    caller : int
        The process that makes the study.
    """

    record: str
    place: Place
    configured: Configured
    experiment_id: str | None
    strategy: str
    save_trades: bool
    told: str | None
    caller: int

    @contextmanager
    def within(self) -> Iterator[None]:
        """For as long as a call of the study is made."""
        from afml_cache.tracking.recorder import MlflowRecorder

        recorder = MlflowRecorder(
            log_model=False, log_artifacts=self.save_trades, strategy=self.strategy
        )
        before = _study.get(), tracked.in_study.get()
        _study.set(self)
        tracked.in_study.set(recorder)
        try:
            with self._as_told():
                yield
        finally:
            _study.set(before[0])
            tracked.in_study.set(before[1])

    @contextmanager
    def _as_told(self) -> Iterator[None]:
        """In a worker, which may be older than what the caller has told mlflow."""
        if self.told is None or os.getpid() == self.caller:
            yield
            return
        before = os.environ.get(URI_VARIABLE)
        os.environ[URI_VARIABLE] = self.told
        try:
            yield
        finally:
            if before is None:
                os.environ.pop(URI_VARIABLE, None)
            else:
                os.environ[URI_VARIABLE] = before


_study: ContextVar[InStudy | None] = ContextVar("afml_cache_mlflow_study", default=None)


def study() -> InStudy | None:
    """The study that a call made now is one of; None where there is none."""
    return _study.get()


def enter(study: InStudy | None) -> None:
    """Have calls that are made from now on be of this study, or of none."""
    _study.set(study)
