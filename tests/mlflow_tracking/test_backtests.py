"""Backtests and studies as runs: one a new combination, under that of the study."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from afml_cache import (
    ConfigurationError,
    cached_backtest,
    get_backtest_cache,
    get_mlflow_cache,
    robust_cacheable,
    sweep,
)
from tests.mlflow_tracking.strategies import PRICES, crossing, plain

pytest.importorskip("mlflow")


@cached_backtest("tracked", mlflow=True)
def tracked(data, params):
    return crossing(data, params)


def test_a_tracked_backtest_is_a_run_with_trades_and_equity_curve(runs, client):
    tracked(PRICES, {"window": 3})
    tracked(PRICES, {"window": 3})
    (run,) = runs()
    assert run.data.params == {"window": "3"}
    assert run.data.metrics["return"] == pytest.approx(0.05)
    assert run.data.tags["afml.strategy"] == "tracked"
    names = sorted(one.path for one in client.list_artifacts(run.info.run_id))
    assert names == ["equity.parquet", "trades.parquet"]
    path = client.download_artifacts(run.info.run_id, "equity.parquet")
    assert pd.read_parquet(path).shape == (len(PRICES), 1)
    assert get_backtest_cache().trial_count("tracked") == 1  # our own records are kept, too


def test_metrics_of_backtests_are_asked_for_as_they_were_returned(runs):
    @cached_backtest("percent", mlflow=True)
    def percent(data, params):
        return {"Return [%]": params["window"] * 1.0}

    for window in (2, 5, 3):
        percent(PRICES, {"window": window})
    best = get_mlflow_cache().get_best_run("Return [%]")
    assert best.data.metrics["Return pct"] == 5 and best.data.params["window"] == "5"
    table = get_mlflow_cache().compare_runs([best.info.run_id], ["Return [%]"])
    assert table["Return [%]"].tolist() == [5]


def test_a_backtest_without_it_is_no_run(runs):
    quiet = cached_backtest("quiet")(plain)
    quiet(PRICES, {"window": 3})
    assert runs() == []


def by_name(found):
    studies = [run for run in found if run.data.tags.get("afml.study")]
    return studies, [run for run in found if run not in studies]


def test_a_study_is_a_run_and_each_new_combination_one_under_it(runs):
    sweep(plain, PRICES, {"window": [2, 3]}, n_jobs=1, mlflow=True)
    (study,), children = by_name(runs())
    assert study.info.status == "FINISHED"
    assert study.data.metrics["combinations"] == 2
    assert study.data.metrics["combinations.computed"] == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {study.info.run_id}
    assert {run.data.params["window"] for run in children} == {"2", "3"}

    sweep(plain, PRICES, {"window": [2, 3, 4]}, n_jobs=1, mlflow=True)
    studies, children = by_name(runs())
    assert len(studies) == 2 and len(children) == 3
    (newest,) = [run for run in studies if run.info.run_id != study.info.run_id]
    under = [r for r in children if r.data.tags["mlflow.parentRunId"] == newest.info.run_id]
    assert [run.data.params["window"] for run in under] == ["4"]
    assert newest.data.metrics["combinations.hit"] == 2

    sweep(plain, PRICES, {"window": [2, 3, 4]}, n_jobs=1, mlflow=True)
    assert len(runs()) == 5  # a study of hits only is none


def test_a_combination_that_fails_is_a_run_that_failed(runs):
    with pytest.warns(UserWarning, match="1 of 2 combinations"):
        sweep(plain, PRICES, {"window": [2, 0]}, n_jobs=1, mlflow=True)
    (study,), children = by_name(runs())
    assert sorted(run.info.status for run in children) == ["FAILED", "FINISHED"]
    assert study.data.metrics["combinations.failed"] == 1


def test_a_study_of_what_is_not_recorded_says_what_to_do():
    cached = robust_cacheable(plain)
    with pytest.raises(ConfigurationError, match="decorate it with @cached_backtest"):
        sweep(cached, PRICES, {"window": [2]}, n_jobs=1, mlflow=True)


@pytest.mark.slow
def test_workers_write_into_the_queue_and_the_caller_sends(runs):
    sweep(plain, PRICES, {"window": [2, 3, 4, 5]}, n_jobs=2, mlflow=True)
    (study,), children = by_name(runs())
    assert len(children) == 4
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {study.info.run_id}
    assert get_mlflow_cache().sync() == (0, 0)


@pytest.mark.slow
def test_a_strategy_of_the_program_itself_is_tracked_also_where_it_fails(run_python, runs, client):
    run_python(
        """
        import warnings
        from afml_cache import cached_backtest, sweep
        from tests.mlflow_tracking.strategies import PRICES, plain
        @cached_backtest("mine")
        def mine(data, params):
            return plain(data, params)
        warnings.simplefilter("ignore")
        if __name__ == "__main__":
            sweep(mine, PRICES, {"window": [0, 2, 3]}, n_jobs=2, mlflow=True)
        """
    )
    (study,), children = by_name(runs())
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {study.info.run_id}
    statuses = {run.data.params["window"]: run.info.status for run in children}
    assert statuses == {"0": "FAILED", "2": "FINISHED", "3": "FINISHED"}
    (failed,) = [run for run in children if run.info.status == "FAILED"]
    assert failed.data.tags["afml.error"] == "ValueError: a window has at least one bar"
    path = client.download_artifacts(failed.info.run_id, "traceback.txt")
    assert "in crossing" in Path(path).read_text()


@pytest.mark.slow
def test_a_study_that_is_killed_leaves_what_it_did_under_a_run_that_was_killed(
    start_python, runs, store
):
    import signal

    process = start_python(
        """
        import time
        from afml_cache import sweep
        from tests.mlflow_tracking.strategies import PRICES, plain
        def run(data, params):
            if params["window"] == 4:
                print("third", flush=True)
                time.sleep(60)
            return plain(data, params)
        sweep(run, PRICES, {"window": [2, 3, 4]}, n_jobs=1, mlflow=True)
        """
    )
    assert process.stdout.readline() == "third\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    while get_mlflow_cache().sync()[0]:
        pass
    (study,), children = by_name(runs())
    assert study.info.status == "KILLED"
    statuses = {run.data.params["window"]: run.info.status for run in children}
    assert statuses == {"2": "FINISHED", "3": "FINISHED", "4": "KILLED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {study.info.run_id}
