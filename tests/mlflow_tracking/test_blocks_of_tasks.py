"""Blocks of several tasks of one loop are open at once, each for what its own task does."""

from __future__ import annotations

import asyncio

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from tests.mlflow_tracking.test_open_blocks import parents

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(params=["ours", "elsewhere"])
def told(request, client):
    """Whether the program tells mlflow to log where the cache does, or nothing at all."""
    place = setup_mlflow_cache("afml-cache")
    if request.param == "ours":
        mlflow.set_tracking_uri(place.tracking_uri)
    return request.param


@pytest.fixture
def ours(client):
    """The program tells mlflow to log where the cache does."""
    mlflow.set_tracking_uri(setup_mlflow_cache("afml-cache").tracking_uri)


def tracked(name):
    def call(x):
        return {"score": x}

    call.__name__ = call.__qualname__ = name
    return mlflow_cached(call)


async def all_of(*tasks):
    """Run tasks that give way to each other with every ``turn()``."""
    return await asyncio.gather(*tasks)


async def turn():
    await asyncio.sleep(0)


async def block(name, log=False, opens=False):
    """A block with two calls, between which the other tasks have their turns."""
    before, after = tracked(f"{name}_before"), tracked(f"{name}_after")
    with get_mlflow_cache().experiment_run(name):
        await turn()
        before(1)
        await turn()
        if log:
            mlflow.log_param("of", name)
        await turn()
        if opens:
            with mlflow.start_run(experiment_id=opens, run_name=f"{name}_own"):
                await turn()
                mlflow.log_param("of", f"{name}_own")
                tracked(f"{name}_within")(1)
        await turn()
        after(1)


EXPECTED = {
    "one": None,
    "two": None,
    "one_before": "one",
    "one_after": "one",
    "two_before": "two",
    "two_after": "two",
}


def test_what_a_task_calls_is_nested_under_its_own_block(told, runs):
    asyncio.run(all_of(block("one"), block("two")))
    assert parents(runs()) == EXPECTED


def test_what_a_task_logs_lands_in_its_own_block(ours, runs):
    asyncio.run(all_of(block("one", log=True), block("two", log=True)))
    found = runs()
    assert parents(found) == EXPECTED
    said = {run.info.run_name: run.data.params.get("of") for run in found}
    assert (said["one"], said["two"]) == ("one", "two")
    assert {run.info.status for run in found} == {"FINISHED"}
    assert mlflow.active_run() is None


def test_runs_that_tasks_open_in_their_blocks_are_nested_under_them(ours, client, runs):
    experiment = mlflow.set_experiment("afml-cache").experiment_id
    asyncio.run(all_of(block("one", opens=experiment), block("two", opens=experiment)))
    found = runs()
    assert parents(found) == EXPECTED | {
        "one_own": "one",
        "two_own": "two",
        "one_within": "one_own",
        "two_within": "two_own",
    }
    said = {run.info.run_name: run.data.params.get("of") for run in found}
    assert (said["one_own"], said["two_own"]) == ("one_own", "two_own")
    assert {run.info.status for run in found} == {"FINISHED"}


def test_a_task_without_a_block_is_in_none_of_the_others(ours, runs):
    async def bare():
        for n in range(4):
            assert mlflow.active_run() is None
            tracked(f"bare{n}")(n)
            await turn()

    asyncio.run(all_of(block("one", log=True), bare()))
    found = parents(runs())
    assert {found[f"bare{n}"] for n in range(4)} == {None}


def test_tasks_within_a_run_and_a_block_are_within_both(ours, runs):
    experiment = mlflow.set_experiment("afml-cache").experiment_id

    async def all_in_one():
        with mlflow.start_run(experiment_id=experiment, run_name="user"):
            with get_mlflow_cache().experiment_run("outer"):
                await all_of(block("one", log=True), block("two"))
                tracked("last")(1)
            assert mlflow.active_run().info.run_name == "user"
            tracked("beside")(1)

    asyncio.run(all_in_one())
    assert parents(runs()) == EXPECTED | {
        "user": None,
        "outer": "user",
        "one": "outer",
        "two": "outer",
        "last": "outer",
        "beside": "user",
    }


def test_a_run_that_is_left_open_in_a_block_is_open_after_it(ours, runs):
    experiment = mlflow.set_experiment("afml-cache").experiment_id
    with get_mlflow_cache().experiment_run("outer"):
        with get_mlflow_cache().experiment_run("inner"):
            left = mlflow.start_run(experiment_id=experiment, run_name="left")
        tracked("call")(1)
        assert mlflow.active_run().info.run_id == left.info.run_id
    assert mlflow.active_run().info.run_id == left.info.run_id
    mlflow.end_run()
    assert parents(runs()) == {"outer": None, "inner": "outer", "left": "inner", "call": "left"}


def test_a_block_that_is_left_before_one_within_it_is_not_open_after_both(told, runs):
    cache = get_mlflow_cache()
    outer, inner = cache.experiment_run("outer"), cache.experiment_run("inner")
    with outer:
        inner.__enter__()
    tracked("within")(1)
    inner.__exit__(None, None, None)
    tracked("after")(1)
    assert parents(runs()) == {"outer": None, "inner": "outer", "within": "inner", "after": None}
