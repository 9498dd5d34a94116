"""Two recordings -> what has changed. Pure: neither pytest nor afml_cache, and no wording.

Tests that both recordings have are compared, so a part of the tests can be run. Within a test,
results are matched by function and arguments, so the order of calls does not count. Calls that one
side lacks are looked for in the other tests first: a fixture of a wider scope is set up in
whichever test comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pytest_afml.numbers import Counts
from pytest_afml.record.file import read_recording
from pytest_afml.record.recording import (
    CRASHED,
    Function,
    Recording,
    RecordingError,
    Result,
    total,
)

#: A test that was skipped has made no calls, or not all of them.
_SKIPPED = "skipped"

#: A rate that is lower by less than this is not lower.
_ROUNDING = 1e-9


class Failure(StrEnum):
    """What makes a comparison fail."""

    RESULTS = "results"  #: a result is another
    HIT_RATE = "hit_rate"  #: a function is served less often
    LOST = "lost"  #: a function is not called any more, and nothing explains it
    NOTHING = "nothing"  #: no result of the one is in the other, so nothing is proven


@dataclass(frozen=True, slots=True)
class ChangedResult:
    """Calls of one function in one test that gave something else.

    ``before`` and ``after`` have only what the other lacks; one of them may be empty.
    ``arguments`` is None where calls were made with other arguments, or had no digest of them.
    """

    test: str
    function: str
    arguments: str | None
    before: tuple[Result, ...]
    after: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Uncompared:
    """Results that have no digest."""

    test: str
    function: str
    why: str
    times: int


@dataclass(frozen=True, slots=True)
class ComparedFunction:
    """All calls of one function in the tests that were compared.

    ``compared`` and ``changed`` count different results. ``rate_fell`` says whether its hit rate
    fell by more than was allowed, and it ran more often for it; ``is_lost``, that it is gone and no
    other function is served more often for it.
    """

    name: str
    before: Counts
    after: Counts
    hit_seconds: tuple[float, float]
    compared: int
    changed: int
    rate_fell: bool
    is_lost: bool = False

    @property
    def is_gone(self) -> bool:
        """It was called, and is not any more (or not by this name, or not cached)."""
        return self.after.calls == 0

    @property
    def is_new(self) -> bool:
        """It was not called before."""
        return self.before.calls == 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed between two recordings.

    Attributes
    ----------
    functions : tuple of ComparedFunction
        By name.
    changed : tuple of ChangedResult
    uncompared : tuple of Uncompared
    tests : int
        How many were compared.
    new_tests, missing_tests : tuple of str
        Those that only the later, and only the earlier recording has.
    crashed_tests : tuple of str
        Those whose worker died in one of the two, which are not compared.
    outcomes : tuple of (test, before, after)
        Tests that ended in another way.
    modes : tuple of str
        Of both recordings; hit rates are judged only if they are the same.
    judges_rates : bool
        Whether hit rates were judged: the modes are the same, and no test with calls is missing.
    versions : tuple of (package, before, after)
        Packages that have another version; "" where there was none.
    """

    functions: tuple[ComparedFunction, ...]
    changed: tuple[ChangedResult, ...]
    uncompared: tuple[Uncompared, ...]
    tests: int
    new_tests: tuple[str, ...]
    missing_tests: tuple[str, ...]
    crashed_tests: tuple[str, ...]
    outcomes: tuple[tuple[str, str, str], ...]
    modes: tuple[str, str]
    judges_rates: bool
    versions: tuple[tuple[str, str, str], ...]

    @property
    def compared(self) -> int:
        """How many different results were compared."""
        return sum(function.compared for function in self.functions)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What matters; empty: nothing has changed that does."""
        found = [Failure.RESULTS] if self.changed else []
        found += [Failure.LOST] if any(one.is_lost for one in self.functions) else []
        found += [Failure.HIT_RATE] if any(one.rate_fell for one in self.functions) else []
        found += [Failure.NOTHING] if self.compared == 0 and not self.changed else []
        return tuple(found)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "failures": [str(failure) for failure in self.failures]}


def compare_files(before: str | Path, after: str | Path, tolerance: float = 0.0) -> Comparison:
    """Read two recordings and compare them; as :func:`compare`.

    Raises
    ------
    RecordingError
        A file cannot be read, is no recording, or they cannot be compared.
    """
    return compare(read_recording(before), read_recording(after), tolerance)


def compare(before: Recording, after: Recording, tolerance: float = 0.0) -> Comparison:
    """What has changed from one recording to a later one.

    Parameters
    ----------
    before, after : Recording
    tolerance : float
        By how much the hit rate of a function may fall, as a share: 0.05 allows 50 % to be 45 %.

    Raises
    ------
    RecordingError
        Their digests are of two formats.
    """
    if before.digest_format != after.digest_format:
        raise RecordingError(
            f"its digests have format {before.digest_format}, those of this version "
            f"{after.digest_format}, so they cannot be compared; record again"
        )
    both = [name for name in sorted(after.tests) if name in before.tests]
    crashed = tuple(
        name for name in both if CRASHED in (before.tests[name].outcome, after.tests[name].outcome)
    )
    skipped = {name for name in both if _SKIPPED in (_outcome(before, name), _outcome(after, name))}
    tests = [name for name in both if name not in crashed and name not in skipped]
    names = sorted(
        {name for one in tests for name in (*before.tests[one].functions, *_of(after, one))}
    )
    # Where a cache serves several tests, a part of them, or workers, are served less often.
    judges_rates = before.mode == after.mode and not any(
        before.tests[name].functions for name in before.tests.keys() - after.tests.keys()
    )
    functions: list[ComparedFunction] = []
    changed: list[ChangedResult] = []
    for name in names:
        matched = _Matching(before, after, tests, name)
        changed += matched.changed
        functions.append(
            _compared(before, after, tests, matched, tolerance if judges_rates else None)
        )
    return Comparison(
        functions=tuple(functions),
        changed=tuple(sorted(changed, key=lambda one: (one.test, one.function))),
        uncompared=tuple(_uncompared(after, tests)),
        tests=len(tests),
        new_tests=tuple(sorted(after.tests.keys() - before.tests.keys())),
        missing_tests=tuple(sorted(before.tests.keys() - after.tests.keys())),
        crashed_tests=crashed,
        outcomes=tuple(
            (name, before.tests[name].outcome, after.tests[name].outcome)
            for name in both
            if name not in crashed and _outcome(before, name) != _outcome(after, name)
        ),
        modes=(before.mode, after.mode),
        judges_rates=judges_rates,
        versions=tuple(
            (name, before.versions.get(name, ""), after.versions.get(name, ""))
            for name in sorted(before.versions.keys() | after.versions.keys())
            if before.versions.get(name) != after.versions.get(name)
        ),
    )


def _outcome(recording: Recording, test: str) -> str:
    return recording.tests[test].outcome


def _of(recording: Recording, test: str) -> Mapping[str, Function]:
    return recording.tests[test].functions


def _compared(
    before: Recording,
    after: Recording,
    tests: Iterable[str],
    matched: _Matching,
    tolerance: float | None,
) -> ComparedFunction:
    name = matched.function
    old, new = (
        total(_of(recording, test)[name] for test in tests if name in _of(recording, test))
        for recording in (before, after)
    )
    rates = old.counts.hit_rate, new.counts.hit_rate
    return ComparedFunction(
        name=name,
        before=old.counts,
        after=new.counts,
        hit_seconds=(old.hit_seconds, new.hit_seconds),
        compared=matched.compared,
        changed=sum(max(len(one.before), len(one.after)) for one in matched.changed),
        rate_fell=(
            tolerance is not None
            # Served further out, a function is called less often, and those were its hits.
            and new.counts.computed > old.counts.computed
            and rates[0] is not None
            and rates[1] is not None
            and rates[1] < rates[0] - tolerance - _ROUNDING
        ),
        is_lost=_is_lost(before, after, tests, name),
    )


def _is_lost(before: Recording, after: Recording, tests: Iterable[str], name: str) -> bool:
    """Whether a function is not called any more, though nothing that called it can be served now.

    Its decorator is gone, or it has another name: either way, nothing is known of its results.
    """
    if any(name in test.functions for test in after.tests.values()):
        return False
    return any(
        name in _of(before, test)
        and not any(
            now.counts.served > (was.counts.served if was is not None else 0)
            for other, now in _of(after, test).items()
            for was in [_of(before, test).get(other)]
        )
        for test in tests
    )


def _uncompared(recording: Recording, tests: Iterable[str]) -> Iterator[Uncompared]:
    for test in tests:
        for name, function in sorted(_of(recording, test).items()):
            for result, times in function.results.items():
                if not result.is_comparable:
                    yield Uncompared(test, name, result.undigested, times)


#: The results of a function, each with how often it was given, by the digest of its arguments.
_ByArguments = dict[str | None, dict[Result, int]]


class _Matching:
    """The results of one function, matched between two recordings."""

    def __init__(
        self, before: Recording, after: Recording, tests: Iterable[str], function: str
    ) -> None:
        self.function = function
        self.changed: list[ChangedResult] = []
        self.compared = 0
        anywhere_before, anywhere_after = _anywhere(before, function), _anywhere(after, function)
        for test in tests:
            old, new = _results(before, test, function), _results(after, test, function)
            for arguments in [one for one in old if one in new]:
                was, now = old.pop(arguments), new.pop(arguments)
                # Without their digests, there is no telling which of the calls are not made.
                fewer = arguments is None and sum(now.values()) < sum(was.values())
                self._match(test, arguments, was, now, may_lack=fewer)
            # What another test had of these arguments: a fixture of a wider scope has moved.
            for arguments in [one for one in new if one is not None and one in anywhere_before]:
                was, now = anywhere_before[arguments], new.pop(arguments)
                self._match(test, arguments, was, now, may_lack=True)
            for arguments in [one for one in old if one is not None and one in anywhere_after]:
                del old[arguments]
            # Calls with other arguments, by what they gave; calls that were only added, or are
            # not made any more, are no other results.
            if old and new:
                self._match(test, None, _flat(old), _flat(new), may_lack=False)

    def _match(
        self,
        test: str,
        arguments: str | None,
        old: Mapping[Result, int],
        new: Mapping[Result, int],
        *,
        may_lack: bool,
    ) -> None:
        was, now = {one.value for one in old}, {one.value for one in new}
        self.compared += len({one.value for one in new if one.is_comparable})
        appeared, vanished = now - was, set() if may_lack and now <= was else was - now
        if appeared or vanished:
            found = (_with(old, vanished), _with(new, appeared))
            self.changed.append(ChangedResult(test, self.function, arguments, *found))


def _results(recording: Recording, test: str, function: str) -> _ByArguments:
    found: _ByArguments = {}
    calls = _of(recording, test).get(function)
    for result, times in (calls.results if calls is not None else {}).items():
        found.setdefault(result.arguments, {})[result] = times
    return found


def _anywhere(recording: Recording, function: str) -> _ByArguments:
    """What a function gave in any test."""
    found: _ByArguments = {}
    for test in recording.tests:
        for arguments, results in _results(recording, test, function).items():
            found.setdefault(arguments, {}).update(results)
    return found


def _flat(results: _ByArguments) -> dict[Result, int]:
    return {one: times for some in results.values() for one, times in some.items()}


def _with(results: Iterable[Result], values: set[tuple[str, str]]) -> tuple[Result, ...]:
    chosen = (one for one in results if one.value in values)
    return tuple(sorted(chosen, key=lambda one: one.order))
