"""The command on this test's store, in this process; what it says and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from afml_cache.cli import main
from afml_cache.store.store import Store

Run = Callable[..., Result]


@pytest.fixture
def run(store: Store) -> Run:
    """Run the command with arguments; ``code`` is how it has to end."""

    def invoke(*arguments: str, code: int = 0, input: str | None = None) -> Result:
        store.flush()  # the command reads what other processes would
        result = CliRunner().invoke(
            main, arguments, input=input, env={"COLUMNS": "80"}, prog_name="afml-cache"
        )
        unexpected = result.exception and not isinstance(result.exception, SystemExit)
        assert not unexpected, repr(result.exception) + result.output
        assert result.exit_code == code, result.output
        return result

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
