"""The numbers of the whole run: added up from the reports, shown, written and judged.

Reports are what reaches the main process from xdist's workers one by one, so that a worker that
dies takes none along but those of the test it died in.
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_afml.json_file import write_or_say
from pytest_afml.numbers import Counts, Numbers
from pytest_afml.options import Choices
from pytest_afml.red_run import fail_run
from pytest_afml.wording import duration, percent, plural

#: The format of ``--afml-cache-json``.
SCHEMA = 1


class Summary:
    """A plugin that is registered by ``--afml-cache`` only."""

    def __init__(self, config: pytest.Config, choices: Choices) -> None:
        self._config = config
        self._choices = choices
        self._all = Numbers()
        self._kept = Numbers()
        self._tests: dict[str, Numbers] = {}
        self._failures: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the numbers of one phase of one test."""
        found: dict[str, Any] | None = getattr(report, "afml_cache", None)
        if found is None:
            return
        self._all.add_plain(found["functions"])
        self._tests.setdefault(report.nodeid, Numbers()).add_plain(found["functions"])
        if found["kept"]:
            self._kept.add_plain(found["functions"])

    @pytest.hookimpl(trylast=True)  # the exit status that is written is the one of the run
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Judge the hit rate, and write the numbers."""
        if self._config.getoption("collectonly"):
            return
        below = self._why_below()
        if below is not None:
            self._fail(session, below)
        if self._choices.json is not None:
            plain = self._plain(int(session.exitstatus))
            unwritten = write_or_say(self._choices.json, plain, "--afml-cache-json")
            if unwritten is not None:
                self._fail(session, unwritten)

    def _fail(self, session: pytest.Session, why: str) -> None:
        self._failures.append(why)
        fail_run(session, why)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the numbers."""
        if self._config.getoption("collectonly"):
            return
        terminalreporter.section("afml cache")
        for line in lines_of(self._all, self._choices):
            terminalreporter.write_line(line)
        for why in self._failures:
            terminalreporter.write_line(f"ERROR: {why}", red=True, bold=True)

    def _why_below(self) -> str | None:
        wanted, total = self._choices.min_hit_rate, self._kept.of()
        if wanted is None:
            return None
        if total.hit_rate is None:
            return (
                f"a hit rate of at least {percent(wanted)} was asked for (--afml-min-hit-rate), "
                "and no cached call was made on the kept store" + self._elsewhere()
            )
        if total.hit_rate >= wanted:
            return None
        reasons = ", ".join(f"{times} {reason}" for reason, times in sorted(total.reasons.items()))
        return (
            f"{percent(total.hit_rate)} of {plural(total.calls, 'cached call', 'cached calls')} on "
            f"the kept store was served, less than the {percent(wanted)} of --afml-min-hit-rate; "
            f"computed were {reasons} (--afml-cache-mode=frozen says why at each)"
        )

    def _elsewhere(self) -> str:
        calls = self._all.of().calls
        if not calls:
            return ""
        made = plural(calls, "call was", "calls were")
        return f" ({made} made by tests on isolated ones: they have the fixture, or mode=)"

    def _plain(self, status: int) -> dict[str, Any]:
        directory = self._choices.directory
        return {
            "schema": SCHEMA,
            "mode": self._choices.mode,
            "directory": None if directory is None else str(directory),
            "exit_status": status,
            "min_hit_rate": self._choices.min_hit_rate,
            "total": _with_rate(self._all.of()),
            "kept": _with_rate(self._kept.of()),
            "functions": {
                name: _with_rate(counts) for name, counts in self._all.functions().items()
            },
            "tests": {
                test: _with_rate(numbers.of()) for test, numbers in sorted(self._tests.items())
            },
        }


def lines_of(numbers: Numbers, choices: Choices) -> list[str]:
    """The summary, a line each: the total, then the functions."""
    total = numbers.of()
    store = choices.mode if choices.directory is None else f"{choices.mode}, {choices.directory}"
    if total.hit_rate is None:
        return [f"no cached call was made (mode {store})"]
    lines = [
        f"{plural(total.calls, 'cached call', 'cached calls')}: {_told(total)}, "
        f"{percent(total.hit_rate)} served (mode {store})"
    ]
    return lines + [f"  {name}: {_told(counts)}" for name, counts in numbers.functions().items()]


def _told(counts: Counts) -> str:
    """One function in words; the reasons are there to be acted on."""
    told = [plural(counts.hits, "hit", "hits")]
    told += [f"{counts.adopted} adopted"] if counts.adopted else []
    told.append(f"{counts.computed} computed")
    if counts.computed:
        reasons = ", ".join(f"{times} {reason}" for reason, times in sorted(counts.reasons.items()))
        took = f" in {duration(counts.seconds)}" if counts.seconds else ""  # 0.0: nobody looked
        told[-1] += f"{took} ({reasons})"
    return ", ".join(told)


def _with_rate(counts: Counts) -> dict[str, Any]:
    return {**counts.plain(), "calls": counts.calls, "hit_rate": counts.hit_rate}
