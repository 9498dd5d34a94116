"""Failing a run that has no failed test."""

from __future__ import annotations

import sys

import pytest


def fail_run(session: pytest.Session, why: str) -> None:
    """Turn a run that was green into a failed one; where there is no terminal, say why."""
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if not session.config.pluginmanager.has_plugin("terminalreporter"):
        print(f"ERROR: {why}", file=sys.stderr)
