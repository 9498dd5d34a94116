"""What a function returns is the figure of its run, whatever it has logged on the way."""

from __future__ import annotations

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.place import Place
from afml_cache.tracking.record import FINISHED, Record
from afml_cache.tracking.send import send

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def ours(client):
    """The program tells mlflow to log where the cache does."""
    mlflow.set_tracking_uri(setup_mlflow_cache("afml-cache").tracking_uri)


@mlflow_cached
def trained(rate):
    curve = [rate * one for one in (0.5, 0.9, 0.6)]
    for epoch, accuracy in enumerate(curve):
        mlflow.log_metric("accuracy", accuracy, step=epoch)
        mlflow.log_metric("Return pct", accuracy, step=epoch)
    return {"accuracy": max(curve), "Return [%]": curve[-1]}


def history(client, run, name):
    found = client.get_metric_history(run.info.run_id, name)
    return [(one.step, one.value) for one in sorted(found, key=lambda one: one.step)]


def test_the_returned_figure_comes_after_the_history_of_its_name(ours, client):
    returned = trained(1.0)
    trained(0.8)
    run = trained.run_for(1.0)
    assert run.data.metrics["accuracy"] == returned["accuracy"] == 0.9
    assert history(client, run, "accuracy") == [(0, 0.5), (1, 0.9), (2, 0.6), (3, 0.9)]
    best = get_mlflow_cache().get_best_run("accuracy")
    assert best.info.run_id == run.info.run_id


def test_a_figure_that_is_the_last_of_its_history_is_not_added(ours, client):
    trained(1.0)
    assert history(client, trained.run_for(1.0), "Return pct") == [(0, 0.5), (1, 0.9), (2, 0.6)]


def test_so_it_is_with_what_a_block_says(ours, runs):
    with get_mlflow_cache().experiment_run("block") as run:
        mlflow.log_metric("loss", 0.9, step=4)
        run.log_metric("loss", 0.2)
    (found,) = runs()
    assert found.data.metrics["loss"] == 0.2


@pytest.mark.parametrize("value", [0.9, float("nan"), float("inf"), float("-inf")])
def test_sent_again_it_is_not_added_again(client, store, value):
    place = Place(get_mlflow_cache().tracking_uri, "afml-cache")
    run = client.create_run(client.create_experiment("afml-cache"))
    client.log_metric(run.info.run_id, "loss", 0.5, timestamp=10, step=7)
    record = Record(
        record="a" * 32,
        name="again",
        place=place,
        start=10,
        end=10,
        status=FINISHED,
        metrics={"loss": value},
        run_id=run.info.run_id,
    )
    for again in (False, True, True):
        send(record, Outbox(store.directory).files(record.record), again=again)
    steps = [step for step, _ in history(client, run, "loss")]
    assert steps == [7, 8]
