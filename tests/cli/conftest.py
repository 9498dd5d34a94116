"""The command on this test's store, in this process; what it says and how it ends."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from afml_cache.cli import main
from afml_cache.store.store import Store

#: Before click 8.2 the two streams are kept apart only where that is asked for.
APART = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


@dataclass(frozen=True)
class Said:
    """What the command wrote, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


Run = Callable[..., Said]


@pytest.fixture
def run(store: Store) -> Run:
    """Run the command with arguments; ``code`` is how it has to end."""

    def invoke(*arguments: str, code: int = 0, input: str | None = None) -> Said:
        store.flush()  # the command reads what other processes would
        result = CliRunner(**APART).invoke(
            main, arguments, input=input, env={"COLUMNS": "80"}, prog_name="afml-cache"
        )
        unexpected = result.exception and not isinstance(result.exception, SystemExit)
        said = Said(result.stdout, result.stderr, result.exit_code)
        assert not unexpected, repr(result.exception) + said.output
        assert said.exit_code == code, said.output
        return said

    return invoke


@pytest.fixture
def run_json(run: Run) -> Callable[..., dict[str, Any]]:
    """The document that a command prints with ``--json``."""

    def invoke(*arguments: str, code: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(run(*arguments, "--json", code=code).stdout)
        assert document["format"] == f"afml-cache {arguments[0]}"
        assert document["version"] == 1
        return document

    return invoke
