"""Runs that take their worker with them, found out by making those under way one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from afml_cache.backtests.studies.outcome import COMPUTED, FAILED, HIT, Failure, Outcome, Task
from afml_cache.backtests.studies.payload import combination_of
from afml_cache.errors import AfmlCacheError, WorkersLostError

#: How many of the runs under way an error names.
_NAMED = 8


def is_death(error: BaseException) -> bool:
    """Whether a backend says by it that a worker, or what lay on it, is gone."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    if isinstance(error, AfmlCacheError):
        return False
    # Both have many of them, and raise nothing of the user's: a worker reports that as an outcome.
    is_clusters = type(error).__module__.partition(".")[0] in ("distributed", "ray")
    return is_clusters or isinstance(error, BrokenProcessPool)


def one_by_one(
    tasks: list[Task], call: Callable[[Task], Outcome], probe: Callable[[], object] | None
) -> Iterator[Outcome]:
    """Make the calls that were under way when a worker died, each alone.

    Parameters
    ----------
    tasks : list of Task
    call : callable
        Makes one.
    probe : callable, optional
        Whether there are workers is seen by it after a death; None: they are our own.

    Raises
    ------
    WorkersLostError
        There are none.
    """
    shown = ", ".join(str(combination_of(task)) for task in tasks[:_NAMED])
    _see_workers(probe, shown)
    for task in tasks:
        try:
            outcome = call(task)
        except Exception as error:
            if not is_death(error):
                raise
            yield died(task, error)
            _see_workers(probe, shown)
            continue
        if outcome.outcome == HIT:  # by a worker, before the other died
            outcome.outcome = COMPUTED
        yield outcome


def _see_workers(probe: Callable[[], object] | None, under_way: str) -> None:
    try:
        if probe is not None:
            probe()
    except Exception as error:
        raise WorkersLostError(
            f"no worker of the cluster answers any more ({_in_short(error)}). One of the runs that "
            f"were under way when the first was lost may have killed them: {under_way}. What is "
            "done is kept; start workers, and the same call goes on where it was"
        ) from error


def died(task: Task, error: BaseException) -> Outcome:
    """The outcome of a call that took its worker with it."""
    why = f"its worker process was killed or crashed ({_in_short(error)})"
    return Outcome(task.number, FAILED, failure=Failure("WorkerDied", why), key=task.key)


def answer() -> bool:
    """What a worker that is asked whether it is there says."""
    return True


def _in_short(error: BaseException) -> str:
    """The exit code, where it is told; else the first sentence."""
    told = str(error)
    codes = re.search(r"exit codes? of the workers? (?:is|are) \{(.*?)\}", told)
    if codes:
        return f"exit code {codes[1]}"
    first = re.split(r"(?<=[.!])\s|\n", told.strip(), maxsplit=1)[0].rstrip(".")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
