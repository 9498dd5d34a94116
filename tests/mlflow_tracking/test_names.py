"""What a result says has a name of its own in MLflow, and is asked for by the name it was given."""

from __future__ import annotations

import math

import pytest

from afml_cache import get_mlflow_cache, mlflow_cached
from afml_cache.tracking.texts import logged_as, names_of

pytest.importorskip("mlflow")

ALIKE = {
    "p[1]": 1.0,
    "p1": 2.0,
    "Return [%]": 5.0,
    "Return pct": 6.0,
    "a(b)": 1.5,
    "a[b]": 3.5,
    "ab": 2.5,
    "x=y": 7.0,
    "x(=y": 8.0,
}


def metrics_of(run):
    return {name: x for name, x in run.data.metrics.items() if name != "duration_seconds"}


def test_metrics_whose_names_become_one_are_all_logged_and_asked_for_by_their_own(runs):
    @mlflow_cached
    def alike(times):
        return {name: value * times for name, value in ALIKE.items()}

    alike(1)
    (run,) = runs()
    assert sorted(metrics_of(run).values()) == sorted(ALIKE.values())
    assert metrics_of(run)["p1"] == 2 and metrics_of(run)["Return pct"] == 6
    cache = get_mlflow_cache()
    table = cache.compare_runs([run.info.run_id], list(ALIKE))
    assert table.iloc[0][list(ALIKE)].to_dict() == ALIKE


def test_the_best_run_is_that_of_the_metric_itself_however_runs_had_to_name_it(runs):
    @mlflow_cached
    def scored(metrics):
        return metrics

    scored({"p[1]": 1.0, "p1": 100.0})
    scored({"p[1]": 3.0})
    scored({"p[1]": 2.0, "p1": -100.0})
    scored({"p[1]": math.nan, "p1": 50.0})
    cache = get_mlflow_cache()
    assert 3 in metrics_of(cache.get_best_run("p[1]")).values()
    assert metrics_of(cache.get_best_run("p[1]", maximize=False))["p1"] == 100
    assert metrics_of(cache.get_best_run("p1"))["p1"] == 100


def test_leaves_of_one_name_are_numbered(runs):
    @mlflow_cached
    def twice():
        return {"a": {"b": 1.0}, "a.b": 2.0, 1: 3.0, "1": 4.0}

    twice()
    (run,) = runs()
    assert metrics_of(run) == {"a.b": 1, "a.b 2": 2, "1": 3, "1 2": 4}


def test_parameters_whose_names_become_one_are_all_logged(runs):
    @mlflow_cached
    def given(params):
        return {"x": 1}

    given({"p[1]": "a", "p1": "b"})
    (run,) = runs()
    assert run.data.params["p1"] == "b" and sorted(run.data.params.values()) == ["a", "b"]


def test_a_name_that_mlflow_takes_as_it_is_stays_so():
    assert names_of(["a(b)", "ab"])["ab"] == "ab"
    assert logged_as("ab") == ("ab",)
    assert logged_as("a(b)") == (names_of(["ab", "a(b)"])["a(b)"], "ab")
    assert names_of(["kind"], taken=["kind"])["kind"] != "kind"
