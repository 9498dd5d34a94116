"""The fixture `afml_gate`: finds out whether anything can be measured, and hands out the gate."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_afml.gates.gate import AfmlGate
    from pytest_afml.gates.limits import Limits

#: The gate of a test, or what is told of it where there was none to be had.
GATE = pytest.StashKey["AfmlGate"]()
UNMEASURED = pytest.StashKey[dict[str, Any]]()

_LIMITS = pytest.StashKey["Limits"]()


@pytest.fixture
def afml_gate(request: pytest.FixtureRequest) -> AfmlGate:
    """Fail the test if a candidate is slower than a baseline by more than a limit.

    ``afml_gate("labels", candidate=new, baseline=old)`` runs both in turn, pair by pair, until
    the ratio of their times is clearly on one side of the limit that ``[tool.afml.gates]`` in
    pyproject.toml has under this name. Both have to return equal results. The test fails if the
    candidate is too slow, and warns if it is too close to the limit to tell.
    """
    from pytest_afml.gates.gate import AfmlGate
    from pytest_afml.gates.obstacles import obstacle

    config, test = request.config, request.node.nodeid
    _refuse_beside_a_benchmark(request)
    reason = obstacle(config)
    takes_part = reason is None or "benchmark" in request.fixturenames
    benchmark: Any = request.getfixturevalue("benchmark") if takes_part else None
    if reason is None and not benchmark.enabled:
        reason = "benchmarks are disabled"
    if reason is not None and _choice(config, "afml_gates") != "require":
        from pytest_afml.gates.records import record
        from pytest_afml.gates.table import cannot_measure

        request.node.stash[UNMEASURED] = record(test, None, "skipped", reason)
        pytest.skip(cannot_measure(reason))
    gate = AfmlGate(test, lambda: _limits(config), benchmark, reason)
    request.node.stash[GATE] = gate
    return gate


def _refuse_beside_a_benchmark(request: pytest.FixtureRequest) -> None:
    """Of a benchmark that another fixture has used the gate hears when it is called."""
    function = getattr(request.node, "function", None)  # a doctest has none
    if function is not None and "benchmark" in inspect.signature(function).parameters:
        from pytest_afml.gates.records import record
        from pytest_afml.gates.table import ALSO_BENCHMARK

        request.node.stash[UNMEASURED] = record(request.node.nodeid, None, "error", ALSO_BENCHMARK)
        pytest.fail(ALSO_BENCHMARK, pytrace=False)


def _choice(config: pytest.Config, name: str) -> str | None:
    """What was chosen; the command line has the last word."""
    chosen: str | None = config.getoption(name) or config.getini(name) or None
    return chosen


def _limits(config: pytest.Config) -> Limits:
    """The limits of the project, read once."""
    from pytest_afml.gates.limits import read_limits

    if _LIMITS not in config.stash:
        config.stash[_LIMITS] = read_limits(config.rootpath / "pyproject.toml")
    return config.stash[_LIMITS]


def unused(config: pytest.Config, gates: Iterable[str | None]) -> list[str]:
    """The limits of the project that none of these gates has."""
    from pytest_afml.gates.limits import LimitError

    try:
        limits = _limits(config)
    except LimitError:  # every gate has failed with it
        return []
    return sorted(set(limits.by_name) - set(gates))
