"""`afml-cache mlflow archive` takes models along, and leaves none but registered ones."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from afml_cache import get_mlflow_cache, mlflow_cached
from afml_cache.cli import main
from afml_cache.tracking import archive as archives
from tests.mlflow_tracking.test_commands import old

mlflow = pytest.importorskip("mlflow")
ARCHIVE = ("mlflow", "archive", "--older-than", "1d", "--yes")


@pytest.fixture
def run(store):
    def invoke(*arguments, code=0):
        store.flush()
        result = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return invoke


@mlflow_cached(log_model=False)
def scored(x):
    return {"score": x}


@pytest.fixture
def run_id(store, runs, client, tmp_path):
    """A run of long ago with two models of one name, as training logs them step by step."""
    from mlflow.entities import LoggedModelOutput

    scored(1)
    (one,) = runs()
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    for step in range(2):
        model = client.create_logged_model(one.info.experiment_id, "net", one.info.run_id)
        client.log_model_artifact(model.model_id, str(tmp_path / "MLmodel"))
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(one.info.run_id, [LoggedModelOutput(model.model_id, step)])
    old(client, store, one.info.run_id, 2)
    return one.info.run_id


def models(client, runs):
    experiment = client.get_experiment_by_name("afml-cache").experiment_id
    return client.search_logged_models([experiment])


def test_the_models_are_written_each_and_deleted(run, run_id, store, runs, client):
    both = {one.model_id for one in models(client, runs)}
    assert "1 run was written" in run(*ARCHIVE)
    assert runs() == [] and models(client, runs) == []
    folder = store.directory / "records" / "mlflow-archive" / "afml-cache" / run_id
    assert {path.name for path in (folder / "models" / "net").iterdir()} == both
    assert len(list(folder.glob("models/net/*/**/MLmodel"))) == 2
    assert len(json.loads((folder / "run.json").read_text())["models"]) == 2


def test_a_registered_model_stays(run, run_id, runs, client):
    first, second = models(client, runs)
    mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri)  # where its registry looks for models
    client.create_registered_model("in production")
    source = f"models:/{first.model_id}"
    client.create_model_version("in production", source, run_id, model_id=first.model_id)
    assert "Models that are registered stay with MLflow: net." in run(*ARCHIVE)
    assert runs() == []
    assert [one.model_id for one in models(client, runs)] == [first.model_id] != [second.model_id]


def test_an_archiving_that_was_cut_short_is_finished_with_all_models(
    run, run_id, store, runs, client, monkeypatch
):
    with monkeypatch.context() as cut:
        cut.setattr(mlflow.MlflowClient, "delete_run", lambda *_: 1 / 0)
        assert "ZeroDivisionError" in run(*ARCHIVE, code=3)
    assert len(runs()) == 1 and models(client, runs) == []
    assert "1 run was written" in run(*ARCHIVE)
    folder = store.directory / "records" / archives.FOLDER / "afml-cache" / run_id
    assert len(json.loads((folder / "run.json").read_text())["models"]) == 2 and runs() == []
