"""A record that is sent again, in part or in full, says the same as one that was sent once."""

from __future__ import annotations

import pytest

from afml_cache.tracking import send as sending
from afml_cache.tracking.model_files import save_models
from afml_cache.tracking.outbox import READY, Outbox
from afml_cache.tracking.place import place_for
from afml_cache.tracking.record import FINISHED, Record, new_name

pytest.importorskip("mlflow")
linear = pytest.importorskip("sklearn.linear_model")

DATASET = {
    "name": "prices",
    "digest": "ab" * 16,
    "source_type": "code",
    "source": "{}",
    "schema": "",
    "profile": "",
    "context": "data",
}


def record_of(store, box):
    made = Record(
        record=new_name(),
        name="one",
        place=place_for(store.directory),
        start=1000,
        end=2000,
        status=FINISHED,
        params={"window": "2"},
        metrics={"score": 1.5},
        datasets=(DATASET,),
    )
    files = box.files(made.record)
    (files / "artifacts").mkdir(parents=True)
    (files / "artifacts" / "note.txt").write_text("hello")
    model = linear.LinearRegression().fit([[0.0], [1.0]], [0, 1])
    assert save_models(files / "models", {"model": model}, {}) == {}
    return box.put(made, READY, store.sealer())


def said(client, run):
    """All that a run says."""
    return {
        "status": (run.info.status, run.info.end_time),
        "params": run.data.params,
        "scores": [one.value for one in client.get_metric_history(run.info.run_id, "score")],
        "datasets": [one.dataset.name for one in run.inputs.dataset_inputs],
        "models": len({one.model_id for one in run.outputs.model_outputs}),
        "files": [one.path for one in client.list_artifacts(run.info.run_id)],
    }


ALL = {
    "status": ("FINISHED", 2000),
    "params": {"window": "2"},
    "scores": [1.5],
    "datasets": ["prices"],
    "models": 1,
    "files": ["note.txt"],
}


def test_all_of_a_run_sent_twice_is_there_once(store, runs, client):
    box = Outbox(store.directory)
    record = record_of(store, box)
    sending.send(record, box.files(record.record), again=False)
    sending.send(record, box.files(record.record), again=True)
    (run,) = runs()
    assert said(client, run) == ALL


@pytest.mark.parametrize("status", ["FINISHED", "FAILED"])
def test_a_run_that_was_ended_by_somebody_else_is_told_the_rest(status, store, runs, client):
    box = Outbox(store.directory)
    record = record_of(store, box)
    run_id = sending.begin(record, again=False).info.run_id
    client.set_terminated(run_id, status)
    assert sending.send(record, box.files(record.record), again=True) == run_id
    (run,) = runs()
    assert said(client, run) == ALL
