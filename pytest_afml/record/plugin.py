"""The options ``--afml-record`` and ``--afml-compare``; importing this imports nothing but pytest.

Both watch what is called while a test is set up, called and torn down. Each phase's part travels
with its report, so that those of xdist's workers arrive at the process that writes and compares.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from pytest_afml.options import add_share, ini_value
from pytest_afml.recheck import options as recheck

if TYPE_CHECKING:
    from pytest_afml.recheck.chosen import Chosen
    from pytest_afml.record.recorder import Recorder

T = TypeVar("T")

#: Whether the decorators of a repository's own cache are watched already.
_WATCHES = pytest.StashKey[bool]()

#: Options of pytest under which no test runs.
_RUN_NOTHING = {
    "collectonly": "--collect-only",
    "setuponly": "--setup-only",
    "setupplan": "--setup-plan",
}

_TOLERANCE_HELP = (
    "With --afml-compare: by how much the hit rate of a function may fall, as a share (0.05)."
)


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("afml")
    group.addoption(
        "--afml-record",
        metavar="FILE",
        default=None,
        help="Record the cached calls of each test, and digests of their results, in FILE; "
        "switches --afml-cache on.",
    )
    group.addoption(
        "--afml-compare",
        metavar="FILE",
        default=None,
        help="Compare the cached calls of each test with those that --afml-record has written to "
        "FILE, and fail if a result or a hit rate is another; switches --afml-cache on.",
    )
    group.addoption(
        "--afml-compare-tolerance", metavar="R", type=float, default=None, help=_TOLERANCE_HELP
    )
    add_share(parser, "afml_compare_tolerance", f"As --afml-compare-tolerance. {_TOLERANCE_HELP}")
    group.addoption(
        "--afml-record-own",
        metavar="MODULE",
        action="append",
        default=[],
        help="With --afml-record: MODULE defines decorators like those of a repository's own "
        "afml.cache, whose calls are recorded without this; may be given several times.",
    )
    recheck.add_options(parser)


def watch_own_cache(config: pytest.Config) -> None:
    """Watch the decorators of a repository's own cache, once; the sooner, the fewer escape."""
    if config.stash.get(_WATCHES, False):
        return
    given = config.known_args_namespace  # all that there is of options before the first conftest
    if not hasattr(given, "afml_record"):
        given = config.option
    if getattr(given, "afml_record", None) or getattr(given, "afml_compare", None):
        from pytest_afml.record import own_cache

        config.stash[_WATCHES] = True
        config.add_cleanup(own_cache.watch_own_cache(given.afml_record_own))


def configure(config: pytest.Config, mode: str) -> None:
    """Check the options, and register what they need."""
    record, before = _path(config, "afml_record"), _path(config, "afml_compare")
    asked = recheck.asked(config)
    watch_own_cache(config)  # where a conftest has named this plugin, it is not watched yet
    if record is None and before is None:
        if config.getoption("afml_compare_tolerance") is not None:
            raise pytest.UsageError("--afml-compare-tolerance does nothing without --afml-compare")
        return
    if not hasattr(config, "workerinput"):  # the reports of xdist's workers arrive here
        from pytest_afml.record import session

        _check(config, record, before)
        config.pluginmanager.register(
            session.of_options(config, mode, record, before, _tolerance(config)), "afml_record"
        )
    if record is not None and mode.split()[0] == "shared":
        _note_exact_keys(config)
    from pytest_afml.record.recorder import Recorder

    chosen = None
    if asked is not None:
        from pytest_afml.recheck.chosen import Chosen

        chosen = Chosen(asked)
    config.pluginmanager.register(_Watching(Recorder(), chosen), "afml_recorder")


def _note_exact_keys(config: pytest.Config) -> None:
    """Have the calls under ``@cacheable`` note which of joblib's entries are theirs.

    joblib hashes how a value lies in memory, and a recorded call digests its arguments, which
    leaves traces there. By its note, a later migration finds the entry all the same.
    """
    from afml_cache import use_settings

    config.add_cleanup(use_settings(note_exact_keys=True).close)


def _check(config: pytest.Config, record: Path | None, before: Path | None) -> None:
    flag = "--afml-record" if record is not None else "--afml-compare"
    for name, why in _RUN_NOTHING.items():
        if config.getoption(name, False):
            raise pytest.UsageError(f"{flag} needs tests that run, and {why} runs none")
    if record is not None and before is not None and record.resolve() == before.resolve():
        raise pytest.UsageError(
            f"--afml-record and --afml-compare name the same file, {record}, which would be "
            "overwritten by what it is compared with; record to another file"
        )
    if record is not None and record.is_dir():
        raise pytest.UsageError(f"--afml-record: {record} is a directory; name a file")


def _path(config: pytest.Config, name: str) -> Path | None:
    """A path on the command line starts where pytest was called."""
    given: str | None = config.getoption(name)
    if given is None:
        return None
    if not given:
        raise pytest.UsageError(f"--{name.replace('_', '-')} is empty; name a file")
    return config.invocation_params.dir / Path(given).expanduser()


def _tolerance(config: pytest.Config) -> float:
    given = config.getoption("afml_compare_tolerance")
    source = "--afml-compare-tolerance"
    if given is None:
        given, source = ini_value(config, "afml_compare_tolerance") or 0.0, "the ini value"
        source += " afml_compare_tolerance"
    try:
        tolerance = float(given)
    except ValueError:
        tolerance = -1.0
    if not 0.0 <= tolerance <= 1.0:
        raise pytest.UsageError(f"{source} is {given}; it has to be a share from 0 to 1, as 0.05")
    return tolerance


class _Watching:
    """Watches this process's tests, and sends what it has noted along with their reports."""

    def __init__(self, recorder: Recorder, chosen: Chosen | None) -> None:
        self._recorder = recorder
        self._chosen = chosen

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, T, T]:
        """Watch while a test is on."""
        from afml_cache import watch_results

        on_begin = None if self._chosen is None else self._chosen.begin
        with watch_results(self._recorder.note, on_begin=on_begin):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send the phase that has just ended; what its test called is run again before."""
        report = yield
        taken = self._recorder.take()
        if taken is not None:
            report.afml_record = taken  # type: ignore[attr-defined]
        if self._chosen is not None and call.when != "setup":
            again = self._chosen.run()
            if again is not None:
                report.afml_recheck = again  # type: ignore[attr-defined]
        return report
