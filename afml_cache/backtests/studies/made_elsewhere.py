"""A result that was made past the cache is stored, counted and recorded as if it had not been.

Who records runs is told before a call, where it is made, or else together with its result.
"""

from __future__ import annotations

from typing import Any

from afml_cache import miss, notices
from afml_cache.backtests.studies.outcome import Failure
from afml_cache.backtests.studies.study import CallArguments, Study
from afml_cache.keys.call import CallKey
from afml_cache.keys.origin import origin_of
from afml_cache.outcomes import Outcome, Reason
from afml_cache.store.store import Missing, Store
from afml_cache.watching import watchers

#: A run that nobody has been told of, and one of which everything has been told.
UNTOLD, TOLD = object(), object()


def begin_run(study: Study, key: CallKey, call: CallArguments) -> object:
    """Tell who records runs that a call is about to be made; gives what is noted of it."""
    function = study.function
    if function._recorder is None:
        return TOLD
    values = function._counted_arguments(*function._as_called(*call))
    return function._recorder.before(function, key, values)


def run_is_over(study: Study, noted: object) -> None:
    """Tell that the function has ended, with whatever."""
    recorder = study.function._recorder
    if recorder is not None and noted is not UNTOLD and noted is not TOLD:
        recorder.over(noted)


def end_run(study: Study, store: Store, noted: object, result: object, seconds: float) -> None:
    """Tell what a call has returned."""
    recorder = study.function._recorder
    if recorder is not None and noted is not TOLD:
        recorder.ran(store, noted, result, seconds)
        recorder.landed(noted)


def fail_run(
    study: Study, store: Store, noted: object, error: BaseException, seconds: float
) -> None:
    """Tell that a call has raised."""
    recorder = study.function._recorder
    if recorder is not None and noted is not TOLD:
        recorder.raised(store, noted, error, seconds)
        recorder.landed(noted)


def record_result(
    study: Study,
    store: Store,
    key: CallKey,
    call: CallArguments,
    result: Any,
    seconds: float,
    noted: object = UNTOLD,
) -> None:
    """Count and record what a call has returned elsewhere that cannot be stored.

    A function that changes its arguments leaves nothing to look up, but a run and a trial.
    """
    noted = begin_run(study, key, call) if noted is UNTOLD else noted
    study.function._count(Reason.ARGUMENT_MUTATED, key, seconds)
    end_run(study, store, noted, result, seconds)


def store_result(
    study: Study,
    store: Store,
    key: CallKey,
    call: CallArguments,
    result: Any,
    seconds: float,
    noted: object = UNTOLD,
) -> Reason | None:
    """Store what a call has returned elsewhere, as if it had been made here.

    ``noted`` is what was noted when it began, or `TOLD` of a run that is recorded already.

    Returns
    -------
    Reason or None
        Why it was not stored; None when it was.
    """
    function = study.function
    values = function._counted_arguments(*function._as_called(*call))
    noted = begin_run(study, key, call) if noted is UNTOLD else noted
    missed = miss.reason_of_miss(store, function.identity, key, Missing(None))
    refused = miss.keep(
        store,
        function.identity,
        key,
        values,
        miss.attributes_before(values),
        result,
        origin=origin_of(function._wrapped),
        missed=missed,
        seconds=seconds,
        ttl=function._options.ttl,
        dates=function._options.dates,
    )
    if refused is not None:
        function._count(refused, key, seconds)
    elif watchers or notices.audible():  # the store has counted it together with the entry
        told = function.identity, Outcome.COMPUTED, missed, key
        miss.tell_outcome(*told, seconds=seconds)
    end_run(study, store, noted, result, seconds)
    return refused


def tell_failure(
    study: Study, store: Store, key: CallKey, call: CallArguments, failure: Failure, seconds: float
) -> None:
    """Tell who records the runs of a call that has raised elsewhere, as if it had raised here."""
    # The exception itself may be of a class that only its worker knows.
    error = type(failure.type.rpartition(".")[2], (Exception,), {})(failure.message)
    error.add_note(failure.traceback)
    noted = begin_run(study, key, call)
    run_is_over(study, noted)
    fail_run(study, store, noted, error, seconds)
