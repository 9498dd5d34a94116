"""Optuna searches the parameters of a cached backtest on real prices.

Run it twice: the second study makes the same trials, and computes none of them.

    pip install "afml-cache[optuna,demo]"
    python examples/optuna_study.py study.db
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import optuna
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

from afml_cache import cached_backtest, get_backtest_cache, optuna_objective

warnings.filterwarnings("ignore", module="backtesting")
optuna.logging.set_verbosity(optuna.logging.WARNING)


class SmaCross(Strategy):
    fast = 10
    slow = 30

    def init(self) -> None:
        self.short = self.I(SMA, self.data.Close, self.fast)
        self.long = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        if crossover(self.short, self.long):
            self.buy()
        elif crossover(self.long, self.short):
            self.position.close()


@cached_backtest("sma cross")
def run(data: Any, params: dict[str, Any], fee: float = 0.002) -> Any:
    return Backtest(data, SmaCross, commission=fee, finalize_trades=True).run(**params)


def space(trial: optuna.Trial) -> dict[str, Any]:
    fast = trial.suggest_int("fast", 3, 30)
    return {"fast": fast, "slow": trial.suggest_int("slow", fast + 5, 100)}


def main(database: str) -> None:
    study = optuna.create_study(
        storage=f"sqlite:///{database}",
        sampler=optuna.samplers.TPESampler(seed=1),
        direction="maximize",
    )
    study.optimize(optuna_objective(run, GOOG, space, metric="Sharpe Ratio"), n_trials=20)
    run_id = study.best_trial.user_attrs["run_id"]
    trials = get_backtest_cache().trial_count("sma cross")
    print(f"best of {trials} trials: {study.best_params}, Sharpe {study.best_value:.2f}, {run_id}")
    # What was searched is not only what is reported: every distinct trial counts.
    print(f"computed {made()} of {len(study.trials)} trials")


counted_before = run.cache_info().computed


def made() -> int:
    return run.cache_info().computed - counted_before


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "study.db")
