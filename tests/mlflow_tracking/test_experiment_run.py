"""A block of code as one run, with results of its own that are cached."""

from __future__ import annotations

import pytest

from afml_cache import ConfigurationError, get_mlflow_cache, setup_mlflow_cache, use_settings

pytest.importorskip("mlflow")


def tune(params, computed):
    with get_mlflow_cache().experiment_run("tune", tags={"model": "rf"}) as run:
        run.log_param("depth", params["depth"])
        result = run.get_cached(params)
        if result is None:
            computed.append(params)
            result = run.cache_result(params, {"score": params["depth"] * 2})
        run.log_metric("rounded", round(result["score"]))
    return run, result


def test_a_block_is_one_run_and_a_block_out_of_the_cache_is_none(runs):
    setup_mlflow_cache("studies")
    computed = []
    run, result = tune({"depth": 2}, computed)
    again, same = tune({"depth": 2}, computed)
    assert result == same == {"score": 4} and computed == [{"depth": 2}]
    (found,) = runs("studies")
    assert (found.info.run_id, found.info.run_name) == (run.run_id, "tune")
    assert again.run_id == run.run_id  # of the block that computed it
    assert found.data.params == {"depth": "2"} and found.data.tags["model"] == "rf"
    metrics = dict(found.data.metrics)
    assert metrics.pop("duration_seconds") >= 0
    assert metrics == {"score": 4, "rounded": 4}


def live(figure, note="same"):
    """A block that logs something of today beside a result that is cached."""
    with get_mlflow_cache().experiment_run("live") as run:
        if run.get_cached("key") is None:
            run.cache_result("key", {"score": 0.7})
        run.log_metric("pnl", figure)
        run.log_param("note", note)
    return run


def test_hits_of_a_block_are_counted_on_the_run_that_computed_its_results(client):
    first = live(100)
    for _ in range(3):
        assert live(100).run_id == first.run_id
    get_mlflow_cache().sync()
    tags = client.get_run(first.run_id).data.tags
    assert tags["afml.hits"] == "3" and "afml.last_hit" in tags


@pytest.mark.parametrize(
    ("figure", "note"), [(101, "same"), (100, "other"), (float("nan"), "same")]
)
def test_what_a_block_with_a_hit_logs_anew_is_a_run(figure, note, runs):
    first = live(100)
    second = live(figure, note)
    _, found = runs()
    assert found.info.run_id == second.run_id != first.run_id
    assert repr(found.data.metrics["pnl"]) == repr(float(figure))
    assert found.data.params == {"note": note}
    assert found.data.tags["afml.original"] == first.run_id


def test_a_figure_that_is_no_number_is_the_same_figure(runs):
    assert live(float("nan")).run_id == live(float("nan")).run_id
    assert len(runs()) == 1


def test_a_block_that_failed_says_nothing_for_the_next_one(runs):
    def block(fails):
        with get_mlflow_cache().experiment_run("often") as run:
            if run.get_cached("key") is None:
                run.cache_result("key", {"score": 0.7})
            run.log_metric("pnl", 1)
            if fails:
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        block(fails=True)
    block(fails=False)
    block(fails=False)
    assert [run.info.status for run in runs()] == ["FAILED", "FINISHED", "FINISHED"]


def test_runs_of_other_names_have_results_of_their_own(client):
    cache = get_mlflow_cache()
    with cache.experiment_run("one") as run:
        run.cache_result("key", 1)
    with cache.experiment_run("two") as run:
        assert run.get_cached("key") is None and run.get_cached("key", 5) == 5
    with cache.experiment_run("one") as run:
        assert run.get_cached("key") == 1


def test_a_block_that_raises_is_a_run_that_failed(runs):
    def bad():
        with get_mlflow_cache().experiment_run("bad") as run:
            run.log_param("a", 1)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        bad()
    (found,) = runs()
    assert found.info.status == "FAILED" and found.data.tags["afml.error"] == "ValueError: no"
    assert found.data.params == {"a": "1"}


def test_what_is_no_number_is_no_metric(runs):
    with get_mlflow_cache().experiment_run("m") as run:
        with pytest.raises(ConfigurationError, match="log_param takes it"):
            run.log_metric("kind", "rf")
        run.log_metric("a", 1)
        run.log_metric("a", 2)
    assert runs()[0].data.metrics["a"] == 2


def test_a_run_has_a_name():
    with pytest.raises(ConfigurationError, match="give a text"):
        get_mlflow_cache().experiment_run("")


def test_where_the_cache_is_off_nothing_is_kept(client):
    with use_settings(mode="off"), get_mlflow_cache().experiment_run("x") as run:
        run.cache_result("k", 1)
        assert run.get_cached("k") is None
    with get_mlflow_cache().experiment_run("x") as run:
        assert run.get_cached("k") is None
