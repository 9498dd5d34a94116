"""The options ``--afml-recheck`` and ``--afml-recheck-seconds``."""

from __future__ import annotations

from typing import NamedTuple

import pytest

ALL = "all"

#: Seconds of rechecking in one process, unless others are asked for.
SECONDS = 60.0


class Asked(NamedTuple):
    """What was asked for."""

    calls: int | None  #: a function; None: all
    seconds: float


def add_options(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup("afml")
    group.addoption(
        "--afml-recheck",
        metavar="N",
        default=None,
        help="With --afml-record: run the body of N calls of every robust_cacheable or "
        "time_aware_cacheable function (or 'all') again on copied arguments, and note whether it "
        "gives what is stored.",
    )
    group.addoption(
        "--afml-recheck-seconds",
        metavar="S",
        type=float,
        default=None,
        help=f"With --afml-recheck: for at most so many seconds (default: {SECONDS:g}); what is "
        "left then is counted.",
    )


def asked(config: pytest.Config) -> Asked | None:
    """What was asked for; None where nothing was.

    Raises
    ------
    pytest.UsageError
        A value out of its range, or without ``--afml-record``.
    """
    calls, seconds = config.getoption("afml_recheck"), config.getoption("afml_recheck_seconds")
    if calls is None:
        if seconds is not None:
            raise pytest.UsageError("--afml-recheck-seconds does nothing without --afml-recheck")
        return None
    if config.getoption("afml_record") is None:
        raise pytest.UsageError("--afml-recheck is noted in a recording; add --afml-record FILE")
    if calls != ALL and not calls.isdecimal():
        raise pytest.UsageError(
            f"--afml-recheck is {calls!r}; it has to be a number of calls a function, or {ALL}"
        )
    if seconds is not None and not seconds > 0:
        raise pytest.UsageError(f"--afml-recheck-seconds is {seconds:g}; it has to be above 0")
    return Asked(None if calls == ALL else int(calls), SECONDS if seconds is None else seconds)
