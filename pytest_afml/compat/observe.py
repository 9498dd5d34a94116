"""What one call did: its result or exception, its warnings, how often the body ran, and why."""

from __future__ import annotations

import asyncio
import inspect
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_afml.compat.bodies import Function, code_of, is_cached
from pytest_afml.compat.cases import Args
from pytest_afml.limits import identity

if TYPE_CHECKING:
    from afml_cache import WatchedCall

#: How joblib's one warning of a common category begins.
_JOBLIBS = "Persisting input arguments took"

_ENTERED_AGAIN = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE


class Warned(NamedTuple):
    """A warning: ``module.qualname`` of its class, which may share its name, and its text."""

    category: str
    text: str

    @property
    def name(self) -> str:
        """The name of the class alone."""
        return self.category.rpartition(".")[2]


@dataclass
class Observed:
    """What a call did; ``runs`` is None where the body is not written in Python."""

    arguments: Args  #: as the call left them
    result: Any = None
    error: Exception | SystemExit | None = None
    warnings: list[Warned] = field(default_factory=list)
    runs: int | None = None
    call: WatchedCall | None = None  #: what the cache itself says of it
    named: dict[str, Any] = field(default_factory=dict)  #: the arguments by their names


def observe(function: Function, arguments: Args) -> Observed:
    """Call a function with copies of the arguments, and see what it does.

    Coroutines are awaited in a loop of their own. joblib's own warnings are none of the call's.
    """
    from afml_cache import forget_causes, watch_calls

    seen = Observed(arguments.copied())
    seen.named = _named(function, seen.arguments)
    name = identity(function) if is_cached(function) else None
    calls: list[WatchedCall] = []
    forget_causes()  # what is told once a process is told in each call
    with (
        watch_calls(calls.append, explain=True),
        warnings.catch_warnings(record=True) as caught,
        _counted(code_of(function)) as runs,
    ):
        warnings.simplefilter("always")
        try:
            seen.result = _finished(function(*seen.arguments.args, **seen.arguments.kwargs))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is what is observed
            seen.error = error
    seen.warnings = [_warned(one) for one in caught if not _is_joblibs(one)]
    seen.runs = None if runs is None else len(runs)
    of_function = [call for call in calls if call.function == name]
    seen.call = of_function[-1] if of_function else None  # of calls within calls, the outermost
    return seen


def _warned(warning: warnings.WarningMessage) -> Warned:
    category = warning.category
    return Warned(f"{category.__module__}.{category.__qualname__}", str(warning.message))


def _named(function: Function, arguments: Args) -> dict[str, Any]:
    try:
        bound = inspect.signature(function).bind(*arguments.args, **arguments.kwargs)
    except (TypeError, ValueError):  # it cannot be called like this, or does not say how
        positional = {str(number): value for number, value in enumerate(arguments.args)}
        return {**positional, **arguments.kwargs}
    return dict(bound.arguments)


def _finished(result: Any) -> Any:
    if not inspect.iscoroutine(result):
        return result
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(result)
    result.close()
    raise _LoopRunsError(
        "afml_compat awaits coroutines in a loop of its own, and one is running here already; "
        "make the test a plain function"
    )


class _LoopRunsError(BaseException):
    """The test's mistake; no exception of the observed function."""


@contextmanager
def _counted(code: CodeType | None) -> Iterator[list[FrameType | None] | None]:
    """The runs of a function's code in this thread, whoever calls it."""
    if code is None:
        yield None
        return
    runs: list[FrameType | None] = []
    # A coroutine's frame is entered again after each await; others are not kept.
    is_entered_again = bool(code.co_flags & _ENTERED_AGAIN)
    before = sys.getprofile()
    profiler: Any = before
    is_of_c = before is not None and not callable(before)  # cProfile's, before 3.12
    if is_of_c and not hasattr(profiler, "enable"):
        yield None  # there is no way to put it back
        return

    def profile(frame: FrameType, event: Any, argument: object) -> None:
        if event == "call" and frame.f_code is code and (not is_entered_again or frame not in runs):
            runs.append(frame if is_entered_again else None)
        if before is not None and not is_of_c:
            before(frame, event, argument)

    if is_of_c:
        profiler.disable()
    sys.setprofile(profile)
    try:
        yield runs
    finally:
        sys.setprofile(None if is_of_c else before)
        if is_of_c:
            profiler.enable()


def _is_joblibs(warning: warnings.WarningMessage) -> bool:
    """By what it says: where a warning of the body's stands depends on its ``stacklevel``."""
    module = warning.category.__module__
    return module.startswith("joblib") or str(warning.message).startswith(_JOBLIBS)
