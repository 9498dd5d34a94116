"""The recording of a run: put together from reports, written, compared, shown and judged."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from pytest_afml.json_file import write_or_say
from pytest_afml.record.compare import Comparison, compare
from pytest_afml.record.file import read_recording
from pytest_afml.record.recording import (
    CRASHED,
    RecordedTest,
    Recording,
    RecordingError,
    functions_of_plain,
)
from pytest_afml.record.words import Told, failure, lines_of
from pytest_afml.red_run import fail_run

#: Packages whose versions are noted.
PACKAGES = ("afml-cache", "numpy", "pandas", "joblib")


def of_options(
    config: pytest.Config, mode: str, record: Path | None, before: Path | None, tolerance: float
) -> RecordedRun:
    """The plugin of the process that writes and compares.

    Raises
    ------
    pytest.UsageError
        The file to compare with is none.
    """
    from afml_cache import DIGEST_FORMAT

    workers = config.getoption("numprocesses", None)  # each of them has wider caches of its own
    now = Recording(
        mode=f"{mode} with {workers} workers" if workers else mode,
        digest_format=DIGEST_FORMAT,
        versions=_versions(),
    )
    earlier = None
    if before is not None:
        try:
            earlier = read_recording(before)
            compare(earlier, now)  # whether they can be compared at all
        except RecordingError as error:
            where = "" if str(before) in str(error) else f"{before} cannot be used: "
            raise pytest.UsageError(f"--afml-compare: {where}{error}") from error
    return RecordedRun(config, now, record, earlier, tolerance)


class RecordedRun:
    """A plugin that is registered by ``--afml-record`` and ``--afml-compare`` only."""

    def __init__(
        self,
        config: pytest.Config,
        now: Recording,
        record: Path | None,
        earlier: Recording | None,
        tolerance: float,
    ) -> None:
        self._config = config
        self._now = now
        self._record = record
        self._earlier = earlier
        self._tolerance = tolerance
        self._comparison: Comparison | None = None
        self._failures: list[str] = []
        self._is_written = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of one test; of a test that is run again, the last time counts."""
        tests = self._now.tests
        if report.when == "setup" or report.nodeid not in tests:
            tests[report.nodeid] = RecordedTest()
        test = tests[report.nodeid]
        test.outcome = _outcome(report, test.outcome)
        noted: str | None = getattr(report, "afml_record", None)
        if noted is not None:
            taken = json.loads(noted)
            test.add(functions_of_plain(taken["functions"]))
            self._now.values.update(taken["values"])
        again: str | None = getattr(report, "afml_recheck", None)
        if again is not None:
            self._now.rechecks += [{"test": report.nodeid, **one} for one in json.loads(again)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write, compare, and judge."""
        self._now.exit_status = int(session.exitstatus)
        self._now.forget_unused_values()
        whole = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if not whole or session.shouldstop or session.shouldfail:
            self._now.tests.clear()  # cut short: half a run must not replace a whole one
        if self._record is not None and self._now.tests:
            plain = self._now.plain()
            unwritten = write_or_say(self._record, plain, "--afml-record", indent=1)
            self._is_written = unwritten is None
            self._failures += [] if unwritten is None else [unwritten]
        if self._earlier is not None:
            self._comparison = compare(self._earlier, self._now, self._tolerance)
            why = failure(self._comparison, str(self._config.getoption("afml_compare")))
            self._failures += [] if why is None else [why]
        for why in self._failures:
            fail_run(session, why)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show what was recorded, and what has changed."""
        if self._record is not None:
            terminalreporter.section("afml record")
            if self._is_written:
                terminalreporter.write_line(self._recorded())
        if self._comparison is not None and self._earlier is not None:
            terminalreporter.section("afml compare")
            told = Told(self._comparison, self._earlier, self._now)
            for line in lines_of(told, str(self._config.getoption("afml_compare"))):
                terminalreporter.write_line(line)
        for why in self._failures:
            terminalreporter.write_line(f"ERROR: {why}", red=True, bold=True)

    def _recorded(self) -> str:
        file = self._config.getoption("afml_record")
        if not self._now.tests:
            return f"no test was run, or the run was cut short; {file} is as it was"
        calls = sum(
            function.counts.calls
            for test in self._now.tests.values()
            for function in test.functions.values()
        )
        return f"{file}: tests {len(self._now.tests)}, cached calls {calls}"


def _outcome(report: pytest.TestReport, so_far: str) -> str:
    if str(report.when) == "???":  # so xdist reports a test whose worker died
        return CRASHED
    if report.failed:
        return "failed" if report.when == "call" or so_far == "failed" else "error"
    if report.skipped and so_far == "passed":
        return "xfailed" if hasattr(report, "wasxfail") else "skipped"
    return so_far


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # it is not there, and so cannot matter
            continue
    return found
