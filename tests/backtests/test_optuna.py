"""Optuna drives a cached backtest: a real study on SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from afml_cache import (
    ConfigurationError,
    cached_backtest,
    failed_runs,
    get_backtest_cache,
    optuna_objective,
)
from afml_cache.keys import content
from tests.backtests.strategies import by_hand

optuna = pytest.importorskip("optuna")
ROOT = Path(__file__).resolve().parents[2]

run = cached_backtest("by hand")(by_hand)


def study_of(folder: Path, name: str) -> Any:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=7)
    storage = f"sqlite:///{folder / 'optuna.db'}"
    return optuna.create_study(
        storage=storage, study_name=name, sampler=sampler, direction="maximize"
    )


SPACE = {"window": optuna.distributions.IntDistribution(5, 60)}


def test_a_second_study_of_the_same_trials_costs_nothing(goog: Any, tmp_path: Path) -> None:
    objective = optuna_objective(run, goog, SPACE, metric="sharpe", fee=0.002)
    first = study_of(tmp_path, "first")
    first.optimize(objective, n_trials=15)
    computed = run.cache_info().computed
    again = study_of(tmp_path, "again")
    again.optimize(objective, n_trials=15)
    assert run.cache_info().computed == computed == get_backtest_cache().trial_count("by hand")
    assert [trial.value for trial in again.trials] == [trial.value for trial in first.trials]
    best = get_backtest_cache().get_cached_backtest(
        "by hand", run_id=first.best_trial.user_attrs["run_id"]
    )
    assert best is not None and best.metrics["sharpe"] == first.best_value
    assert best.parameters == {"fee": 0.002, "window": first.best_params["window"]}


def test_a_space_may_be_a_function_or_lists_and_a_metric_one_too(goog: Any, tmp_path: Path) -> None:
    def space(trial: Any) -> dict[str, Any]:
        return {"window": trial.suggest_categorical("window", [10, 20])}

    study = study_of(tmp_path, "choices")
    study.optimize(optuna_objective(run, goog, space, metric="sharpe"), n_trials=3)
    study.optimize(
        optuna_objective(
            run, goog, {"window": [10, 20]}, metric=lambda result: result[0]["return"]
        ),
        n_trials=3,
    )
    assert {trial.params["window"] for trial in study.trials} <= {10, 20}
    assert get_backtest_cache().trial_count("by hand") <= 2


def test_an_unknown_metric_or_domain_says_what_there_is(goog: Any, tmp_path: Path) -> None:
    study = study_of(tmp_path, "wrong")
    with pytest.raises(ConfigurationError, match="there are 'sharpe', 'return', 'trades'"):
        study.optimize(optuna_objective(run, goog, SPACE, metric="calmar"), n_trials=1)
    with pytest.raises(ConfigurationError, match="IntDistribution"):
        study.optimize(optuna_objective(run, goog, {"window": 5}, metric="sharpe"), n_trials=1)


def test_several_directions_have_a_metric_each(goog: Any) -> None:
    space = {"window": [10, 20]}
    both = optuna_objective(run, goog, space, metric=["sharpe", "return"])
    same = optuna_objective(run, goog, space, metric=lambda result: (result[0]["sharpe"], 1))
    study = optuna.create_study(
        directions=["maximize", "maximize"], sampler=optuna.samplers.NSGAIISampler(seed=1)
    )
    study.optimize(both, n_trials=2)
    study.optimize(same, n_trials=1)
    first, _, last = study.trials
    assert first.values[1] != 1 and last.values[1] == 1.0
    assert [len(trial.values) for trial in study.trials] == [2, 2, 2]


def test_two_numbers_are_a_range_or_choices_which_is_asked(goog: Any) -> None:
    study = optuna.create_study()
    with pytest.raises(ConfigurationError, match=r"IntDistribution\(8, 30\), or the list \[8, 30"):
        study.optimize(optuna_objective(run, goog, {"window": (8, 30)}, metric="sharpe"), 1)


@cached_backtest("eats its data")
def eating(data: Any, params: dict[str, Any]) -> dict[str, float]:
    data.drop(data.index[: params["n"]], inplace=True)
    if params["n"] == 3 and os.environ.get("EATING") != "mended":
        raise ValueError("no three")
    return {"left": float(len(data))}


@pytest.mark.filterwarnings("ignore")
def test_each_trial_has_the_data_as_it_was_and_one_that_fails_is_recorded(
    goog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = goog.iloc[:50].copy()
    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"n": [1, 2, 3]}))
    objective = optuna_objective(eating, data, {"n": [1, 2, 3]}, metric="left")
    study.optimize(objective, n_trials=3, catch=(ValueError,))
    done = {trial.params["n"]: trial.value for trial in study.trials}
    assert done == {1: 49.0, 2: 48.0, 3: None} and len(data) == 50
    assert list(failed_runs()["message"]) == ["no three"]
    monkeypatch.setenv("EATING", "mended")
    study.enqueue_trial({"n": 3})
    study.optimize(objective, n_trials=1)
    assert study.trials[-1].value == 47.0 and len(failed_runs()) == 0


def test_the_digest_of_the_data_is_taken_once_where_a_trial_is_there(
    goog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study()
    objective = optuna_objective(run, goog, {"window": [10]}, metric="sharpe")
    study.optimize(objective, n_trials=1)
    taken: list[object] = []
    take = content.digest_and_met
    monkeypatch.setattr(
        content, "digest_and_met", lambda value, path: taken.append(value) or take(value, path)
    )
    study.optimize(objective, n_trials=1)
    assert sum(value is goog for value in taken) == 1


@pytest.mark.slow
def test_the_example_runs_and_its_second_run_computes_nothing(tmp_path: Path) -> None:
    def example() -> list[str]:
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / "optuna_study.py"), str(tmp_path / "o.db")],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    first, again = example(), example()
    assert first[0] == again[0] and first[0].startswith("best of ")
    assert not first[1].startswith("computed 0 ") and again[1].startswith("computed 0 ")
