"""From a study's table to its runs and back: ids, hits, what was tried, and on what."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from afml_cache import (
    TrackingError,
    cached_backtest,
    content_key,
    get_mlflow_cache,
    mlflow_cached,
    sweep,
    walk_forward,
)
from tests.mlflow_tracking.strategies import PRICES, crossing, plain

mlflow = pytest.importorskip("mlflow")


@cached_backtest("tracked", mlflow=True)
def tracked(data, params):
    return crossing(data, params)


@cached_backtest("own records only")
def swept(data, params):
    return crossing(data, params)


def by_name(found):
    studies = [run for run in found if run.data.tags.get("afml.study")]
    return studies, {run.data.params.get("window"): run for run in found if run not in studies}


def test_run_for_gives_the_run_of_a_backtest(runs):
    tracked(PRICES, {"window": 3})
    (run,) = runs()
    assert tracked.run_for(PRICES, {"window": 3}).info.run_id == run.info.run_id
    assert tracked.run_for(PRICES, {"window": 4}) is None


def test_run_for_gives_the_run_of_a_combination(runs):
    sweep(swept, PRICES, {"window": [2, 3]}, n_jobs=1, mlflow=True)
    _, children = by_name(runs())
    assert swept.run_for(PRICES, {"window": 2}).info.run_id == children["2"].info.run_id
    swept(PRICES, {"window": 4})  # not tracked
    assert swept.run_for(PRICES, {"window": 4}) is None


def test_run_for_gives_the_run_of_a_method(runs):
    class Strategy:
        def __init__(self, fee):
            self.fee = fee

        @cached_backtest("of a method", mlflow=True)
        def run(self, data, params):
            return {"return": params["window"] * self.fee}

    one = Strategy(0.5)
    one.run(PRICES, {"window": 2})
    (run,) = runs()
    assert one.run.run_for(PRICES, {"window": 2}).info.run_id == run.info.run_id
    assert Strategy(0.6).run.run_for(PRICES, {"window": 2}) is None


def test_the_table_of_a_tracked_study_names_the_run_of_each_row(runs):
    first = sweep(swept, PRICES, {"window": [2]}, n_jobs=1, mlflow=True)
    swept(PRICES, {"window": 4})  # computed without it: no run
    with pytest.warns(UserWarning, match="1 of 4 combinations"):
        table = sweep(swept, PRICES, {"window": [2, 3, 4, 0]}, n_jobs=1, mlflow=True)
    _, children = by_name(runs())
    ids = [children[window].info.run_id for window in ("2", "3")]
    assert table["mlflow_run_id"].tolist() == [*ids, None, children["0"].info.run_id]
    assert table["outcome"].tolist() == ["hit", "computed", "hit", "failed"]
    assert first["mlflow_run_id"].tolist() == ids[:1]
    assert "mlflow_run_id" not in sweep(swept, PRICES, {"window": [2]}, n_jobs=1)


def test_a_parameter_called_like_that_column_keeps_its_values():
    def run(data, params):
        return {"x": params["mlflow_run_id"]}

    table = sweep(run, PRICES, {"mlflow_run_id": [7]}, n_jobs=1, mlflow=True)
    assert table["params.mlflow_run_id"].tolist() == [7]
    assert len(table["mlflow_run_id"][0]) == 32


def test_hits_of_a_tracked_study_are_counted_on_the_runs_that_computed_them(runs):
    for _ in range(3):
        sweep(swept, PRICES, {"window": [2, 3]}, n_jobs=1, mlflow=True)
    tracked(PRICES, {"window": 2})
    sweep(tracked, PRICES, {"window": [2]}, n_jobs=1, mlflow=True)
    get_mlflow_cache().sync()
    hits = {
        (run.data.tags["afml.strategy"], run.data.params["window"]): run.data.tags.get("afml.hits")
        for run in runs()
        if "afml.study" not in run.data.tags
    }
    name = "own records only"
    assert hits == {(name, "2"): "2", (name, "3"): "2", ("tracked", "2"): "1"}


def test_hits_of_a_study_that_is_not_tracked_are_not_counted(runs):
    sweep(swept, PRICES, {"window": [2]}, n_jobs=1, mlflow=True)
    sweep(swept, PRICES, {"window": [2]}, n_jobs=1)
    get_mlflow_cache().sync()
    assert not any("afml.hits" in run.data.tags for run in runs())


def test_the_run_of_a_study_says_what_was_tried_and_on_what(runs):
    def run(data, params, fee, benchmark):
        return {"return": params["window"] * fee}

    benchmark = PRICES["close"] * 2
    grid = {"window": [2, 3], "side": ["long"]}
    sweep(run, PRICES, grid, n_jobs=1, mlflow=True, fee=0.1, benchmark=benchmark)
    (study,), children = by_name(runs())
    assert study.data.params == {"grid.window": "[2, 3]", "grid.side": "['long']", "fee": "0.1"}
    given = {one.dataset.name: one.dataset for one in study.inputs.dataset_inputs}
    digests = {name: one.digest for name, one in given.items()}
    assert digests == {"data": content_key(PRICES), "benchmark": content_key(benchmark)}
    assert json.loads(given["data"].profile)["shape"] == [20, 1]
    # And it is the data that its combinations name.
    of_child = {o.dataset.name: o.dataset.digest for o in children["2"].inputs.dataset_inputs}
    assert of_child == digests


def test_the_first_argument_is_named_as_the_function_names_it(runs):
    class Desk:
        @cached_backtest("of a desk")
        def run(self, prices, params):
            return {"x": params["n"]}

    sweep(Desk().run, PRICES, [{"n": 1}, {"n": 2}, {"n": 1}], n_jobs=1, mlflow=True)
    (study,), _ = by_name(runs())
    assert study.data.params == {"grid.n": "[1, 2]"}
    assert [one.dataset.name for one in study.inputs.dataset_inputs] == ["prices"]


def test_our_own_ids_name_runs_too(runs):
    table = sweep(swept, PRICES, {"window": [2, 3]}, n_jobs=1, mlflow=True)
    ours, theirs = list(table["run_id"]), list(table["mlflow_run_id"])
    cache = get_mlflow_cache()
    compared = cache.compare_runs(ours, ["window_used"])
    assert list(compared.index) == ours and compared["window_used"].tolist() == [2, 3]
    assert cache.compare_runs(theirs, ["window_used"])["window_used"].tolist() == [2, 3]
    assert cache.run_for_key(ours[0]).info.run_id == theirs[0]
    with pytest.raises(TrackingError, match="has no model"):
        cache.load_model_from_run(ours[1])
    swept(PRICES, {"window": 4})
    (untracked,) = sweep(swept, PRICES, {"window": [4]}, n_jobs=1)["run_id"]
    assert cache.run_for_key(untracked) is None
    with pytest.raises(TrackingError, match=f"MLflow has no run of {untracked}"):
        cache.compare_runs([untracked])


@mlflow_cached
def scored(data, params):
    return {"score": params["x"] * 1.0}


def test_a_study_of_a_tracked_function_names_its_runs(runs):
    table = sweep(scored, PRICES, {"x": [1, 2]}, n_jobs=1, mlflow=True)
    best = get_mlflow_cache().get_best_run("score")
    assert table["mlflow_run_id"][1] == best.info.run_id


@pytest.mark.slow
def test_runs_of_workers_are_named_in_the_table(runs):
    table = sweep(plain, PRICES, {"window": [2, 3, 4]}, n_jobs=2, mlflow=True)
    _, children = by_name(runs())
    named = dict(zip(table["window"].astype(str), table["mlflow_run_id"], strict=True))
    assert named == {window: run.info.run_id for window, run in children.items()}


def fold(train, test, params):
    equity = (test["close"] / train["close"].iloc[-1]).rename("equity")
    return {"return": float(equity.iloc[-1]) * params["window"]}, None, equity


def test_a_walk_forward_study_is_a_run_and_each_new_fold_one_under_it(runs, client):
    options = {"train": 8, "test": 4, "params": {"window": 2}, "starting_capital": 1.0}
    walk_forward(fold, PRICES.iloc[:12], **options, n_jobs=1, mlflow=True)
    found = walk_forward(fold, PRICES, **options, n_jobs=1, mlflow=True)
    assert found.folds["outcome"].tolist() == ["hit", "computed", "computed"]
    studies = [run for run in runs() if run.data.tags.get("afml.study") == "walk_forward"]
    assert len(studies) == 2
    (newest,) = [run for run in studies if run.data.metrics["folds"] == 3]
    assert newest.data.metrics["folds.computed"] == 2 and newest.data.metrics["folds.hit"] == 1
    assert newest.data.params == {
        "train": "8",
        "test": "4",
        "anchored": "False",
        "window": "2",
    }
    (given,) = newest.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("data", content_key(PRICES))
    under = [r for r in runs() if r.data.tags.get("mlflow.parentRunId") == newest.info.run_id]
    ids = found.folds["mlflow_run_id"].tolist()
    assert {run.info.run_id for run in under} == set(ids[1:]) and ids[0] not in ids[1:]
    path = client.download_artifacts(newest.info.run_id, "equity.parquet")
    joined = pd.read_parquet(path).iloc[:, 0]
    assert joined.tolist() == found.equity.tolist()


@cached_backtest("logs itself", mlflow=True)
def logs_itself(data, params):
    mlflow.log_param("said", params["window"])
    mlflow.log_metric("seen", params["window"])
    return {"return": float(params["window"])}


@cached_backtest("inner", mlflow=True)
def inner(data, params):
    return {"return": 1.0}


@cached_backtest("outer", mlflow=True)
def outer(data, params):
    return {"return": inner(data, {"window": params["window"], "inner": True})["return"]}


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_a_strategy_logs_itself_lands_in_the_run_of_its_combination(runs, n_jobs):
    mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri)
    table = sweep(logs_itself, PRICES, {"window": [3, 4, 5]}, n_jobs=n_jobs, mlflow=True)
    assert table["outcome"].tolist() == ["computed"] * 3
    assert mlflow.active_run() is None
    (study,), children = by_name(runs())
    for window, child in children.items():
        assert child.data.params["said"] == window
        assert child.data.metrics["seen"] == child.data.metrics["return"] == float(window)
        assert child.data.tags["mlflow.parentRunId"] == study.info.run_id
    assert sorted(children) == ["3", "4", "5"]


@pytest.mark.parametrize("is_told", [False, True])
def test_a_backtest_within_a_combination_is_its_own_and_under_it(runs, is_told):
    if is_told:
        mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri)
    sweep(outer, PRICES, {"window": [7]}, n_jobs=1, mlflow=True)
    get_mlflow_cache().sync()
    found = {run.data.tags.get("afml.function", "study"): run for run in runs()}
    within = found.pop(f"{__name__}.inner")
    combination = found.pop(f"{__name__}.outer")
    (study,) = found.values()
    assert within.data.tags["afml.strategy"] == "inner"
    assert within.info.run_name.startswith("inner-")
    assert within.data.tags["mlflow.parentRunId"] == combination.info.run_id
    assert combination.data.tags["mlflow.parentRunId"] == study.info.run_id
    assert {run.info.status for run in (within, combination, study)} == {"FINISHED"}


def fold_of_plain(train, test):
    return inner(test, {"window": len(test)})


def test_a_fold_is_one_run_whatever_it_calls(runs):
    walk_forward(fold_of_plain, PRICES, train=2, test=2, n_jobs=1, mlflow=True)
    get_mlflow_cache().sync()
    named = [run.info.run_name for run in runs() if run.info.run_name.startswith("fold_of_plain")]
    within = [run for run in runs() if run.info.run_name.startswith("inner-")]
    (study,) = (run for run in runs() if run.data.tags.get("afml.study"))
    assert len(named) == len(within) == study.data.metrics["folds"]
