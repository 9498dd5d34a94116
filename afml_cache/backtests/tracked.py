"""Who else is told of the runs of backtests: MLflow, where that is asked for.

What tracks lies above this package. It registers here how it is found, and is found when a
backtest is decorated, or a study made, with ``mlflow=True``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from afml_cache.attempt import Recorder
from afml_cache.store.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run

    from afml_cache.backtests.studies.study import Study
    from afml_cache.backtests.studies.table import Row


class StudyTracking(Protocol):
    """A study that is tracked, as it travels to workers."""

    def within(self) -> AbstractContextManager[object]:
        """For as long as a call of the study is made: :data:`in_study` is its recorder."""


class StudyRun(Protocol):
    """The run of a study, from its beginning to its end."""

    @property
    def tracking(self) -> StudyTracking | None:
        """None where nothing is tracked."""

    def __enter__(self) -> StudyRun: ...
    def __exit__(self, *exception: Any) -> None: ...
    def sum_up(
        self, study: Study, rows: Sequence[Row], settings: Mapping[str, Any], equity: Any = None
    ) -> None:
        """Note what became of each call of the study, and with which settings it was made."""

    def run_ids(self, rows: Sequence[Row]) -> list[str | None]:
        """The id of each call's run, here or in an earlier study; None where there is none."""


class Tracker(Protocol):
    """What tracks runs."""

    def recorder(self, strategy: str, save_trades: bool) -> Recorder:
        """What is told of every run of a strategy."""

    def study(self, strategy: str, save_trades: bool, kind: str) -> StudyRun:
        """The run of a study that is about to begin: of a ``"sweep"``, ``"walk_forward"``."""

    def run_of_key(self, store: Store, key: str) -> Run | None:
        """The run that computed the result of a key (32 hex digits)."""


#: What is told of the runs of the study that is being made, in this thread or task.
in_study: ContextVar[Recorder | None] = ContextVar("afml_cache_tracked_study", default=None)

_find: Callable[[], Tracker] | None = None


def register(find: Callable[[], Tracker]) -> None:
    """Register how the tracker is found."""
    global _find
    _find = find


def tracker() -> Tracker:
    """What tracks runs."""
    assert _find is not None, "afml_cache.backtest_cache registers it"
    return _find()
