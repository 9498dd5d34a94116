"""Which calls are checked again: so many of every function, for so many seconds.

A call is chosen as it begins, and its arguments are copied then, before the function can change
them. It is checked when the test has made its calls, before its fixtures are torn down.
"""

from __future__ import annotations

import copy
import inspect
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_afml.recheck.check import UNCHECKED, Args, Rechecked, check, unchecked
from pytest_afml.recheck.options import Asked

if TYPE_CHECKING:
    from afml_cache import CachedFunction, CallResult

#: Running a body again, twice, and timing its hits takes so many times what it took once.
TIMES = 2

#: A call that cannot be checked leaves its place to a later one of the function, so many times.
TRIES = 10

#: A body that is run again may take so many times what it took, and this many seconds more.
SLOWER, LONGER = 10, 5.0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A call that is to be checked."""

    function: CachedFunction[..., Any]
    arguments: Args
    told: CallResult
    seconds: float  #: that the body takes


class Chosen:
    """The calls of a process that are checked; safe in threads."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._guard = threading.Lock()
        self._counted: Counter[str] = Counter()
        self._tried: Counter[str] = Counter()
        self._kept: list[_Kept] = []
        self._left: list[Rechecked] = []
        self._spent = 0.0

    def begin(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[CallResult], object] | None:
        """Choose a call that begins; what it returns is told the result."""
        from afml_cache import CachedBacktest, CachedFunction

        if not isinstance(function, CachedFunction) or isinstance(function, CachedBacktest):
            return None
        with self._guard:
            if self._asked.calls is not None and (
                self._counted[function.identity] >= self._asked.calls
            ):
                return None
            self._counted[function.identity] += 1
        try:
            arguments = copy.deepcopy((args, kwargs))
        except Exception as error:  # noqa: BLE001 - whatever an argument does when it is copied
            why = f"its arguments cannot be copied ({type(error).__name__}: {error})"
            return lambda told: self._leave(function, told, why, lasting=True)
        return lambda told: self._keep(function, arguments, told)

    def run(self) -> str | None:
        """Check what was chosen since the last time; as JSON, None: nothing."""
        with self._guard:
            kept, self._kept = self._kept, []
        found = [self._check(one) for one in kept]
        for one, checked in zip(kept, found, strict=True):
            if checked.verdict == UNCHECKED:
                self._let_another_try(one.function)
        with self._guard:
            left, self._left = self._left, []
        found += left
        return json.dumps([one.plain() for one in found]) if found else None

    def _check(self, kept: _Kept) -> Rechecked:
        told = kept.told
        left = self._asked.seconds - self._spent
        if TIMES * kept.seconds > left:
            return unchecked(
                told, f"the {self._asked.seconds:g} seconds for rechecking were used up"
            )
        began = time.perf_counter()
        try:
            patience = min(left, SLOWER * kept.seconds + LONGER)
            return check(kept.function, kept.arguments, told, patience)
        except Exception as error:  # noqa: BLE001 - a check that fails must fail no test
            return unchecked(told, f"it could not be run again ({type(error).__name__}: {error})")
        finally:
            self._spent += time.perf_counter() - began

    def _keep(self, function: Any, arguments: Args, told: CallResult) -> None:
        if inspect.iscoroutinefunction(function.__wrapped__):
            self._leave(function, told, "it is async", lasting=True)
        elif told.raised is not None:
            self._leave(function, told, f"it raised {told.raised}")
        elif told.digest is None:
            self._leave(function, told, told.undigested or "its result has no digest", lasting=True)
        else:
            from afml_cache import seconds_to_compute

            # Now, while the store that has served it is the one in use.
            seconds = max(seconds_to_compute(told.call), told.call.seconds)
            with self._guard:
                self._kept.append(_Kept(function, arguments, told, seconds))

    def _leave(self, function: Any, told: CallResult, why: str, *, lasting: bool = False) -> None:
        with self._guard:
            self._left.append(unchecked(told, why, lasting=lasting))
        if not inspect.iscoroutinefunction(function.__wrapped__):  # no call of it would do
            self._let_another_try(function)

    def _let_another_try(self, function: CachedFunction[..., Any]) -> None:
        """Give the place of a call that could not be checked to a later one."""
        with self._guard:
            self._tried[function.identity] += 1
            if self._tried[function.identity] < TRIES:
                self._counted[function.identity] -= 1
