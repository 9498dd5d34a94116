"""A run that is recorded: calls noted in every process, sent with reports, gathered in one.

Reports are what reaches the main process from xdist's workers, one by one.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from pytest_afml.record.collect import Collected
from pytest_afml.record.comparison import Comparison, compare
from pytest_afml.record.recording import Recording, Seen, Test, write
from pytest_afml.record.wording import lines_of, verdict

_PACKAGES = ("afml-cache", "numpy", "pandas", "joblib", "pytest")


class Noting:
    """In every process that runs tests: what each phase of a test has got goes with its report."""

    def __init__(self) -> None:
        from afml_cache import watch_returns

        self._collected = Collected()
        self._watch = watch_returns(self._collected.note)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """What is called between tests is nobody's."""
        self._collected.take()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Any:
        """Send along what has been noted."""
        report: pytest.TestReport = yield
        noted = self._collected.take()
        if noted is not None:
            report.afml_record = noted  # type: ignore[attr-defined]
        return report

    def pytest_unconfigure(self) -> None:
        """Stop watching."""
        self._watch.close()


class Gathering:
    """In the main process: the recording of the run, written and compared at its end."""

    def __init__(self, config: pytest.Config, mode: str) -> None:
        self._config = config
        self._recording = Recording(mode, _made_with())
        self._to: Path | None = None
        self._before: tuple[Recording, str] | None = None
        self._comparison: Comparison | None = None

    def write_to(self, path: Path) -> None:
        """Record to a file."""
        self._to = path

    def compare_with(self, before: Recording, shown: str) -> None:
        """Compare with an earlier run."""
        self._before = before, shown

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of one test; the setup of a rerun begins anew."""
        if report.when == "setup" or report.nodeid not in self._recording.tests:
            self._recording.tests[report.nodeid] = Test()
        test = self._recording.tests[report.nodeid]
        noted = getattr(report, "afml_record", None)
        if noted is not None:
            for function, seen in noted["functions"].items():
                test.functions.setdefault(function, Seen()).add(Seen(**seen))
            self._recording.values.update(noted["values"])
        if report.when == "teardown" and test.outcome == "unfinished":
            test.outcome = "passed"
        if report.failed and report.when in ("setup", "call", "teardown"):
            test.outcome = "failed"
        elif report.skipped:
            test.outcome = "skipped"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write and compare, also after a run that failed."""
        if self._config.getoption("collectonly"):
            return
        if self._to is not None:
            write(self._recording, self._to)
        if self._before is None:
            return
        tolerance = self._config.getoption("afml_compare_tolerance")
        self._comparison = compare(self._before[0], self._recording, tolerance)
        wrong = self._wrong()
        if wrong and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if wrong and not self._config.pluginmanager.has_plugin("terminalreporter"):
            print(f"ERROR: {wrong}", file=sys.stderr)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what changed."""
        if self._to is not None and not self._config.getoption("collectonly"):
            number = len(self._recording.tests)
            terminalreporter.section("afml recording")
            terminalreporter.write_line(f"{number} tests recorded in {self._to}")
        if self._comparison is None or self._before is None:
            return
        terminalreporter.section("afml comparison")
        for line in lines_of(self._comparison, self._before[1]):
            terminalreporter.write_line(line, red=line.startswith("CHANGED"))
        wrong = self._wrong()
        if wrong:
            terminalreporter.write_line(f"ERROR: {wrong}", red=True, bold=True)

    def _wrong(self) -> str:
        assert self._comparison is not None
        assert self._before is not None
        if self._comparison.matters:
            return f"--afml-compare: {verdict(self._comparison)}"
        if not self._comparison.compared:
            return f"--afml-compare: no test of {self._before[1]} was run, so nothing was compared"
        return ""


def _made_with() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # the plugin runs from a checkout, say
            continue
    return found
