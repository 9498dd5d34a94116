"""Cached backtests, their runs and trials: the public names of :mod:`afml_cache.backtests`."""

from __future__ import annotations

from afml_cache.backtests import tracked
from afml_cache.backtests.best import BestRun
from afml_cache.backtests.cache import BacktestCache, get_backtest_cache
from afml_cache.backtests.cleared_runs import ClearedRuns
from afml_cache.backtests.decorator import CachedBacktest, cached_backtest
from afml_cache.backtests.rows import BacktestMetadata, BacktestResult
from afml_cache.backtests.studies.failures import clear_failed_runs, failed_runs
from afml_cache.backtests.studies.optuna_objective import optuna_objective
from afml_cache.backtests.studies.sweep import sweep
from afml_cache.backtests.studies.walk_forward import WalkForward, walk_forward
from afml_cache.backtests.windows import DataWindow

__all__ = [
    "BacktestCache",
    "BacktestMetadata",
    "BacktestResult",
    "BestRun",
    "CachedBacktest",
    "ClearedRuns",
    "DataWindow",
    "WalkForward",
    "cached_backtest",
    "clear_failed_runs",
    "failed_runs",
    "get_backtest_cache",
    "optuna_objective",
    "sweep",
    "walk_forward",
]


def _find_mlflow() -> tracked.Tracker:
    from afml_cache.tracking import study

    return study


tracked.register(_find_mlflow)
