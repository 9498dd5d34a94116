"""``--afml-record`` and ``--afml-compare``: the options, and what they switch on."""

from __future__ import annotations

from pathlib import Path

import pytest

_RECORD_HELP = (
    "Record of every test what it got from each cached function, to FILE; switches --afml-cache on."
)
_COMPARE_HELP = (
    "Compare with the recording FILE: results that changed, functions that are not cached any more "
    "and hit rates that fell fail the run; switches --afml-cache on."
)
_TOLERANCE_HELP = "By so much (0.05) a function's hit rate may fall; default: not at all."


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("afml", "afml-cache")
    group.addoption("--afml-record", metavar="FILE", default=None, help=_RECORD_HELP)
    group.addoption("--afml-compare", metavar="FILE", default=None, help=_COMPARE_HELP)
    group.addoption(
        "--afml-compare-tolerance", metavar="R", type=float, default=0.0, help=_TOLERANCE_HELP
    )


def is_wanted(config: pytest.Config) -> bool:
    """Whether one of them was given."""
    return any(config.getoption(name) is not None for name in ("afml_record", "afml_compare"))


def start(config: pytest.Config, mode: str) -> None:
    """Register what a recorded run needs.

    Raises
    ------
    pytest.UsageError
        The files cannot be what they are given for.
    """
    if not is_wanted(config):
        if config.getoption("afml_compare_tolerance"):
            raise pytest.UsageError(
                "--afml-compare-tolerance does nothing without --afml-compare; add it"
            )
        return
    from pytest_afml.record.recording import RecordingError, read
    from pytest_afml.record.run import Gathering, Noting

    if not config.getoption("collectonly"):
        config.pluginmanager.register(Noting(), "afml_noting")
    if hasattr(config, "workerinput"):
        return
    paths = {}
    for name in ("afml_record", "afml_compare"):
        given = config.getoption(name)
        if given is not None:
            paths[name] = config.invocation_params.dir / Path(given).expanduser()
    if len({path.resolve() for path in paths.values()}) < len(paths):
        raise pytest.UsageError(
            "--afml-record and --afml-compare name the same file; record to another one, or the "
            "run would be compared with itself the next time"
        )
    tolerance = config.getoption("afml_compare_tolerance")
    if not 0.0 <= tolerance < 1.0:
        raise pytest.UsageError(
            f"--afml-compare-tolerance is {tolerance:g}; it has to be a share from 0 to 1, as 0.05"
        )
    gathering = Gathering(config, mode)
    if "afml_record" in paths:
        gathering.write_to(paths["afml_record"])
    if "afml_compare" in paths:
        try:
            before = read(paths["afml_compare"])
        except RecordingError as error:
            raise pytest.UsageError(f"--afml-compare: {error}") from error
        gathering.compare_with(before, config.getoption("afml_compare"))
    config.pluginmanager.register(gathering, "afml_gathering")
