"""Optuna drives a cached backtest: a real study on SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from afml_cache import ConfigurationError, cached_backtest, get_backtest_cache, optuna_objective
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
