"""`afml-cache mlflow archive` where runs lie at several addresses, one of which is no more."""

from __future__ import annotations

import json
import socket
import time

import pytest
from click.testing import CliRunner

from afml_cache import get_mlflow_cache, mlflow_cached
from afml_cache.cli import main
from afml_cache.tracking.outbox import Outbox
from tests.mlflow_tracking.test_commands import old

pytest.importorskip("mlflow")
ARCHIVE = ("mlflow", "archive", "--older-than", "1d")


@pytest.fixture
def run(store):
    def invoke(*arguments, code=0):
        store.flush()
        result = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return invoke


@mlflow_cached
def scored(x):
    return {"score": x}


@pytest.fixture
def nobody():
    """An address where nobody listens, nor will; it names a password."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield f"http://bob:geheim@127.0.0.1:{one.getsockname()[1]}"


@pytest.fixture
def run_id(store, client, runs, nobody):
    """A run of long ago in the database here; two others went to a server that is no more."""
    scored(1)
    (one,) = runs()
    old(client, store, one.info.run_id, 2)
    box = Outbox(store.directory)
    for name in ("a", "b"):
        box.imported(name, nobody, name, "FINISHED", time.time() - 3 * 86_400)
    return one.info.run_id


def test_a_server_that_is_no_more_keeps_no_other_run(run, run_id, nobody, runs, store):
    shown = nobody.replace("bob:geheim@", "")
    said = run(*ARCHIVE, "--dry-run", code=3)
    assert "afml-cache: 1 run that was over 1d ago" in said and len(runs()) == 1
    assert f"Passed over: 2 runs at {shown}: the tracking server" in said
    said = run(*ARCHIVE, "--yes", "--json", code=3)
    document = json.loads(said[said.index("{") :])
    assert len(document["written"]) == 1 and runs() == []
    (passed,) = document["passed_over"]
    assert (passed["uri"], passed["runs"]) == (shown, 2) and "does not answer" in passed["why"]
    assert "geheim" not in said
    assert len(Outbox(store.directory).every("sent")) == 2


def test_an_address_can_be_chosen(run, run_id, nobody, runs):
    here = get_mlflow_cache().tracking_uri
    assert "Passed over" not in run(*ARCHIVE, "--dry-run", "--tracking-uri", here)
    shown = nobody.replace("bob:geheim@", "")  # as it is shown
    for uri in (nobody, shown):
        said = run(*ARCHIVE, "--yes", "--tracking-uri", uri, code=3)
        assert "Passed over: 2 runs" in said and len(runs()) == 1
    assert "1 run was written" in run(*ARCHIVE, "--yes", "--tracking-uri", here)
    assert "No run that this cache has recorded" in run(*ARCHIVE, "--tracking-uri", here)
    assert "not written" not in run(*ARCHIVE, "--tracking-uri", "http://other:1")
