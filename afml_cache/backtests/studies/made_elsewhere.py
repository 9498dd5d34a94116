"""A result that was made past the cache is stored, counted and recorded as if it had not been."""

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


def record_result(
    study: Study, store: Store, key: CallKey, call: CallArguments, result: Any, seconds: float
) -> None:
    """Count and record what a call has returned elsewhere that cannot be stored.

    A function that changes its arguments leaves nothing to look up, but a run and a trial.
    """
    function = study.function
    values = function._counted_arguments(*function._as_called(*call))
    recorder = function._recorder
    noted = None if recorder is None else recorder.before(function, key, values)
    function._count(Reason.ARGUMENT_MUTATED, key, seconds)
    if recorder is not None:
        recorder.ran(store, noted, result, seconds)


def store_result(
    study: Study, store: Store, key: CallKey, call: CallArguments, result: Any, seconds: float
) -> Reason | None:
    """Store what a call has returned elsewhere, as if it had been made here.

    Returns
    -------
    Reason or None
        Why it was not stored; None when it was.
    """
    function = study.function
    values = function._counted_arguments(*function._as_called(*call))
    recorder = function._recorder
    noted = None if recorder is None else recorder.before(function, key, values)
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
    if recorder is not None:
        recorder.ran(store, noted, result, seconds)
        recorder.landed(noted)
    return refused


def tell_failure(
    study: Study, store: Store, key: CallKey, call: CallArguments, failure: Failure, seconds: float
) -> None:
    """Tell who records the runs of a call that has raised elsewhere, as if it had raised here."""
    function = study.function
    recorder = function._recorder
    if recorder is None:
        return
    values = function._counted_arguments(*function._as_called(*call))
    # The exception itself may be of a class that only its worker knows.
    error = type(failure.type.rpartition(".")[2], (Exception,), {})(failure.message)
    error.add_note(failure.traceback)
    noted = recorder.before(function, key, values)
    recorder.over(noted)
    recorder.raised(store, noted, error, seconds)
    recorder.landed(noted)
