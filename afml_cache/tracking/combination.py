"""A run of a study while its function runs: what is called in it is under it, not beside it."""

from __future__ import annotations

from afml_cache.backtests import tracked
from afml_cache.tracking import within
from afml_cache.tracking.around import Around
from afml_cache.tracking.open_blocks import block
from afml_cache.tracking.record import Record


class Combination:
    """A run that is recorded within a study, from now until :meth:`leave`; a `Block`.

    Parameters
    ----------
    record : Record
        Of the run, which is in the queue.
    is_open : bool
        Whether mlflow has it as the active run: then that is what others are under.
    """

    def __init__(self, record: Record, *, is_open: bool) -> None:
        self.record = record.record
        self.around = Around(record.place, None, record.experiment_id)
        self.outer, self.is_left = block.get(), False
        # The study is about this call alone: a backtest that it calls has a name of its own.
        self._before = within.study(), tracked.in_study.get()
        within.enter(None)
        tracked.in_study.set(None)
        if not is_open:
            block.set(self)

    def noted(self) -> None:
        """Its record is in the queue."""

    def is_innermost(self) -> bool:
        """Whether no run was opened within it: mlflow does not know it."""
        return True

    def leave(self) -> None:
        """Be within the study again; twice is once."""
        if self.is_left:
            return
        self.is_left = True
        study, recorder = self._before
        within.enter(study)
        tracked.in_study.set(recorder)
        if block.get() is self:
            block.set(self.outer)
