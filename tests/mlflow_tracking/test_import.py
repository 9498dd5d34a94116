"""`afml-cache mlflow import`: what a folder `mlruns` holds arrives, with what hangs on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from afml_cache import get_mlflow_cache, setup_mlflow_cache
from afml_cache.cli import main

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def run(store):
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
        assert result.exit_code == code, (result.output, result.exception)
        return result.output

    return invoke


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A parent, a child with data and a model, and one that judges the model; by MLflow itself."""
    sklearn = pytest.importorskip("sklearn.linear_model")
    import mlflow.sklearn
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        InputTag,
        LoggedModelInput,
        LoggedModelOutput,
        Metric,
    )

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "project" / "mlruns"
    client = mlflow.MlflowClient(tracking_uri=folder.as_uri())
    experiment = client.create_experiment("old")
    parent = client.create_run(experiment, 9000, run_name="parent").info.run_id
    child = client.create_run(experiment, 2000, {"mlflow.parentRunId": parent}, "child")
    child = child.info.run_id
    judge = client.create_run(experiment, 1000, run_name="judge").info.run_id
    data = Dataset("prices", "abc1", "code", "{}", '{"mlflow_colspec": []}', None)
    given = [DatasetInput(data, [InputTag("mlflow.data.context", "training")])]
    client.log_inputs(child, datasets=given)
    model = client.create_logged_model(
        experiment, "model", child, tags={"kind": "linear"}, params={"alpha": "1"}
    )
    fitted = sklearn.LinearRegression().fit([[0.0], [1.0]], [0.0, 3.0])
    flavor = mlflow.models.Model(model_id=model.model_id, run_id=child)
    draft = tmp_path / "draft"
    mlflow.sklearn.save_model(
        fitted, str(draft), mlflow_model=flavor, pip_requirements=["scikit-learn"]
    )
    client.log_model_artifacts(model.model_id, str(draft))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(child, [LoggedModelOutput(model.model_id, 4)])
    for step in range(3):
        client.log_metric(child, "loss", 1 / (step + 1), 10 + step, step)
    client.log_inputs(judge, models=[LoggedModelInput(model.model_id)])
    client.log_batch(
        judge,
        metrics=[
            Metric("r2", 0.5, 10, 0, model.model_id, "prices", "abc1"),
            Metric("seconds", 2.0, 10, 0),
        ],
    )
    for one in (parent, child):
        client.set_terminated(one, "FINISHED", 5000)
    client.set_terminated(judge, "FAILED", 5000)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    return folder


def test_models_data_and_nesting_are_imported(run, runs, client, project):
    said = run("mlflow", "import", str(project))
    assert "old: 3 of 3 runs imported" in said and "Not imported" not in said
    found = {one.info.run_name: one for one in runs("old")}
    parent, child, judge = (found[name] for name in ("parent", "child", "judge"))
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id

    (given,) = child.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("prices", "abc1")
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]

    (output,) = child.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert output.step == 4 and model.source_run_id == child.info.run_id
    assert model.name == "model" and str(model.status) == "READY"
    assert model.params == {"alpha": "1"} and model.tags["kind"] == "linear"
    setup_mlflow_cache("old")
    fitted = get_mlflow_cache().load_model_from_run(child.info.run_id)
    assert fitted.predict([[2.0]]).tolist() == pytest.approx([6.0])
    described = mlflow.models.Model.load(model.artifact_location.removeprefix("file://"))
    assert (described.model_id, described.run_id) == (model.model_id, child.info.run_id)

    # What another run has measured on the model says of which, and on which data.
    inputs = client.get_run(judge.info.run_id).inputs  # a search does not tell them
    assert [one.model_id for one in inputs.model_inputs] == [model.model_id]
    (metric,) = model.metrics
    assert (metric.key, metric.value, metric.run_id) == ("r2", 0.5, judge.info.run_id)
    assert (metric.dataset_name, metric.dataset_digest) == ("prices", "abc1")
    assert judge.data.metrics == {"r2": 0.5, "seconds": 2.0} and judge.info.status == "FAILED"


def test_an_import_that_was_cut_short_leaves_nothing_double(
    run, runs, client, project, monkeypatch
):
    real = mlflow.MlflowClient.log_outputs

    def cut(*args, **kwargs):
        real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "log_outputs", cut)
        run("mlflow", "import", str(project), code=130)
    run("mlflow", "import", str(project))
    assert sorted(one.info.run_name for one in runs("old")) == ["child", "judge", "parent"]
    experiment = client.get_experiment_by_name("old").experiment_id
    assert len(client.search_logged_models([experiment])) == 1


def test_what_stays_behind_is_counted_and_the_way_to_it_named(run, runs, client, project):
    (experiment,) = {path.parent for path in project.glob("*/models")}
    (experiment / "traces" / "tr-1").mkdir(parents=True)
    (experiment / "models" / "m-alone").mkdir()
    (experiment / "models" / "m-alone" / "meta.yaml").write_text("name: alone\n")
    said = run("mlflow", "import", str(project))
    assert "Not imported: 1 trace, 1 model of no run." in said
    assert "mlflow migrate-filestore" in said


def test_a_run_whose_parent_was_deleted_says_so_and_is_nobodys_child(run, runs, client, project):
    (parent,) = {path.read_text() for path in project.glob("*/*/tags/mlflow.parentRunId")}
    (meta,) = project.glob(f"*/{parent}/meta.yaml")
    meta.write_text(meta.read_text().replace("active", "deleted"))
    said = run("mlflow", "import", str(project), "--json")
    assert json.loads(said[said.index("{") :])["imported"] == {"old": 2, "Default": 0}
    (child,) = [one for one in runs("old") if one.info.run_name == "child"]
    assert "mlflow.parentRunId" not in child.data.tags
    assert child.data.tags["afml.parent_not_imported"] == parent


def test_the_first_day_is_an_import_and_a_look_makes_nothing(run, project, store):
    said = run("mlflow", "import", str(project), "--dry-run")
    assert "old: 3 runs" in said and list(store.directory.glob("*")) == []
    assert "old: 3 of 3 runs imported" in run("mlflow", "import", str(project))
    assert "old: 0 of 3 runs imported" in run("mlflow", "import", str(project))
    assert "0 runs sent, 0 left." in run("mlflow", "sync")  # there is a cache now


def test_what_was_deleted_is_counted_and_a_run_that_had_not_ended_is_told(
    run, runs, monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "old" / "mlruns"
    there = mlflow.MlflowClient(tracking_uri=folder.as_uri())
    experiment = there.create_experiment("old")
    there.create_run(experiment, 1000, run_name="open")
    there.delete_run(there.create_run(experiment, 2000).info.run_id)
    there.delete_experiment(there.create_experiment("gone"))
    said = run("mlflow", "import", str(folder), "--dry-run")
    assert "1 run had not ended" in said
    said = run("mlflow", "import", str(folder))
    assert "Not imported: 1 deleted run, 1 deleted experiment." in said
    assert "1 run had not ended, and is KILLED there" in said
    (one,) = runs("old")
    assert one.info.status == "KILLED" and one.data.tags["afml.imported_status"] == "RUNNING"
    said = run("mlflow", "import", str(folder), "--json")
    document = json.loads(said[said.index("{") :])
    assert document["left"] == {"deleted run": 1, "deleted experiment": 1}
    assert "had not ended" not in run("mlflow", "import", str(folder))
