"""The blocks of a test in which cached calls are recorded, and held against what is expected."""

from __future__ import annotations

from types import TracebackType

import pytest

from pytest_afml.calls import Calls
from pytest_afml.judge import judge
from pytest_afml.limits import Limits
from pytest_afml.wording import broken_expectation


class Record:
    """Records the cached calls of a ``with`` block; what ``afml_cache.record()`` returns."""

    def __init__(self) -> None:
        self.calls = Calls()

    def __enter__(self) -> Calls:
        from afml_cache import watch_calls

        self.calls = Calls()  # anew, should the block be entered again
        self._watch = watch_calls(self.calls.append, explain=True)
        return self.calls

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.close()


class Expect(Record):
    """As :class:`Record`, and the block fails unless its calls keep within limits.

    A class, not a generator: so the failure is shown at the ``with`` line of the test.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        super().__exit__(kind, error, trace)
        why = why_broken(self.calls, self._limits)
        if why is None:
            return
        if error is None:
            raise AssertionError(why)
        explain(error, why)


def why_broken(calls: Calls, limits: Limits) -> str | None:
    """Which limits the calls break, and why, in words; None: none."""
    broken = judge(calls, limits)
    return broken_expectation(broken, calls, limits) if broken else None


def explain(error: BaseException, why: str) -> None:
    """Note on a failure of the user's own what became of the cached calls before it."""
    if isinstance(error, Exception | pytest.fail.Exception):
        error.add_note(f"afml_cache: up to here, {why}")
