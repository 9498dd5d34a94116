"""One call of a study, made wherever a worker is."""

from __future__ import annotations

import os
import platform
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

from afml_cache import settings
from afml_cache.backtests.studies.copies import Copies, copied_combination
from afml_cache.backtests.studies.made_elsewhere import (
    UNTOLD,
    begin_run,
    end_run,
    fail_run,
    run_is_over,
    store_result,
)
from afml_cache.backtests.studies.outcome import (
    COMPUTED,
    FAILED,
    HIT,
    Outcome,
    Task,
    failure_of,
    read_result,
)
from afml_cache.backtests.studies.payload import (
    Payload,
    Sent,
    combination_of,
    has_changed,
    pickled,
    unpack,
)
from afml_cache.backtests.studies.place import taken
from afml_cache.backtests.studies.study import CallArguments, Study
from afml_cache.errors import CacheWarning, ConfigurationError, UnkeyableArgumentError
from afml_cache.keys.call import CallKey
from afml_cache.keys.code import Fingerprint
from afml_cache.main_module import MAIN_NAMES, main_name
from afml_cache.outcomes import Outcome as CallOutcome
from afml_cache.outcomes import Reason
from afml_cache.store.active import active
from afml_cache.store.codec import encode
from afml_cache.store.store import Store
from afml_cache.watching import WatchCalls, WatchedCall

#: Why a computed result is not stored, in words.
UNSTORED = {
    Reason.ARGUMENT_MUTATED: "the function changes its arguments (let it work on data.copy())",
    Reason.RESULT_UNPICKLABLE: "its results cannot be pickled",
    Reason.SOURCE_CHANGED: "its source was edited since it was imported",
    Reason.STORE_UNAVAILABLE: "the store cannot be used",
    Reason.UNKEYABLE: "an argument has no key",
}
#: How often a worker looks whether its caller is still there, in seconds.
_LOOK_EVERY = 0.25


def work_here(copies: Copies, task: Task) -> Outcome:
    """Make a call in the caller's own process, through the cached function."""
    with _reporting(task, "caller") as outcome, copies.tracked():
        study = copies.lend()
        args, kwargs = study.arguments(copied_combination(task.combination), task.rows)
        if task.anew:  # what is stored stays until the new result is there
            key = _key(study, args, kwargs)
            store = None if key is None or settings.current.mode != "on" else active()
            _call_bare(study, task, outcome, (args, kwargs), key, store)
        else:
            _call_cached(study, task, outcome, args, kwargs)
    copies.take_back(outcome)
    return outcome


def work(payload: Payload, task: Task) -> Outcome:
    """Make a call in a worker.

    Where the worker sees the caller's store, and would store the call under the key that the
    caller has, it does. Else it computes, and hands the result back.
    """
    try:
        # Without a key there is no telling whether a function has changed the data it shares.
        sent = unpack(payload, again=task.key is None)
    except Exception as error:  # whatever is not there: a module, a package
        raise CannotLoadError(
            f"{_me()} cannot load the study ({type(error).__name__}: {error}); see that what it "
            "imports is installed there"
        ) from error
    _end_with(sent.place.pid)
    with (
        _reporting(task, "worker") as outcome,
        taken(sent.place) as store,
        sent.study.tracked(),
    ):
        combination = combination_of(task)
        args, kwargs = sent.study.arguments(combination, task.rows)
        key = _key(sent.study, args, kwargs)
        if task.key is None:
            _check_code(sent, sent.own, sent.study.function.fingerprint(), task.edited)
        elif key is None or key.digest != task.key or key.fingerprint.edited:
            if has_changed(payload):  # by the function that was called before
                sent = unpack(payload, again=True)
                args, kwargs = sent.study.arguments(combination, task.rows)
                key = _key(sent.study, args, kwargs)
            mine = sent.study.function.fingerprint() if key is None else key.fingerprint
            _check_code(sent, task.fingerprint or sent.fingerprint, mine)
        if key is None or key.digest != task.key:
            store = None  # it would be another entry
        if store is None or task.anew or _is_there_alone(sent.study, store, key):
            _call_bare(sent.study, task, outcome, (args, kwargs), key, store)
        else:
            _call_cached(sent.study, task, outcome, args, kwargs)
    return outcome


#: Whether a run of a study is being made, and where: a study within it is quiet, and within a
#: worker makes its calls there. Elsewhere it might wait for workers that wait for it.
within: ContextVar[Literal["", "caller", "worker"]] = ContextVar("afml_cache_study", default="")


@contextmanager
def _reporting(task: Task, where: Literal["caller", "worker"]) -> Iterator[Outcome]:
    """An exception ends this call only."""
    outcome = Outcome(task.number, COMPUTED, key=task.key)
    started = time.perf_counter()
    before = within.get()
    within.set("worker" if before == "worker" else where)
    try:
        yield outcome
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - it is recorded; sys.exit() ends a run, too
        outcome.outcome, outcome.failure = FAILED, failure_of(error)
        outcome.has_other_code = isinstance(error, OtherCodeError)
        outcome.seconds = time.perf_counter() - started
    finally:
        within.set(before)


def _call_cached(study: Study, task: Task, outcome: Outcome, args: Any, kwargs: Any) -> None:
    function, told = study.function, list[WatchedCall]()
    wanted = {None, None if task.key is None else task.key.hex()}

    def note(call: WatchedCall) -> None:
        if call.function == function.identity and call.key in wanted:
            told.append(call)

    started = time.perf_counter()
    with WatchCalls(note, explain=False):
        result = function(*args, **kwargs)
    outcome.seconds = time.perf_counter() - started
    if told:
        call = told[-1]
        outcome.seconds = call.seconds or outcome.seconds
        if call.outcome is not CallOutcome.COMPUTED:
            outcome.outcome, outcome.seconds = HIT, call.seconds or None
        elif call.reason is not None:
            outcome.unstored = UNSTORED.get(call.reason, "")
        # A result that is stored has been held against its key once more.
        is_stored = call.key is not None and not outcome.unstored and not active().read_only
        outcome.left_alone = outcome.outcome == HIT or is_stored
    outcome.metrics, outcome.equity = read_result(study, result)


def _is_there_alone(study: Study, store: Store, key: CallKey | None) -> bool:
    """Whether a result may be of a class that only the caller can store, and is to be made.

    A class of the caller's program is pickled by its name there, and has none in a worker.
    """
    is_sent_along = study.function.__module__ in MAIN_NAMES
    return is_sent_along and key is not None and not store.contains(key.digest)


def _call_bare(
    study: Study,
    task: Task,
    outcome: Outcome,
    call: CallArguments,
    key: CallKey | None,
    store: Store | None,
) -> None:
    """Make a call past the cache; store its result where that can be done here, or hand it back."""
    outcome.is_counted = False
    args, kwargs = study.function._as_called(*call)
    # Before it runs, as for any call: what it logs itself may be of its own run.
    noted = UNTOLD
    if store is not None and key is not None and task.key is not None:
        noted = begin_run(study, key, call)
    started = time.perf_counter()
    try:
        result = study.function.__wrapped__(*args, **kwargs)
    except BaseException as error:
        run_is_over(study, noted)
        if store is not None and noted is not UNTOLD:
            fail_run(study, store, noted, error, time.perf_counter() - started)
            outcome.is_recorded = True
        raise
    outcome.seconds = time.perf_counter() - started
    run_is_over(study, noted)
    outcome.metrics, outcome.equity = read_result(study, result)
    if task.key is None:
        return
    after = _key(study, args, kwargs)
    outcome.left_alone = key is not None and after is not None and after.arguments == key.arguments
    if key is not None and not outcome.left_alone:
        outcome.unstored = UNSTORED[Reason.ARGUMENT_MUTATED]
    elif store is not None and key is not None and _can_be_stored(result):
        refused = store_result(study, store, key, call, result, outcome.seconds, noted)
        outcome.unstored = "" if refused is None else UNSTORED.get(refused, str(refused))
        outcome.is_counted = True
        return
    if store is not None and noted is not UNTOLD:
        end_run(study, store, noted, result, outcome.seconds)
        outcome.is_recorded = True
    try:
        outcome.value = pickled(result)
    except Exception as error:  # noqa: BLE001 - a value's own pickling may raise anything
        why = f"{UNSTORED[Reason.RESULT_UNPICKLABLE]} ({error})"
        outcome.unstored = outcome.unstored or why


def _can_be_stored(result: object) -> bool:
    try:
        encode(result)
    except Exception:  # noqa: BLE001 - a value's own pickling may raise anything
        return False
    return True


def _key(study: Study, args: Any, kwargs: Any) -> CallKey | None:
    function = study.function
    try:
        return function._key_of(function._counted_arguments(*function._as_called(args, kwargs)))
    except UnkeyableArgumentError:
        return None


# -- code that differs -------------------------------------------------------------------


class CannotLoadError(ConfigurationError):
    """A worker cannot load the study: what it imports is not there, or not as the caller has it."""


class OtherCodeError(Exception):
    """A worker has other code than the caller, or other versions of packages."""


_OURS = (
    "It was just started, and has what is on the disk: reload what was edited in the calling "
    "program (importlib.reload), or restart that"
)
_OTHERS = (
    "Install the same on all workers and restart them, and restart the calling program if its own "
    "files were edited"
)


def _check_code(
    sent: Sent, caller: Fingerprint, mine: Fingerprint, edited: tuple[str, ...] = ()
) -> None:
    """See that the worker's code is the caller's; functions that were sent along are."""
    differing = differences(caller, mine, sent.by_value)
    for path in sorted({*edited, *mine.edited} - {sent.program}):
        differing.append(f"{path} as it was imported (it was edited since)")
    if differing:
        raise OtherCodeError(
            f"{_me()} does not have what the caller has: {'; '.join(differing)}. Nothing was "
            f"computed. {_OURS if os.getppid() == sent.place.pid else _OTHERS}"
        )


def differences(caller: Fingerprint, mine: Fingerprint, by_value: tuple[str, ...]) -> list[str]:
    """What a worker has otherwise than the caller, a phrase each."""
    # What is said to be of this worker's own program came with the call, too.
    sent_along = tuple(f"{module}." for module in (*by_value, main_name()))
    differing = [
        f"the code of {name}"
        for name in sorted(caller.parts.keys() | mine.parts.keys())
        if caller.parts.get(name) != mine.parts.get(name)
        and not (name.startswith(sent_along) or "<locals>" in name)
    ]
    # What only the worker names is no difference: a class that came along can look as if it were
    # of the package that runs the worker.
    differing += [
        f"{name} {version} (the worker: {mine.packages.get(name, '(none)')})"
        for name, version in sorted(caller.packages.items())
        if mine.packages.get(name) != version
    ]
    return differing


def _me() -> str:
    return f"the worker on {platform.node()}, process {os.getpid()},"


# -- a caller that is gone ---------------------------------------------------------------

_watching = False


def _end_with(caller: int) -> None:
    """End this process when its caller is gone, if it is a child of the caller."""
    global _watching
    if _watching or os.getppid() != caller:
        return
    _watching = True
    # The caller says so once, of all results; here it would be of a line of joblib's.
    warnings.filterwarnings("ignore", r".* changed its argument", CacheWarning)

    def watch() -> None:
        while os.getppid() == caller:
            time.sleep(_LOOK_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="afml-caller").start()
