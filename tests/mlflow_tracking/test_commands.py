"""`afml-cache mlflow sync`, `archive` and `import`, and what `doctor` says of MLflow."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from afml_cache import CacheWarning, mlflow_cached, robust_cacheable, setup_mlflow_cache
from afml_cache.cli import main
from afml_cache.tracking.outbox import READY, Outbox

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def run(store):
    def invoke(*arguments, code=0, input=None):
        store.flush()
        result = CliRunner().invoke(main, arguments, input=input, env={"COLUMNS": "200"})
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return invoke


@mlflow_cached
def scored(x):
    return {"score": x}


@pytest.fixture
def waiting(client):
    """The address that a run waits for: nobody listens there, nor will."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{one.getsockname()[1]}"
        setup_mlflow_cache("later", uri)
        with pytest.warns(CacheWarning):
            scored(1)
        yield uri


def test_sync_sends_what_waits(store, run, runs, client):
    from tests.mlflow_tracking.queued import record_of

    robust_cacheable(scored.__wrapped__)(1)  # so that there is a cache
    record_of(store, Outbox(store.directory))
    assert "1 run sent, 0 left." in run("mlflow", "sync")
    assert len(runs()) == 1
    assert json.loads(run("mlflow", "sync", "--json"))["sent"] == 0


def test_sync_says_what_could_not_be_sent_and_why_and_ends_with_3(waiting, run):
    said = run("mlflow", "sync", code=3)
    assert "0 runs sent, 1 left." in said
    assert f"1 for {waiting}: the tracking server" in said and "does not answer" in said
    document = json.loads(run("mlflow", "sync", "--json", code=3))
    assert document["unsent"][0]["function"] == scored.identity


def test_doctor_names_runs_that_wait(waiting, run):
    said = run("doctor", code=1)
    assert (
        f"1 run of MLflow waits to be sent to {waiting}" in said
        and "afml-cache mlflow sync" in said
    )


def old(client, store, run_id, days):
    """Make a run of today one of long ago, in MLflow and in the queue."""
    import sqlite3

    then = time.time() - days * 86_400
    client.set_terminated(run_id, end_time=int(then * 1000))
    with sqlite3.connect(Outbox(store.directory).path) as db:
        db.execute("UPDATE run SET created=? WHERE run_id=?", (then - 1, run_id))
    db.close()


def test_archive_shows_writes_and_then_deletes_runs_of_long_ago(store, run, runs, client, tmp_path):
    scored(1)
    scored(2)
    first, second = runs()
    old(client, store, first.info.run_id, 100)
    command = ("mlflow", "archive", "--older-than", "90d")

    said = run(*command, "--dry-run")
    assert "afml-cache: 1 run that was over 90d ago" in said and len(runs()) == 2
    assert "Nothing was changed." in run(*command, input="n\n") and len(runs()) == 2

    assert "1 run was written" in run(*command, "--yes", "--to", str(tmp_path / "old"))
    assert [one.info.run_id for one in runs()] == [second.info.run_id]
    written = tmp_path / "old" / "afml-cache" / first.info.run_id / "run.json"
    document = json.loads(written.read_text())
    assert document["data"]["metrics"]["score"] == 1
    assert document["metric_history"]["score"][0][2] == 1
    assert scored.run_for(1) is None and scored.run_for(2).info.run_id == second.info.run_id
    assert "No run that this cache has recorded" in run(*command, "--yes")
    client.restore_run(first.info.run_id)  # until `mlflow gc`


def test_an_archived_run_brings_its_artefacts_and_its_model_along(store, run, runs, client):
    pytest.importorskip("sklearn")
    from tests.mlflow_tracking.trained import FEATURES, LABELS, train_model

    @mlflow_cached
    def trained():
        model, metrics = train_model.__wrapped__(FEATURES, LABELS, {"n_estimators": 2})
        return model, FEATURES, metrics

    trained()
    (one,) = runs()
    old(client, store, one.info.run_id, 2)
    run("mlflow", "archive", "--older-than", "1d", "--yes")
    folder = store.directory / "records" / "mlflow-archive" / "afml-cache" / one.info.run_id
    assert (folder / "artifacts" / "table.parquet").is_file()
    assert list(folder.glob("models/model/**/MLmodel"))


def test_what_cannot_be_written_is_not_deleted(store, run, runs, client, tmp_path):
    scored(1)
    old(client, store, runs()[0].info.run_id, 100)
    (tmp_path / "file").write_text("")
    said = run(
        *("mlflow", "archive", "--older-than", "90d", "--yes"),
        *("--to", str(tmp_path / "file" / "x")),
        code=3,
    )
    assert "Runs that were not written are not deleted." in said and len(runs()) == 1


def test_an_age_has_a_unit(store, run, client):
    scored(1)
    assert "has no unit" in run("mlflow", "archive", "--older-than", "90", code=2)


@pytest.fixture
def mlruns(tmp_path, monkeypatch) -> Path:
    """A folder of runs, written by MLflow itself as it used to."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "project" / "mlruns"
    client = mlflow.MlflowClient(tracking_uri=folder.as_uri())
    experiment = client.create_experiment("old_project")
    for number in (1, 2):
        run = client.create_run(experiment, start_time=1000 * number, run_name=f"fit {number}")
        client.log_param(run.info.run_id, "group/window", number)
        for step in range(3):
            client.log_metric(run.info.run_id, "loss", 1 / (step + number), 10 + step, step)
        client.set_tag(run.info.run_id, "model", "rf")
        client.log_text(run.info.run_id, "hello", "notes/note.txt")
        client.set_terminated(run.info.run_id, "FINISHED", end_time=5000)
    gone = client.create_run(experiment)
    client.delete_run(gone.info.run_id)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    return folder


def test_runs_of_a_folder_mlruns_are_imported_once(store, run, runs, client, mlruns):
    scored(1)
    assert "old_project: 2 runs" in run("mlflow", "import", str(mlruns), "--dry-run")
    assert runs("old_project") == []
    assert "old_project: 2 of 2 runs imported" in run("mlflow", "import", str(mlruns))
    first, second = runs("old_project")
    assert (first.info.run_name, first.info.status) == ("fit 1", "FINISHED")
    assert (first.info.start_time, first.info.end_time) == (1000, 5000)
    assert first.data.params == {"group/window": "1"} and first.data.tags["model"] == "rf"
    history = client.get_metric_history(second.info.run_id, "loss")
    assert [(one.step, one.timestamp) for one in history] == [(0, 10), (1, 11), (2, 12)]
    note = client.download_artifacts(first.info.run_id, "notes/note.txt")
    assert Path(note).read_text() == "hello"
    assert "old_project: 0 of 2 runs imported" in run("mlflow", "import", str(mlruns))
    assert len(runs("old_project")) == 2


def test_doctor_finds_a_folder_mlruns_until_it_is_imported(store, run, client, mlruns, monkeypatch):
    scored(1)
    monkeypatch.chdir(mlruns.parent)
    said = run("doctor", code=1)
    assert f"{mlruns} holds 2 runs" in said
    assert f"afml-cache mlflow import {mlruns}" in said
    run("mlflow", "import", str(mlruns))
    assert "holds" not in run("doctor")


def test_a_folder_without_experiments_is_said(store, run, client, tmp_path):
    scored(1)
    assert "no experiments of MLflow" in run("mlflow", "import", str(tmp_path), code=3)


def test_a_run_that_cannot_be_sent_stays(waiting, store, run):
    run("mlflow", "sync", code=3)
    assert len(Outbox(store.directory).every(READY)) == 1
