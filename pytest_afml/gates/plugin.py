"""The gates' part of the pytest plugin: options, hooks around a gate, the section at the end.

Whatever is not needed to find out that there is no gate is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_afml.gates.fixture import GATE, UNMEASURED, afml_gate

__all__ = ["afml_gate"]

T = TypeVar("T")

CHOICES = ("auto", "require")

_HELP = (
    "What becomes of a gate where nothing can be measured (xdist, coverage, a debugger, benchmarks "
    "disabled): 'auto' skips its test with the reason, the default; 'require' fails it, and on the "
    "command line also a run without any gate."
)
_JSON_HELP = "Write the verdicts of the gates to FILE, also of a run that failed."

_JSON = "afml_gates_json"

_GREEN = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

_COLOURS = {"pass": "green", "fail": "red", "unsure": "yellow"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin."""
    group = parser.getgroup("afml", "afml-cache")
    group.addoption("--afml-gates", choices=CHOICES, default=None, help=_HELP)
    group.addoption("--afml-gates-json", metavar="FILE", default=None, help=_JSON_HELP)
    parser.addini("afml_gates", f"As --afml-gates. {_HELP}", type="string")
    parser.addini("afml_gates_json", f"As --afml-gates-json. {_JSON_HELP}", type="string")


def pytest_configure(config: pytest.Config) -> None:
    """Check the options; take note of the verdicts."""
    chosen = config.getini("afml_gates")
    if chosen and chosen not in CHOICES:
        raise pytest.UsageError(
            f"the ini value afml_gates is {chosen!r}; it can be one of {', '.join(CHOICES)}"
        )
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Run(config), "afml_gates_run")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have pytest-benchmark know the gates as benchmarks: ``--benchmark-only`` runs them."""
    gates = [item for item in items if "afml_gate" in getattr(item, "fixturenames", ())]
    if not gates:
        return
    from pytest_afml.gates.obstacles import obstacle

    if obstacle(config) is None:
        for item in gates:
            names: list[str] = item.fixturenames  # type: ignore[attr-defined]
            if "benchmark" not in names:
                names.insert(0, "benchmark")  # first: it is told of skips by the fixtures there are


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, T, T]:
    """A test that never calls its gate shows nothing; one that catches what it raises fails."""
    failure = None
    try:
        result = yield
    except (pytest.skip.Exception, pytest.xfail.Exception):
        gate = item.stash.get(GATE, None)
        if gate is None or gate.failure is None:
            raise
        failure = gate.failure
    gate = item.stash.get(GATE, None)
    if gate is not None and gate.record is None:
        failure = "the test asks for afml_gate and never calls it"
    elif gate is not None:
        failure = gate.failure
    if failure is not None:  # said here, so that the skip is no part of it
        pytest.fail(failure, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with the report."""
    report = yield
    if report.when == "teardown":
        return report
    gate = item.stash.get(GATE, None)
    found = item.stash.get(UNMEASURED, None) if gate is None else gate.record
    if gate is not None and found is None and (report.when == "call" or report.failed):
        from pytest_afml.gates.records import record
        from pytest_afml.gates.table import UNCALLED

        verdict = "skipped" if report.skipped else "error"
        found = record(item.nodeid, None, verdict, UNCALLED)
    if found is not None:
        from pytest_afml.gates.records import ON_REPORT

        vars(report)[ON_REPORT] = dict(found)
    return report


class _Run:
    """The verdicts of the whole run, where its end is shown: not in a worker of xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._records: dict[str, dict[str, Any]] = {}  # by test: of reruns the last one counts
        self._errors: list[str] = []
        self._unused: list[str] = []
        self._chosen = False  # some tests of the run: its other gates are not to be missed
        self._ran = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Know a run from a list of fixtures, which also has an end."""
        self._ran = not self._config.getoption("collectonly")

    def pytest_deselected(self) -> None:
        """Not all tests are to run."""
        self._chosen = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the verdict from the report, and how the test ended."""
        found = getattr(report, "afml_gate", None)
        if found is not None:
            self._records[report.nodeid] = found | {"test_outcome": _outcome(report)}
        elif report.failed and report.nodeid in self._records:  # after its gate
            self._records[report.nodeid]["test_outcome"] = "failed"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file; a run that requires gates has some."""
        if not self._ran:
            return
        if self._config.getoption("afml_gates") == "require":
            self._require(session)
        flag, ini = self._config.getoption(_JSON), self._config.getini(_JSON)
        if flag or ini:
            from pytest_afml.gates.records import plain
            from pytest_afml.json_file import write_or_say

            # As every path of pytest: on the command line from where it was called.
            start = self._config.invocation_params.dir if flag else _beside(self._config)
            file = start / Path(flag or ini).expanduser()
            told = plain(list(self._records.values()))
            self._fail_run(session, write_or_say(file, told, "--afml-gates-json"))

    def _require(self, session: pytest.Session) -> None:
        from pytest_afml.gates.table import NO_GATES

        if not self._records and session.exitstatus in _GREEN:
            self._fail_run(session, NO_GATES)
        stopped = session.shouldstop or session.shouldfail
        if self._records and not self._chosen and not stopped:
            from pytest_afml.gates.fixture import unused

            self._unused = unused(self._config, [r["gate"] for r in self._records.values()])

    def _fail_run(self, session: pytest.Session, why: str | None) -> None:
        from pytest_afml.red_run import fail_run

        if why is not None:
            self._errors.append(why)
            fail_run(session, why)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table."""
        for why in self._errors:
            terminalreporter.write_line(f"ERROR: {why}", red=True, bold=True)
        if not self._records:
            return
        from pytest_afml.gates.table import lines, unused_limits

        terminalreporter.write_sep("=", "benchmark gates")
        for line, verdict in lines(list(self._records.values())):
            colour = _COLOURS.get(verdict)
            terminalreporter.write_line(line, **({colour: True} if colour else {}))
        if self._unused:
            terminalreporter.write_line(unused_limits(self._unused), yellow=True)


def _outcome(report: pytest.TestReport) -> str:
    """How a test ended; an expected failure is no skip."""
    outcome: str = report.outcome
    return f"x{outcome.replace('skipped', 'failed')}" if hasattr(report, "wasxfail") else outcome


def _beside(config: pytest.Config) -> Path:
    return config.inipath.parent if config.inipath is not None else config.rootpath
