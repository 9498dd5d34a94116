"""A real tracking server that is killed in the middle, is full, and comes back."""

from __future__ import annotations

import time

import pytest

from afml_cache import CacheWarning, get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking.outbox import READY, Outbox
from tests.mlflow_tracking.trained import FEATURES, LABELS, train_model

mlflow = pytest.importorskip("mlflow")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def runs_of(server, experiment="served"):
    client = mlflow.MlflowClient(tracking_uri=server.uri)
    found = client.get_experiment_by_name(experiment)
    return client.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"])


def test_a_server_that_is_killed_and_comes_back_has_every_run_once(server, store):
    setup_mlflow_cache("served", server.uri, patience=60.0)  # this machine may be a busy one
    train_model(FEATURES, LABELS, {"n_estimators": 2})
    (run,) = runs_of(server)
    assert run.outputs.model_outputs and run.info.status == "FINISHED"

    server.kill()
    with pytest.warns(CacheWarning, match="the runs wait in the queue"):
        model, _ = train_model(FEATURES, LABELS, {"n_estimators": 3})
    train_model(FEATURES, LABELS, {"n_estimators": 4})
    assert train_model(FEATURES, LABELS, {"n_estimators": 3})[0].n_estimators == 3
    assert train_model.cache_info().computed == 3
    assert len(Outbox(store.directory).every(READY)) == 2

    server.start()
    assert get_mlflow_cache().sync()[1] == 0
    runs = runs_of(server)
    assert [run.data.params["n_estimators"] for run in runs] == ["2", "3", "4"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert Outbox(store.directory).every(READY) == []
    assert runs[1].data.tags["afml.hits"] == "1"
    run = train_model.run_for(FEATURES, LABELS, {"n_estimators": 3})
    loaded = get_mlflow_cache().load_model_from_run(run.info.run_id)
    assert (loaded.predict(FEATURES) == model.predict(FEATURES)).all()


def test_a_server_that_is_killed_while_the_function_runs_costs_neither_result_nor_run(
    server, store
):
    mlflow.set_tracking_uri(server.uri)  # so the run is open while the function runs
    setup_mlflow_cache("served", server.uri, patience=60.0)  # this machine may be a busy one

    @mlflow_cached
    def scored(x):
        (run,) = runs_of(server)
        assert run.info.status == "RUNNING"
        server.kill()
        return {"score": x}

    with pytest.warns(CacheWarning, match="the runs wait in the queue"):
        assert scored(1) == {"score": 1}
    assert mlflow.active_run() is None
    server.start()
    assert get_mlflow_cache().sync()[1] == 0
    (run,) = runs_of(server)
    assert run.info.status == "FINISHED" and run.data.metrics["score"] == 1


def test_a_server_without_room_gets_the_run_when_it_has_some(server, store):
    setup_mlflow_cache("served", server.uri, patience=60.0)
    train_model(FEATURES, LABELS, {"n_estimators": 2})
    setup_mlflow_cache("served", server.uri, patience=2.0)
    server.kill()
    server.start(largest_file=4096)
    with pytest.warns(CacheWarning, match="no answer within 2 seconds|cannot be sent"):
        train_model(FEATURES, LABELS, {"n_estimators": 3})
    assert train_model.cache_contains(FEATURES, LABELS, {"n_estimators": 3})
    server.kill()
    server.start()
    deadline = time.monotonic() + 120
    while Outbox(store.directory).every(READY) and time.monotonic() < deadline:
        get_mlflow_cache().sync()  # mlflow itself may still be about it
    assert [run.data.params["n_estimators"] for run in runs_of(server)] == ["2", "3"]
