"""Runs that the user has open are respected, and what the function logs itself lands in its run."""

from __future__ import annotations

import shutil

import pytest

from afml_cache import CacheWarning, get_mlflow_cache, mlflow_cached

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def ours(client):
    """The program tells mlflow to log where the cache does."""
    mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri)


@mlflow_cached
def scored(x):
    return {"score": x}


def test_a_run_is_nested_under_the_one_that_is_open(ours, client):
    experiment = client.create_experiment("theirs")
    with mlflow.start_run(experiment_id=experiment) as parent:
        scored(1)
        assert mlflow.active_run().info.run_id == parent.info.run_id
        mlflow.log_metric("after", 1)
    runs = client.search_runs([experiment])
    (child,) = [run for run in runs if run.info.run_id != parent.info.run_id]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    (parent,) = [run for run in runs if run.info.run_id == parent.info.run_id]
    assert parent.data.metrics == {"after": 1} and parent.info.status == "FINISHED"


def test_a_call_within_a_call_is_nested(ours, runs):
    @mlflow_cached
    def outer(x):
        return {"twice": scored(x)["score"] * 2}

    outer(1)
    by_name = {run.info.run_name.rpartition("-")[0]: run for run in runs()}
    parent = by_name["scored"].data.tags["mlflow.parentRunId"]
    assert parent == by_name["outer"].info.run_id
    assert mlflow.active_run() is None


def test_what_the_function_logs_lands_in_its_run(ours, runs):
    @mlflow_cached
    def logs(x, steps=3):
        for step in range(steps):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_param("x", "theirs")
        return {"score": x}

    logs(1)
    logs(1)
    (run,) = runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["loss"] == pytest.approx(1 / 3) and run.data.metrics["score"] == 1
    assert run.data.params == {"x": "theirs", "steps": "3"}


def test_autolog_speaks_of_the_same_run(ours, runs):
    pytest.importorskip("sklearn")
    from tests.mlflow_tracking.trained import FEATURES, LABELS, train_model

    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    try:
        train_model(FEATURES, LABELS, {"n_estimators": 2})
    finally:
        mlflow.sklearn.autolog(disable=True)
    (run,) = runs()
    assert run.data.metrics["training_accuracy_score"] == run.data.metrics["accuracy"]
    assert run.data.params["bootstrap"] == "True" and run.data.params["n_estimators"] == "2"
    assert run.info.status == "FINISHED"


def test_a_failing_call_leaves_the_users_run_open(ours, runs):
    @mlflow_cached
    def fails():
        raise ValueError("no")

    with mlflow.start_run() as parent:
        with pytest.raises(ValueError, match="no"):
            fails()
        assert mlflow.active_run().info.run_id == parent.info.run_id


def test_a_run_of_another_place_is_left_alone(tmp_path, template, runs):
    from afml_cache import setup_mlflow_cache

    shutil.copyfile(template, tmp_path / "theirs.db")
    uri = f"sqlite:///{tmp_path / 'theirs.db'}"
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("x", artifact_location=(tmp_path / "art").as_uri())
    setup_mlflow_cache("afml-cache", f"{tmp_path / 'cache' / 'records' / 'mlflow.db'}")
    with mlflow.start_run(experiment_id=experiment):
        with pytest.warns(CacheWarning, match="so that they are not nested under it"):
            scored(1)
        scored(2)  # it is said once
    run, _ = runs()
    assert "mlflow.parentRunId" not in run.data.tags
    assert len(client.search_runs([experiment])) == 1


def test_where_no_address_was_named_runs_go_where_the_users_run_is(
    tmp_path, template, client, monkeypatch
):
    from afml_cache import setup_mlflow_cache

    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    shutil.copyfile(template, "mlflow.db")  # as MLflow makes it there by default
    setup_mlflow_cache("project")

    @mlflow_cached
    def logs(x):
        mlflow.log_metric("own", x)
        return {"score": x}

    with mlflow.start_run() as outer:
        logs(1)
    logs(2)
    run = logs.run_for(1)
    assert run.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert (run.data.metrics["own"], run.data.metrics["score"]) == (1, 1)
    assert mlflow.get_run(run.info.run_id).info.experiment_id == outer.info.experiment_id
    mlflow.end_run()  # what the second call, whose run is not there, has begun
    assert "own" not in logs.run_for(2).data.metrics
    assert get_mlflow_cache().get_best_run("score").info.run_id == logs.run_for(2).info.run_id
