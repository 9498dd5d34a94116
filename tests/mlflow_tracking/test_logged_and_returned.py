"""What a function returns is what its run says, also of a metric that it has logged itself."""

from __future__ import annotations

import math

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking import send as sending
from afml_cache.tracking.outbox import READY, Outbox
from tests.mlflow_tracking.queued import record_of

mlflow = pytest.importorskip("mlflow")

CURVE = [0.5, 0.9, 0.8, 0.6]


@pytest.fixture(autouse=True)
def _ours_is_open(client):
    """The program tells mlflow to log where the cache does."""
    mlflow.set_tracking_uri(setup_mlflow_cache("afml-cache").tracking_uri)


@mlflow_cached
def train(rate):
    for epoch, accuracy in enumerate(CURVE):
        mlflow.log_metric("accuracy", accuracy * rate, step=epoch)
    return {"accuracy": max(CURVE) * rate}


def history(client, run, name="accuracy"):
    return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]


def test_a_metric_with_a_history_has_the_returned_value_in_the_end(client):
    best = train(1.0)
    train(0.5)
    run = train.run_for(1.0)
    assert run.data.metrics["accuracy"] == best["accuracy"] == 0.9
    assert sorted(history(client, run)) == sorted([*enumerate(CURVE), (3, 0.9)])
    assert get_mlflow_cache().get_best_run("accuracy").info.run_id == run.info.run_id


@pytest.mark.parametrize("value", [0.6, math.nan, math.inf])
def test_a_value_that_was_logged_last_is_not_logged_again(value, client, runs):
    @mlflow_cached
    def logs():
        mlflow.log_metric("accuracy", 0.9, step=0)
        mlflow.log_metric("accuracy", value, step=1)
        return {"accuracy": value}

    logs()
    (run,) = runs()
    assert len(history(client, run)) == 2


def test_a_metric_of_a_time_to_come_is_followed_all_the_same(client, runs):
    @mlflow_cached
    def logs():
        mlflow.log_metric("accuracy", 0.9, step=1, timestamp=2**42)
        return {"accuracy": 0.7}

    logs()
    (run,) = runs()
    assert run.data.metrics["accuracy"] == 0.7


def test_sent_again_it_is_there_once(store, client, runs):
    box = Outbox(store.directory)
    record = record_of(store, box)
    run_id = sending.begin(record, again=False).info.run_id
    client.log_metric(run_id, "score", 3.0, step=7)
    for _ in range(2):
        assert sending.send(record, box.files(record.record), again=True) == run_id
    (run,) = runs()
    assert run.data.metrics["score"] == 1.5
    assert history(client, run, "score") == [(7, 3.0), (7, 1.5)]
    assert len(box.every(READY)) == 1
