"""The study that a call is made within, in this thread or task, here or in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from afml_cache.backtests import tracked
from afml_cache.tracking.place import Configured, Place


@dataclass(frozen=True, slots=True)
class InStudy:
    """A study that is tracked, as it travels to workers.

    Runs that are recorded within it are written into the queue only: whoever makes the study sends
    them, so that workers need neither mlflow nor the way to its server.

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
    """

    record: str
    place: Place
    configured: Configured
    experiment_id: str | None
    strategy: str
    save_trades: bool

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
            yield
        finally:
            _study.set(before[0])
            tracked.in_study.set(before[1])


_study: ContextVar[InStudy | None] = ContextVar("afml_cache_mlflow_study", default=None)


def study() -> InStudy | None:
    """The study that is being made; None where none is."""
    return _study.get()
