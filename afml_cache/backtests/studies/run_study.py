"""A study from its combinations to its rows: looked up, computed where new, recorded."""

from __future__ import annotations

import contextlib
import itertools
import logging
import pickle
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache import miss, notices
from afml_cache.backtests.book import FAULTS, book_of
from afml_cache.backtests.decorator import CachedBacktest
from afml_cache.backtests.run import run_id_of
from afml_cache.backtests.studies.failures import Call, FailedCall, call_of, record_failures
from afml_cache.backtests.studies.lookup import Lookup
from afml_cache.backtests.studies.made_elsewhere import (
    TOLD,
    UNTOLD,
    record_result,
    store_result,
    tell_failure,
)
from afml_cache.backtests.studies.outcome import (
    FAILED,
    HIT,
    Outcome,
    Task,
    read_result,
)
from afml_cache.backtests.studies.place import marked
from afml_cache.backtests.studies.progress import Progress
from afml_cache.backtests.studies.study import Rows, Study
from afml_cache.backtests.studies.table import Row
from afml_cache.backtests.studies.warned import warn
from afml_cache.backtests.studies.worker import UNSTORED, within
from afml_cache.errors import ConfigurationError, StudyInterrupted
from afml_cache.keys.call import CallKey
from afml_cache.store.active import active
from afml_cache.store.store import Missing

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Workers:
    """How calls are spread; None: as joblib has it."""

    n_jobs: int | None = None
    backend: str | None = None

    def __post_init__(self) -> None:
        jobs: object = self.n_jobs
        if jobs is not None and (not hasattr(jobs, "__index__") or jobs == 0):
            raise ConfigurationError(
                f"n_jobs={jobs!r}: give a whole number of workers, -1 for one a core, or None"
            )


@dataclass(frozen=True, slots=True)
class Wanted:
    """One call that is wanted: its parameters, and the rows of the data that it is given."""

    combination: Mapping[str, Any] | None
    rows: Rows | None = None


def run_study(
    study: Study,
    wanted: Iterable[Wanted],
    total: int | None,
    *,
    workers: Workers,
    progress: bool,
    resume: bool,
) -> list[Row]:
    """Look up or make every call; a row each, in order.

    Raises
    ------
    StudyInterrupted
        By a signal (SIGINT). What is done is kept.
    ConfigurationError
        It cannot be run on these workers.
    """
    one = _Running(study, iter(wanted), resume)
    with Progress(study.strategy, total, progress and not within.get()) as shown:
        one.progress = shown
        try:
            one.run(workers)
        except KeyboardInterrupt:
            raise StudyInterrupted(
                f"the study of {study.strategy} was interrupted: {shown.told()}. What is done is "
                "kept, and the same call goes on where it was"
            ) from None
        finally:
            one.close()
    one.sum_up()
    return [one.rows[number] for number in range(len(one.rows))]


class _Running:
    """A study under way."""

    def __init__(self, study: Study, wanted: Iterator[Wanted], resume: bool) -> None:
        self.study = study
        self.store = active()
        self.rows: dict[int, Row] = {}
        self.progress = Progress(study.strategy, None, False)
        self._wanted = wanted
        self._resume = resume
        self._lookup = Lookup(study, self.store)
        self._keys: dict[int, tuple[CallKey, Wanted]] = {}
        self._first: CallKey | None = None
        self._checked: set[frozenset[str]] = set()
        self._passed: list[Call] = []
        self._unstored: Counter[str] = Counter()
        self._guard = threading.Lock()  # rows are noted in joblib's threads, too

    # -- what is there, and what is to be made ---------------------------------------

    def tasks(self) -> Iterator[Task]:
        """The calls that are to be made; those that are there get their row at once."""
        for number, wanted in enumerate(self._wanted):
            row = self.rows[number] = Row(wanted.combination or {})
            self._check(wanted)
            args, kwargs = self.study.arguments(wanted.combination, wanted.rows)
            key = self._lookup.key(args, kwargs)
            if key is None:
                edited = self._lookup.edited
                yield Task(number, wanted.combination, wanted.rows, edited=edited)
                continue
            row.key, row.run_id = key.digest, self._run_id(key.digest)
            value = self._lookup.value(key, args, kwargs) if self._resume else Missing(None)
            if type(value) is not Missing:
                row.metrics, row.equity = read_result(self.study, value)
                self._passed.append(self._call_of(key))
                self._note(row, HIT)
                continue
            self._first = self._first or key
            same = key.fingerprint is self._first.fingerprint
            self._keys[number] = key, wanted
            yield Task(
                number,
                wanted.combination,
                wanted.rows,
                key.digest,
                None if same else key.fingerprint,
                anew=not self._resume,
            )

    def _check(self, wanted: Wanted) -> None:
        """That these names can be given to the function is seen once for all that have them."""
        names = frozenset(wanted.combination or ())
        if names not in self._checked:
            self.study.check(wanted.combination, wanted.rows)
            self._checked.add(names)

    def run(self, workers: Workers) -> None:
        """Make the calls that are to be made."""
        tasks = self.tasks()
        first = next(tasks, None)
        if first is None:  # everything is there: no worker is started
            return
        from afml_cache.backtests.studies.parallel import run_tasks

        known = self._keys.get(first.number)
        outcomes = run_tasks(
            self.study,
            itertools.chain([first], tasks),
            self.study.function.fingerprint() if known is None else known[0].fingerprint,
            lambda: marked(self.store),
            workers.n_jobs,
            workers.backend,
        )
        with contextlib.closing(outcomes):  # type: ignore[type-var]
            for outcome in outcomes:
                self.take(outcome)

    def take(self, outcome: Outcome) -> None:
        """Note what became of a call; store what its worker could not."""
        row = self.rows[outcome.number]
        known = self._keys.pop(outcome.number, None)
        row.metrics, row.equity, row.seconds = outcome.metrics, outcome.equity, outcome.seconds
        if outcome.failure is not None:
            row.failure = outcome.failure
        elif outcome.value is not None and known is not None and not self.store.read_only:
            outcome.unstored = self._store(known, outcome) or outcome.unstored
            outcome.is_counted = True
        elif not outcome.is_counted or self.store.read_only:
            row.run_id = None  # there is no such run
        if known is not None and not outcome.is_counted:
            self._count(known[0], outcome)
            self._tell_failure(known, outcome)
        if outcome.unstored:
            self._unstored[outcome.unstored] += 1
        if known is not None:
            self._note_failure(row, known[0])
        self._note(row, outcome.outcome, outcome.seconds or 0.0)

    def _store(self, known: tuple[CallKey, Wanted], outcome: Outcome) -> str:
        key, wanted = known
        assert outcome.value is not None
        try:
            result = pickle.loads(outcome.value)
        except Exception as error:  # noqa: BLE001 - what a class of the user's raises
            return f"its results cannot be unpickled here ({error})"
        call = self.study.arguments(wanted.combination, wanted.rows)
        noted = TOLD if outcome.is_recorded else UNTOLD
        made = self.study, self.store, key, call, result, outcome.seconds or 0.0, noted
        with self.study.tracked():
            if outcome.unstored:
                record_result(*made)
                return ""
            refused = store_result(*made)
        return "" if refused is None else UNSTORED.get(refused, str(refused))

    def _tell_failure(self, known: tuple[CallKey, Wanted], outcome: Outcome) -> None:
        """Have a failure recorded that was met past the cached function."""
        if outcome.failure is None or outcome.is_recorded or self.store.read_only:
            return
        key, wanted = known
        call = self.study.arguments(wanted.combination, wanted.rows)
        with self.study.tracked():
            seconds = outcome.seconds or 0.0
            tell_failure(self.study, self.store, key, call, outcome.failure, seconds)

    def _count(self, key: CallKey, outcome: Outcome) -> None:
        """Count a call that left nothing to store, as it would have been here."""
        function = self.study.function
        reason = miss.reason_of_miss(self.store, function.identity, key, Missing(None))
        function._count(reason, key, outcome.seconds or 0.0)

    def _note(self, row: Row, outcome: str, seconds: float = 0.0) -> None:
        with self._guard:
            row.outcome = outcome
            self.progress.add(outcome, seconds)

    def _note_failure(self, row: Row, key: CallKey) -> None:
        call = self._call_of(key)
        if row.failure is None:
            self._passed.append(call)
            return
        names = self.study.strategy, self.study.function.identity
        # At once: whoever is killed leaves what is known so far.
        failed = FailedCall(call, *names, dict(row.parameters), row.failure)
        record_failures(self.store, [failed], [call])

    def _call_of(self, key: CallKey) -> Call:
        return call_of(self.study.strategy, self.study.function.identity, key)

    def _run_id(self, digest: bytes) -> str | None:
        if not isinstance(self.study.function, CachedBacktest):
            return None
        return run_id_of(self.study.strategy, digest)

    # -- the end ---------------------------------------------------------------------

    def close(self) -> None:
        """Take off what has passed since it failed, also where the study ends early."""
        passed, self._passed = self._passed, []
        if passed:
            record_failures(self.store, [], passed)

    def sum_up(self) -> None:
        """Say how it went."""
        self._add_seconds()
        told = self.progress.told()
        notices.say(logging.INFO, "study of %s: %s", self.study.strategy, told)
        for why, count in self._unstored.items():
            notices.warn_once(
                ("study_unstored", self.study.strategy, why),
                f"{count:,} results of the study of {self.study.strategy} are not stored, since "
                f"{why}; they are computed again at the next call",
            )
        failed = self.progress.counts[FAILED]
        if failed:
            kinds = Counter(row.failure.type for row in self.rows.values() if row.failure)
            named = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(3))
            what = "combinations" if self.study.windows == 1 else "folds"
            first = next(row.failure for row in self.rows.values() if row.failure)
            warn(
                f"{failed:,} of {self.progress.done:,} {what} of {self.study.strategy} "
                f"failed ({named}); the first: {first}. failed_runs() has the tracebacks, and the "
                "same call tries them again",
                4,
            )

    def _add_seconds(self) -> None:
        """What the hits took when they were computed, as far as it is recorded."""
        rows = [one for one in self.rows.values() if one.seconds is None and one.run_id]
        ids = [one.run_id for one in rows]
        book, seconds = book_of(self.store), dict[str, float]()
        try:
            for start in range(0, len(ids), _AT_ONCE):
                some = tuple(ids[start : start + _AT_ONCE])
                marks = ",".join("?" * len(some))
                seconds |= dict(
                    book.read(f"SELECT id, seconds FROM run WHERE id IN ({marks})", some)
                )
        except FAULTS:
            return  # the records cannot be read, which they say themselves
        for row in rows:
            row.seconds = seconds.get(row.run_id or "")
