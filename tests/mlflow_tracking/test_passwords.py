"""The password in an address is shown to nobody, whatever MLflow says of what went wrong."""

from __future__ import annotations

import http.server
import sqlite3
import threading
import traceback
from pathlib import Path

import pytest
from click.testing import CliRunner

from afml_cache import (
    CacheWarning,
    ConfigurationError,
    TrackingError,
    get_mlflow_cache,
    mlflow_cached,
    setup_mlflow_cache,
)
from afml_cache.cli import main
from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.reach import shown
from afml_cache.tracking.words import words_of

pytest.importorskip("mlflow")


@mlflow_cached
def scored(x):
    return {"score": x}


class _CutsCalls(http.server.BaseHTTPRequestHandler):
    """Says that it is well, and hangs up on everything else."""

    def do_GET(self):
        if self.path.endswith("/health"):
            self.send_response(200)
            self.end_headers()
        else:
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def cutting(monkeypatch):
    """Host and port of a server that cuts the calls of MLflow."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _CutsCalls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_what_mlflow_says_of_a_cut_call_is_told_and_kept_without_the_password(cutting, store):
    setup_mlflow_cache("x", f"http://bob:ge%2Fheim@{cutting}")
    with pytest.warns(CacheWarning, match=f"API request to http://{cutting}/api") as warned:
        scored(1)
    told = [str(one.message) for one in warned]
    for ask in (lambda: scored.run_for(1), lambda: get_mlflow_cache().get_best_run("score")):
        with pytest.raises(TrackingError, match="API request to") as caught:
            ask()
        told += traceback.format_exception(caught.value)  # as a log of CI has it
    store.flush()
    for command in (["doctor"], ["mlflow", "sync"], ["mlflow", "sync", "--json"]):
        result = CliRunner().invoke(main, command)
        assert "API request to" in result.output
        told.append(result.output)
    with sqlite3.connect(Outbox(store.directory).path) as db:
        ((error,),) = db.execute("SELECT error FROM run").fetchall()
    db.close()
    assert "API request to" in error
    assert [one for one in [*told, error] if "heim" in one or "bob" in one] == []


@pytest.mark.parametrize(
    ("uri", "said", "told"),
    [
        ("http://a:b@h", "no http://a:b@h/api", "no http://h/api"),
        ("http://a:b%40c@h", "refused b@c, b%40c", "refused ***, ***"),
        ("http://token@h", "'token' is none", "'***' is none"),
        ("http://h", "to http://x:y@proxy:80, as x", "to http://proxy:80, as x"),
        ("mysql://h/d", "mysql://h/d?ssl_password=geheim&x=1", "mysql://h/d?ssl_password=***&x=1"),
        ("http://h", "mail me@h, see http://h/a@b?x=1", "mail me@h, see http://h/a@b?x=1"),
        ("http://[::1", "no http://[::1", "no http://[::1"),
    ],
)
def test_an_error_in_words_has_no_password(uri, said, told):
    assert words_of(ValueError(said), uri) == f"ValueError: {told}"


def test_an_address_is_shown_without_its_password():
    assert shown("mysql://h/d?password=geheim&x=1") == "mysql://h/d?password=***&x=1"
    assert shown("http://bob:geheim@h:1/x") == "http://h:1/x"


@pytest.mark.parametrize(
    "uri", ["http://bob:geheim@:5000", "http://bob:geheim@h:port", "http://bob:gehe/im@h"]
)
def test_an_address_that_is_refused_is_named_without_its_password(uri):
    with pytest.raises(ConfigurationError) as caught:
        setup_mlflow_cache("x", uri)
    assert "bob" not in str(caught.value) and "gehe" not in str(caught.value)


def test_a_run_that_failed_says_no_password_that_its_exception_said(runs, client):
    @mlflow_cached
    def broken():
        raise ValueError("API request to http://bob:geheim@h:1/api failed")

    with pytest.raises(ValueError, match="geheim"):
        broken()
    (run,) = runs()
    assert run.data.tags["afml.error"] == "ValueError: API request to http://h:1/api failed"
    path = client.download_artifacts(run.info.run_id, "traceback.txt")
    lines = Path(path).read_text().splitlines()
    told = [one for one in lines if one.startswith("ValueError")]
    assert told == ["ValueError: API request to http://h:1/api failed"]
