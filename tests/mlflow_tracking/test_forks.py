"""A fork that ends within a run leaves the run to the process that it is of."""

from __future__ import annotations

import os
import sys

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached
from afml_cache.backtest_cache import cached_backtest, sweep
from afml_cache.tracking.outbox import BEGUN, SENT, Outbox
from tests.mlflow_tracking.strategies import PRICES

pytest.importorskip("mlflow")


def fork_that_exits(store, state):
    """Fork within a run; the fork leaves the run with `sys.exit`."""
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    assert [one.state for one in Outbox(store.directory).every(BEGUN, "ready", SENT)] == state


def parent_alone(call):
    """Make a call, of which a fork does not come back."""
    process = os.getpid()
    try:
        call()
    finally:
        if os.getpid() != process:
            os._exit(0)


def test_the_run_of_a_call_ends_with_the_call(client, store, runs):
    @mlflow_cached
    def forks(x):
        fork_that_exits(store, [BEGUN])
        return {"score": x}

    parent_alone(lambda: forks(1))
    (run,) = runs()
    assert run.info.status == "FINISHED" and run.data.metrics["score"] == 1
    assert "afml.error" not in run.data.tags


def test_the_run_of_a_block_ends_with_the_block(client, store, runs):
    @mlflow_cached
    def scored(x):
        return {"score": x}

    def block():
        with get_mlflow_cache().experiment_run("block") as run:
            scored(1)
            fork_that_exits(store, [BEGUN, SENT])
            run.log_metric("score", 2)

    parent_alone(block)
    (run,) = [run for run in runs() if run.info.run_name == "block"]
    assert run.info.status == "FINISHED" and run.data.metrics["score"] == 2


def test_the_run_of_a_study_ends_with_the_study(client, store, runs):
    @cached_backtest("forking", mlflow=True)
    def forking(data, params):
        fork_that_exits(store, [BEGUN, BEGUN])
        return {"sharpe": 1.0}

    parent_alone(lambda: sweep(forking, PRICES, {"window": [2]}, mlflow=True, n_jobs=1))
    assert {run.info.status for run in runs()} == {"FINISHED"}
    assert {run.data.tags.get("afml.error") for run in runs()} == {None}
