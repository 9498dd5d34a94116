"""What the fixture `afml_gate` hands to a test: one comparison of two arms, and its verdict."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import pytest

from pytest_afml.gates import table
from pytest_afml.gates.equal import difference
from pytest_afml.gates.limits import Limit, LimitError, Limits
from pytest_afml.gates.pairs import Arm, Enough, Rounds
from pytest_afml.gates.records import record
from pytest_afml.gates.verdict import Decision, Verdict


class GateWarning(UserWarning):
    """A gate is unsure."""


class _RefusedError(Exception):
    """Nothing is measured; raised where pytest-benchmark takes note that it has failed."""


class AfmlGate:
    """Compare two arms, and fail the test if the candidate is too slow. Called once a test.

    Parameters
    ----------
    test : str
        The test's node id.
    limits : callable
        Gives the project's limits.
    benchmark : BenchmarkFixture or None
        The fixture of pytest-benchmark; None where there is none.
    obstacle : str or None
        Why nothing can be measured here.
    """

    def __init__(
        self,
        test: str,
        limits: Callable[[], Limits],
        benchmark: Any,
        obstacle: str | None = None,
    ) -> None:
        self._test, self._limits, self._benchmark = test, limits, benchmark
        self._obstacle = obstacle
        self.record: dict[str, Any] | None = None  #: what became of it; None before it is called
        self.failure: str | None = None  #: what it has failed with; a test that catches it fails

    def __call__(
        self,
        name: str,
        *,
        candidate: Arm,
        baseline: Arm,
        same: Callable[[Any, Any], bool] | None = None,
    ) -> Verdict:
        """Hold ``candidate`` against ``baseline``.

        Parameters
        ----------
        name : str
            The gate's name under ``[tool.afml.gates]`` in pyproject.toml, where its limit is:
            the most that the candidate may take of the baseline's time.
        candidate, baseline : callable
            Called without arguments, some hundred times. Both have to return equal results, the
            first time and the last.
        same : callable, optional
            ``same(candidate's result, baseline's result)``: a comparison of your own.

        Returns
        -------
        Verdict
            PASS, or UNSURE after a :class:`GateWarning`.
        """
        __tracebackhide__ = True
        if self.record is not None:
            self._fail(table.SECOND)
        self.record = record(self._test, name, "error", "an arm raised")
        self.failure = table.no_verdict(name, "an arm raised")  # unless it comes to a verdict
        if self._obstacle is not None:
            self._refuse(self._obstacle, table.required(self._obstacle))
        wrong = _not_to_be_called(candidate, baseline, same)
        if wrong is not None:
            self._refuse(wrong, table.different(name, wrong))
        limit = self._limit(name)
        if isinstance(limit, str):
            self._refuse(limit, limit)
        from pytest_benchmark.fixture import FixtureAlreadyUsed  # else there is an obstacle

        rounds = Rounds(candidate, baseline, limit.limit, limit.effort)
        found = used = None
        try:
            verdict = self._measured(rounds, candidate, baseline, same, limit.effort.max_pairs)
        except _RefusedError as error:
            found = str(error)
        except FixtureAlreadyUsed:
            used = table.ALSO_BENCHMARK
        # Said here, so that the failure has no other one as its context.
        if found is not None:
            self.record["reason"] = "the arms' results differ"
            self._fail(table.different(name, found))
        if used is not None:
            self.record["reason"] = used
            self._fail(used)
        self.failure = None
        reason = table.doubt(verdict)
        self.record.update(
            record(self._test, name, verdict.decision.value, reason, verdict, rounds.loops)
        )
        if verdict.decision is Decision.FAIL:
            self._fail(table.failed(name, verdict))
        if verdict.decision is Decision.UNSURE:
            if limit.fail_if_unsure:
                self._fail(table.unsure(name, verdict))
            warnings.warn(table.unsure(name, verdict), GateWarning, stacklevel=2)
        return verdict

    def _limit(self, name: str) -> Limit | str:
        """The limit of a gate, or why it has none."""
        try:
            return self._limits().of(name)
        except LimitError as error:
            return str(error)

    def _refuse(self, reason: str, message: str) -> NoReturn:
        """Fail the test before anything is measured."""
        __tracebackhide__ = True
        assert self.record is not None
        self.record["reason"] = reason

        def refuse() -> None:
            raise _RefusedError

        if self._benchmark is not None:  # else it warns that it has not been used
            with suppress(_RefusedError):
                self._benchmark.pedantic(refuse)
        self._fail(message)

    def _fail(self, message: str) -> NoReturn:
        __tracebackhide__ = True
        self.failure = message
        pytest.fail(message)

    def _measured(
        self,
        rounds: Rounds,
        candidate: Arm,
        baseline: Arm,
        same: Callable[[Any, Any], bool] | None,
        max_pairs: int,
    ) -> Verdict:
        """The verdict; pytest-benchmark measures the candidate along."""
        benchmark = self._benchmark
        benchmark.extra_info["afml_gate"] = self.record
        compared = False

        def before() -> None:
            nonlocal compared
            rounds.begin()
            if not compared:  # inside of pytest-benchmark, so that it knows of a failure
                _compare(candidate(), baseline(), same)
                compared = True
            rounds.before()
            benchmark.stats.iterations = rounds.loops[0]  # its times are a call's, too

        try:
            benchmark.pedantic(
                rounds.run_candidate, setup=before, teardown=rounds.after, rounds=max_pairs
            )
        except Enough:
            pass
        finally:
            rounds.close()
        verdict = rounds.verdict()
        _compare(*rounds.results, same, f"after {verdict.pairs} pairs, ")
        return verdict


def _not_to_be_called(candidate: object, baseline: object, same: object) -> str | None:
    """Which argument is no function, in words."""
    for name, given in (("candidate", candidate), ("baseline", baseline)):
        if not callable(given):
            return table.no_function(name, given, "without arguments, as lambda: labels(prices)")
    if same is not None and not callable(same):
        return table.no_function("same", same, "of two results that returns True or False")
    return None


def _compare(
    ours: object, theirs: object, same: Callable[[Any, Any], bool] | None, when: str = ""
) -> None:
    if same is None:
        found = difference(ours, theirs)
        if found is not None:
            raise _RefusedError(when + found)
        return
    answer = same(ours, theirs)
    if type(answer).__name__ not in ("bool", "bool_"):  # bool_: as NumPy's own were called
        raise _RefusedError(table.no_answer(same, answer))
    if not answer:
        raise _RefusedError(when + table.not_the_same(same))
