"""A run of a study while its function runs: what is called in it is under it, not beside it."""

from __future__ import annotations

from afml_cache.backtests import tracked
from afml_cache.tracking import within
from afml_cache.tracking.around import Around, block
from afml_cache.tracking.record import Record


class Combination:
    """A run that is recorded within a study, from now until :meth:`leave`; a `Block`.

    Parameters
    ----------
    record : Record
        Of the run, which is in the queue.
    is_open : bool
        Whether mlflow has it as the active run.
    """

    def __init__(self, record: Record, *, is_open: bool) -> None:
        self.record = record.record
        self.around = Around(record.place, None, record.experiment_id)
        self._is_open = is_open
        # The study is about this call alone: a backtest that it calls has a name of its own.
        self._before = within.study(), tracked.in_study.get(), block.get()
        within.enter(None)
        tracked.in_study.set(None)
        block.set(self)

    def noted(self) -> None:
        """Its record is in the queue."""

    def is_innermost(self) -> bool:
        """Whether mlflow need not be asked what is open: it would say this run, too."""
        return not self._is_open

    def leave(self) -> None:
        """Be within the study again; twice is once."""
        if block.get() is self:
            study, recorder, outer = self._before
            within.enter(study)
            tracked.in_study.set(recorder)
            block.set(outer)
