"""What waits in the queue is seen, said and got rid of: servers that hang, programs that died."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading

import pytest
from click.testing import CliRunner

from afml_cache import (
    CacheWarning,
    TrackingError,
    get_mlflow_cache,
    mlflow_cached,
    setup_mlflow_cache,
)
from afml_cache.cli import main
from afml_cache.tracking import reach
from afml_cache.tracking.outbox import BEGUN, READY, REFUSED, Outbox
from afml_cache.tracking.place import Place
from tests.mlflow_tracking.queued import record_of

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def run(store):
    def invoke(*arguments, code=0, input=None):
        store.flush()
        result = CliRunner().invoke(main, arguments, input=input, env={"COLUMNS": "200"})
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return invoke


@pytest.fixture
def silent(monkeypatch):
    """A server that takes calls and never says a word; how many calls it has had."""
    monkeypatch.setattr(reach, "_TO_ANSWER", 0.2)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen(64)
        one.settimeout(60)
        calls: list[socket.socket] = []

        def take():
            while True:
                try:
                    calls.append(one.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{one.getsockname()[1]}", calls
        one.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for call in calls:
            call.close()


@mlflow_cached
def scored(x):
    return {"score": x}


@pytest.mark.timeout(60)
def test_sync_and_doctor_say_that_a_server_hangs(silent, run, store):
    uri, _ = silent
    setup_mlflow_cache("x", uri, patience=0.05)
    with pytest.warns(CacheWarning, match="no answer within"):
        scored(1)
    scored(2)
    said = run("doctor", code=1)
    assert f"2 runs of MLflow wait to be sent to {uri}" in said
    reach._silent.clear()
    said = run("mlflow", "sync", code=3)
    assert "0 runs sent, 2 left." in said and f"2 for {uri}: " in said
    assert "timed out" in said and "running now" not in said


@pytest.mark.timeout(60)
def test_one_address_that_is_silent_is_called_once_and_keeps_no_other_waiting(
    silent, run, store, runs, client, monkeypatch
):
    uri, calls = silent
    monkeypatch.setattr(reach, "_RESPITE", 0.0)
    box = Outbox(store.directory)
    scored(0)
    for _ in range(3):
        record_of(store, box, place=Place(uri, "x"))
    record_of(store, box)
    said = run("mlflow", "sync", code=3)
    assert "1 run sent, 3 left." in said and f"3 for {uri}: " in said
    assert len(calls) == 1 and len(runs()) == 2


def test_what_a_server_refuses_keeps_no_other_record_of_it(run, store, runs, client):
    box = Outbox(store.directory)
    scored(0)
    client.delete_experiment(client.create_experiment("gone"))
    from afml_cache.tracking.place import place_for

    record_of(store, box, place=place_for(store.directory, "gone"))
    record_of(store, box)
    said = run("mlflow", "sync", code=3)
    assert "1 run sent, 1 left." in said and "experiment 'gone' was deleted" in said
    assert "does not answer" not in said and len(runs()) == 2


def test_a_call_is_told_that_its_experiment_was_deleted_and_promised_nothing(store, client):
    client.delete_experiment(client.create_experiment("gone"))
    setup_mlflow_cache("gone")
    with pytest.warns(CacheWarning, match="Put that right, then `afml-cache mlflow sync`") as told:
        assert scored(1) == {"score": 1}
    assert "was deleted in MLflow; restore it" in str(told[0].message)
    with pytest.raises(TrackingError, match=r"it could not be sent to .* was deleted"):
        scored.run_for(1)


def test_an_answer_is_not_called_none(store, client):
    scored(1)
    with pytest.raises(TrackingError, match=r"has none such .*nope"):
        get_mlflow_cache().compare_runs(["nope"])


@pytest.mark.slow
def test_doctor_sees_the_run_of_a_program_that_was_killed(run, store, runs, start_python):
    program = start_python(
        """
        import sys
        from afml_cache import mlflow_cached
        @mlflow_cached
        def slow(x):
            print("running", flush=True)
            sys.stdin.read()
        slow(1)
        """
    )
    assert program.stdout.readline() == "running\n"
    assert len(Outbox(store.directory).every(BEGUN)) == 1
    assert "mlflow sync" not in run("doctor")  # it lives, and nothing is wrong
    program.kill()
    program.wait()
    said = run("doctor", code=1)
    assert "1 run of MLflow waits to be sent" in said
    assert "1 run sent, 0 left." in run("mlflow", "sync")
    assert [one.info.status for one in runs()] == ["KILLED"]
    assert "mlflow sync" not in run("doctor")


def test_what_cannot_be_sent_is_taken_off_when_told_so(run, store, client):
    box = Outbox(store.directory)
    scored(0)
    damaged = record_of(store, box)
    bad = record_of(store, box, place=Place("http://", "x"))
    with sqlite3.connect(box.path) as db:
        db.execute("UPDATE run SET body=replace(body, 'rf', 'x') WHERE record=?", (damaged.record,))
    db.close()
    said = run("mlflow", "sync", code=3)
    assert "'http://' names no host" in said and "does not fit its seal" in said
    said = run("doctor", code=1)
    assert "1 run of MLflow waits" in said and "1 run of MLflow will not be sent" in said
    assert "--drop" in said
    run("mlflow", "sync", "--drop", input="n\n", code=3)
    assert len(box.every(READY, REFUSED)) == 2
    assert json.loads(run("mlflow", "sync", "--drop", "--yes", "--json"))["dropped"] == 2
    assert box.every(READY, REFUSED) == [] and not box.files(bad.record).exists()
    assert "0 runs sent, 0 left." in run("mlflow", "sync")


def test_one_of_those_that_cannot_be_sent_is_taken_off(run, store, client):
    box = Outbox(store.directory)
    scored(0)
    first, second = (record_of(store, box, place=Place("http://", "x")) for _ in range(2))
    drop = "mlflow", "sync", "--drop", "--yes"
    assert "no record nope" in run(*drop, "--only", "nope", code=2)
    assert "1 run taken off the queue." in run(*drop, "--only", first.record, code=3)
    assert [one.record for one in box.every(READY)] == [second.record]
    assert "--drop or --to" in run("mlflow", "sync", "--only", second.record, code=2)
    to = "--to", str(store.directory / "records" / "mlflow.db")
    third = record_of(store, box, place=Place("http://", "x"))
    assert "1 run sent, 1 left." in run("mlflow", "sync", *to, "--only", third.record, code=3)
    assert [one.record for one in box.every(READY)] == [second.record]


def test_what_was_to_go_to_a_wrong_address_is_sent_elsewhere(run, store, runs, client):
    box = Outbox(store.directory)
    scored(0)
    study = record_of(store, box, place=Place("http://", "", "7"), name="study", key="")
    record_of(store, box, place=Place("http://", "x"), parent=study.record)
    stray = {"mlflow.parentRunId": "of another store"}
    record_of(store, box, place=Place("http://", "x"), tags=stray, run_id="of another store")
    assert "Usage" in run("mlflow", "sync", "--to", "htp://x", code=2)
    said = run("mlflow", "sync", "--to", str(store.directory / "records" / "mlflow.db"))
    assert "3 runs sent, 0 left." in said
    (made,) = [one for one in runs() if one.info.run_name == "study"]
    parents = {one.data.tags.get("mlflow.parentRunId") for one in runs("x")}
    assert parents == {made.info.run_id, None} and len(runs("x")) == 2


def test_a_database_that_fails_costs_one_sentence(store, client, capfd):
    path = store.directory / "records" / "mlflow.db"
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE params")
    db.close()
    with pytest.warns(CacheWarning, match="no such table: params"):
        assert scored(1) == {"score": 1}
    assert "Traceback" not in capfd.readouterr().err
