"""A run that somebody deletes while its function runs is over: he does not want it."""

from __future__ import annotations

import dataclasses
import warnings

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking import send as sending
from afml_cache.tracking.outbox import BEGUN, READY, SENT, Outbox
from tests.mlflow_tracking.queued import record_of

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(autouse=True)
def _ours_is_open(client):
    mlflow.set_tracking_uri(setup_mlflow_cache("afml-cache").tracking_uri)


@mlflow_cached
def deletes(x):
    mlflow.delete_run(mlflow.active_run().info.run_id)
    return {"score": x}


def test_the_run_of_a_call_that_was_deleted_waits_for_nothing(runs, store):
    with warnings.catch_warnings(action="error"):
        assert deletes(1) == {"score": 1} and deletes(1) == {"score": 1}
    box = Outbox(store.directory)
    assert [one.state for one in box.every(BEGUN, READY, SENT)] == [SENT]
    assert deletes.run_for(1) is None and runs() == []
    assert get_mlflow_cache().sync() == (0, 0)


def test_so_it_is_with_a_block_that_holds_others(runs, store):
    @mlflow_cached
    def scored(x):
        return {"score": x}

    with get_mlflow_cache().experiment_run("block"):
        scored(1)
        mlflow.delete_run(mlflow.active_run().info.run_id)
        scored(2)
    assert [run.data.metrics["score"] for run in runs()] == [1, 2]
    assert {one.state for one in Outbox(store.directory).every(BEGUN, READY, SENT)} == {SENT}


def test_what_was_deleted_is_not_counted_as_sent_by_sync(runs, store, client):
    box = Outbox(store.directory)
    record = record_of(store, box)
    run_id = sending.begin(record, again=False).info.run_id
    client.delete_run(run_id)
    box.put(dataclasses.replace(record, run_id=run_id), READY, store.sealer())
    assert get_mlflow_cache().sync() == (0, 0)
    assert [one.record for one in box.every(SENT)] == [record.record] and runs() == []
