"""A function that opens runs of its own, or ends them, works as it does without us."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from afml_cache import cached_backtest, mlflow_cached, setup_mlflow_cache
from tests.mlflow_tracking.strategies import PRICES

mlflow = pytest.importorskip("mlflow")
from mlflow import start_run  # noqa: E402 - by name, as some import it


@pytest.fixture
def theirs(client, tmp_path):
    """The program tells mlflow to log where the cache does, into an experiment of its own."""
    mlflow.set_tracking_uri(setup_mlflow_cache("afml-cache").tracking_uri)
    client.create_experiment("theirs", artifact_location=(tmp_path / "artefacts").as_uri())
    return mlflow.set_experiment("theirs").experiment_id


def opens(x, **options):
    with mlflow.start_run(run_name=f"mine-{x}", **options):
        mlflow.log_metric("loss", 0.1 * x)
    mlflow.log_metric("runless", x)
    return {"score": x}


def by_name(found):
    return {run.info.run_name: run for run in found}


def test_a_run_that_the_function_opens_is_its_own_and_nested_under_ours(theirs, client, runs):
    tracked = mlflow_cached(opens)
    assert tracked(1) == {"score": 1} and tracked(1) == {"score": 1}
    (ours,) = runs()
    (mine,) = client.search_runs([theirs])
    assert (mine.info.run_name, mine.info.status) == ("mine-1", "FINISHED")
    assert mine.data.metrics == {"loss": 0.1}
    assert mine.data.tags["mlflow.parentRunId"] == ours.info.run_id
    assert ours.info.status == "FINISHED"
    assert (ours.data.metrics["runless"], ours.data.metrics["score"]) == (1, 1)
    assert mlflow.active_run() is None and tracked.cache_contains(1)


def test_so_it_is_in_a_backtest(theirs, client, runs):
    @cached_backtest("own", mlflow=True)
    def strategy(data, params):
        with start_run(run_name="mine"):
            mlflow.log_metric("loss", 0.1)
        return {"sharpe": 1.0}

    strategy(PRICES, {"window": 2})
    (ours,) = runs()
    (mine,) = client.search_runs([theirs])
    assert mine.data.metrics == {"loss": 0.1}
    assert mine.data.tags["mlflow.parentRunId"] == ours.info.run_id


def test_so_it_is_where_a_helper_opens_it_by_another_name(theirs, client):
    def helper():
        start_run(run_name="one")
        mlflow.end_run()
        with start_run(run_name="two"), start_run(run_name="within", nested=True):
            mlflow.log_param("a", 1)

    @mlflow_cached
    def calls():
        helper()
        return {"score": 1}

    calls()
    found = by_name(client.search_runs([theirs]))
    ours = calls.run_for().info.run_id
    parents = {name: run.data.tags["mlflow.parentRunId"] for name, run in found.items()}
    assert parents == {"one": ours, "two": ours, "within": found["two"].info.run_id}
    assert found["within"].data.params == {"a": "1"}


def test_a_second_run_while_the_functions_own_is_open_is_refused_as_ever(theirs):
    @mlflow_cached
    def twice():
        with mlflow.start_run(), mlflow.start_run():
            pass

    with pytest.raises(Exception, match="is already active"):
        twice()
    assert mlflow.active_run() is None


@pytest.mark.parametrize("options", [{}, {"nested": True}])
def test_a_run_of_the_function_is_nested_under_ours_also_within_the_users(theirs, client, options):
    tracked = mlflow_cached(opens)
    with mlflow.start_run(run_name="outer") as outer:
        tracked(2, **options)
        assert mlflow.active_run().info.run_id == outer.info.run_id
    found = by_name(client.search_runs([theirs]))
    ours = tracked.run_for(2, **options)
    assert found["mine-2"].data.tags["mlflow.parentRunId"] == ours.info.run_id
    assert ours.data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert found["outer"].info.status == "FINISHED" and found["outer"].data.metrics == {}


def test_a_parent_that_the_function_names_is_the_parent(theirs, client):
    tracked = mlflow_cached(opens)
    named = client.create_run(theirs, run_name="named").info.run_id
    tracked(3, parent_run_id=named)
    found = by_name(client.search_runs([theirs]))
    assert found["mine-3"].data.tags["mlflow.parentRunId"] == named


def test_a_run_that_the_function_goes_on_with_stays_where_it_is(theirs, client):
    before = client.create_run(theirs, run_name="before").info.run_id

    @mlflow_cached
    def goes_on(run_id):
        with mlflow.start_run(run_id=run_id):
            mlflow.log_metric("loss", 0.5)

    goes_on(before)
    (run,) = client.search_runs([theirs])
    assert run.info.run_id == before and run.info.status == "FINISHED"
    assert run.data.metrics == {"loss": 0.5}
    assert "mlflow.parentRunId" not in run.data.tags


def test_a_function_that_raises_within_its_own_run(theirs, client, runs):
    @mlflow_cached
    def fails():
        with mlflow.start_run(run_name="mine"):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    (ours,) = runs()
    (mine,) = client.search_runs([theirs])
    assert (ours.info.status, mine.info.status) == ("FAILED", "FAILED")
    assert mlflow.active_run() is None


def test_a_run_that_the_function_leaves_open_stays_open(theirs, runs):
    @mlflow_cached
    def leaves():
        mlflow.start_run(run_name="left")

    leaves()
    assert mlflow.active_run().data.tags["mlflow.runName"] == "left"
    mlflow.end_run()
    assert mlflow.active_run() is None
    (ours,) = runs()
    assert ours.info.status == "FINISHED"


def test_threads_have_runs_of_their_own(theirs, client):
    tracked = mlflow_cached(opens)
    at_once = threading.Barrier(4)

    def call(x):
        at_once.wait()
        return tracked(x)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(call, range(4))) == [{"score": x} for x in range(4)]
    found = by_name(client.search_runs([theirs]))
    for x in range(4):
        ours = tracked.run_for(x)
        assert found[f"mine-{x}"].data.tags["mlflow.parentRunId"] == ours.info.run_id
        assert ours.data.metrics["runless"] == x


def test_autolog_speaks_of_the_run_that_the_function_opens(theirs, client, runs):
    linear = pytest.importorskip("sklearn.linear_model")
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)

    @mlflow_cached(log_model=False)
    def fits():
        with mlflow.start_run(run_name="mine"):
            model = linear.LinearRegression().fit([[0.0], [1.0]], [0, 1])
        return model, {"score": 1}

    try:
        fits()
    finally:
        mlflow.sklearn.autolog(disable=True)
    (ours,) = runs()
    (mine,) = client.search_runs([theirs])
    assert mine.data.params["fit_intercept"] == "True" and "fit_intercept" not in ours.data.params


def test_a_function_that_goes_to_another_address_logs_there(theirs, tmp_path, template, runs):
    shutil.copyfile(template, tmp_path / "other.db")
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    other = mlflow.MlflowClient(tracking_uri=uri)
    experiment = other.create_experiment("x", artifact_location=(tmp_path / "art").as_uri())

    @mlflow_cached
    def goes():
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment("x")
        mlflow.log_metric("a", 1)
        mlflow.end_run()
        with mlflow.start_run(run_name="second"):
            mlflow.log_metric("a", 2)
        return {"score": 1}

    goes()
    found = other.search_runs([experiment])
    assert sorted(run.data.metrics["a"] for run in found) == [1, 2]
    assert not any("mlflow.parentRunId" in run.data.tags for run in found)
    (ours,) = runs()
    assert ours.data.metrics["score"] == 1 and "a" not in ours.data.metrics


def test_ending_the_run_ends_nothing_of_ours(theirs, runs):
    linear = pytest.importorskip("sklearn.linear_model")

    @mlflow_cached
    def ends(x):
        mlflow.log_metric("k", 1)
        mlflow.end_run()
        mlflow.log_metric("later", 2)
        return linear.LinearRegression().fit([[0.0], [1.0]], [0, 1]), {"v": x}

    ends(3)
    (ours,) = runs()
    assert {name: ours.data.metrics[name] for name in ("k", "later", "v")} == {
        "k": 1,
        "later": 2,
        "v": 3,
    }
    assert ours.data.params == {"x": "3"} and len(ours.outputs.model_outputs) == 1
    assert ours.info.status == "FINISHED"


def test_a_run_that_somebody_else_ends_gets_all_that_it_says(theirs, client, runs):
    @mlflow_cached
    def ended(x):
        client.set_terminated(mlflow.active_run().info.run_id)  # as the UI does
        return {"v": x}

    ended(3)
    (ours,) = runs()
    assert ours.data.metrics["v"] == 3 and ours.data.params == {"x": "3"}
