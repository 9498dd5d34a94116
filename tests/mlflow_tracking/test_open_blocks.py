"""A block of experiment_run is open while it runs: what is called, or logged, in it is in it."""

from __future__ import annotations

import pytest

from afml_cache import CacheWarning, get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from afml_cache.backtest_cache import sweep
from afml_cache.tracking.outbox import BEGUN, READY, Outbox
from tests.mlflow_tracking.strategies import PRICES, crossing

mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def ours(client):
    """The program tells mlflow to log where the cache does."""
    mlflow.set_tracking_uri(setup_mlflow_cache("afml-cache").tracking_uri)


@mlflow_cached
def scored(x):
    return {"score": x}


@mlflow_cached
def twice(x):
    return {"twice": scored(x)["score"] * 2}


@mlflow_cached
def other(x):
    return {"score": x}


def parents(found):
    """The name of each run, and of the run that it is under."""
    names = {run.info.run_id: run.info.run_name for run in found}
    return {
        run.info.run_name.partition("-")[0]: names.get(run.data.tags.get("mlflow.parentRunId"))
        for run in found
    }


@pytest.fixture(params=["ours", "elsewhere"])
def told(request, client):
    """Whether the program tells mlflow to log where the cache does, or nothing at all."""
    if request.param == "ours":
        request.getfixturevalue("ours")
    return request.param


def test_calls_in_a_block_are_nested_under_its_run(told, runs):
    with get_mlflow_cache().experiment_run("block") as run:
        scored(1)
        run.log_metric("a", 1)
    assert parents(runs()) == {"block": None, "scored": "block"}
    assert {run.info.status for run in runs()} == {"FINISHED"}
    assert run.run_id in {run.info.run_id for run in runs()}
    assert mlflow.active_run() is None


def test_calls_within_calls_and_blocks_within_blocks_are_nested_where_they_are(ours, runs):
    cache = get_mlflow_cache()
    mlflow.set_experiment("afml-cache")
    with mlflow.start_run(run_name="user") as user:
        with cache.experiment_run("outer"), cache.experiment_run("inner"):
            twice(1)
            with mlflow.start_run(run_name="own"):
                other(2)
        assert mlflow.active_run().info.run_id == user.info.run_id
    assert parents(runs()) == {
        "user": None,
        "outer": "user",
        "inner": "outer",
        "twice": "inner",
        "scored": twice.run_for(1).info.run_name,
        "own": "inner",
        "other": "own",
    }


def test_a_block_whose_server_is_gone_waits_with_what_is_in_it(store):
    setup_mlflow_cache("x", "http://127.0.0.1:9", patience=0.5)
    waits = pytest.warns(CacheWarning, match="the runs wait in the queue")
    with waits, get_mlflow_cache().experiment_run("block") as run:
        assert scored(1) == {"score": 1}
    assert run.run_id is None
    assert len(Outbox(store.directory).every(READY)) == 2


def test_a_study_in_a_block_is_nested_under_it(told, runs):
    with get_mlflow_cache().experiment_run("block"):
        sweep(crossing, PRICES, {"window": [2]}, mlflow=True, n_jobs=1)
    found = parents(runs())
    assert found["study of crossing"] == "block" and found["crossing"] == "study of crossing"


def test_what_mlflow_is_told_in_a_block_lands_in_its_run(ours, runs):
    with get_mlflow_cache().experiment_run("block") as run:
        mlflow.log_metric("loss", 0.5)
        mlflow.end_run()
        mlflow.log_param("later", 1)
        run.log_metric("score", 2)
    (found,) = runs()
    assert (found.data.metrics["loss"], found.data.metrics["score"]) == (0.5, 2)
    assert found.data.params == {"later": "1"} and found.info.status == "FINISHED"


def test_a_run_that_is_opened_in_a_block_is_nested_under_it(ours, runs):
    with get_mlflow_cache().experiment_run("block"):
        with mlflow.start_run(experiment_id=mlflow.set_experiment("afml-cache").experiment_id):
            mlflow.log_metric("loss", 0.5)
        mlflow.log_metric("after", 1)
    block, own = runs()
    assert block.info.run_name == "block" and block.data.metrics["after"] == 1
    assert own.data.tags["mlflow.parentRunId"] == block.info.run_id
    assert own.data.metrics == {"loss": 0.5}


def found_again(x, call):
    with get_mlflow_cache().experiment_run("again") as run:
        if run.get_cached(x) is None:
            run.cache_result(x, {"score": x})
        call()
    return run.run_id


def test_a_block_with_hits_alone_makes_no_run_and_asks_nobody(told, runs, store):
    first = found_again(1, lambda: scored(1))
    assert found_again(1, lambda: scored(1)) == first
    assert parents(runs()) == {"again": None, "scored": "again"}
    assert Outbox(store.directory).every(BEGUN) == []


def test_a_block_with_hits_is_a_run_where_something_in_it_is_computed(told, runs):
    first = found_again(1, lambda: None)
    second = found_again(1, lambda: scored(1))
    assert first != second and len(runs()) == 3
    (call,) = [run for run in runs() if run.info.run_name.startswith("scored")]
    assert call.data.tags["mlflow.parentRunId"] == second


def test_a_block_that_raises_closes_its_run(ours, runs):
    def bad():
        with get_mlflow_cache().experiment_run("bad"):
            mlflow.log_metric("loss", 0.5)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        bad()
    (found,) = runs()
    assert found.info.status == "FAILED" and found.data.metrics["loss"] == 0.5
    assert mlflow.active_run() is None


@pytest.mark.slow
def test_a_block_whose_process_is_killed_is_told_by_the_next_sync(start_python, runs):
    process = start_python(
        """
        import os, signal
        from afml_cache import CacheWarning, get_mlflow_cache, mlflow_cached
        @mlflow_cached
        def dies(x):
            os.kill(os.getpid(), signal.SIGKILL)
        with get_mlflow_cache().experiment_run("block") as run:
            dies(7)
        """
    )
    assert process.wait() == -9
    assert get_mlflow_cache().sync() == (2, 0)
    assert {run.info.status for run in runs()} == {"KILLED"}
    assert parents(runs()) == {"block": None, "dies": "block"}
