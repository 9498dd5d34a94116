"""A run that is recorded: calls noted in every process, sent with reports, gathered in one.

Reports are what reaches the main process from xdist's workers, one by one.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from pytest_afml.json_file import fail_run, write_or_say
from pytest_afml.record.collect import Collected
from pytest_afml.record.comparison import Comparison, compare
from pytest_afml.record.recording import Recording, Seen, Test
from pytest_afml.record.wording import lines_of, verdict
from pytest_afml.wording import plural

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
        self._failures: list[str] = []

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
            unwritten = write_or_say(self._to, self._recording.plain(), "--afml-record")
            if unwritten is not None:
                self._to = None
                self._fail(session, unwritten)
        if self._before is None:
            return
        tolerance = self._config.getoption("afml_compare_tolerance")
        self._comparison = compare(self._before[0], self._recording, tolerance)
        wrong = self._wrong()
        if wrong:
            self._fail(session, wrong)

    def _fail(self, session: pytest.Session, why: str) -> None:
        self._failures.append(why)
        fail_run(session, why)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what changed."""
        if self._to is not None and not self._config.getoption("collectonly"):
            terminalreporter.section("afml recording")
            tests = plural(len(self._recording.tests), "test", "tests")
            terminalreporter.write_line(f"{tests} recorded in {self._to}")
        if self._comparison is not None and self._before is not None:
            terminalreporter.section("afml comparison")
            for line in lines_of(self._comparison, self._before[1]):
                terminalreporter.write_line(line, red=line.startswith("CHANGED"))
        for why in self._failures:
            terminalreporter.write_line(f"ERROR: {why}", red=True, bold=True)

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
