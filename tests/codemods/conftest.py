"""What the codemod tests share: the two checks that a table of cases consists of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from codemods.plan import Plan, plan
from codemods.rules import Rules

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ("src", "afml", "features")

Check = Callable[..., Plan]


def _bytes(code: str | bytes) -> bytes:
    return code if isinstance(code, bytes) else dedent(code).encode()


def transformed(
    before: str | bytes, after: str | bytes, *, left: tuple[str, ...] = (), **how: object
) -> Plan:
    data, wanted = _bytes(before), _bytes(after)
    rules = Rules(**how.pop("rules", {}))  # type: ignore[arg-type]
    package = how.pop("package", PACKAGE)
    found = plan(data, package, rules, **how)  # type: ignore[arg-type]
    assert found.carry_out(data).decode("utf-8", "replace") == wanted.decode("utf-8", "replace")
    assert found.carry_out(data) == wanted
    assert tuple(finding.code.value for finding in found.findings) == left
    again = plan(wanted, package, rules, **how)  # type: ignore[arg-type]
    assert not again.edits, "a second run changes something"
    return found


@pytest.fixture
def check_transformed() -> Check:
    """``before`` becomes ``after``, a second run changes nothing, and ``left`` is reported."""
    return transformed


@pytest.fixture
def check_noop() -> Check:
    """The file stays as it is; ``left`` are the reasons that are given."""

    def check(code: str | bytes, **how: object) -> Plan:
        return transformed(code, code, **how)  # type: ignore[arg-type]

    return check


@pytest.fixture
def afml_codemod(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command as a person would, in a real process; its standard input is no terminal."""

    def run(*arguments: object, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
        return subprocess.run(
            [sys.executable, "-m", "codemods.cli", *map(str, arguments)],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
