"""A result cache for quantitative research, with exact keys.

Names are loaded on first use, so that ``import afml_cache`` costs next to nothing.

pytest would rewrite the asserts of whatever is installed along with a plugin, and warn where it is
imported already; there are none to rewrite here: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from afml_cache import alias

if TYPE_CHECKING:
    from afml_cache.again import Beside as Beside
    from afml_cache.again import beside as beside
    from afml_cache.again import seconds_to_compute as seconds_to_compute
    from afml_cache.auto_reload import AutoCache as AutoCache
    from afml_cache.auto_reload import Reloaded as Reloaded
    from afml_cache.auto_reload import auto_cacheable as auto_cacheable
    from afml_cache.auto_reload import get_auto_cache as get_auto_cache
    from afml_cache.auto_reload import jupyter_auto_setup as jupyter_auto_setup
    from afml_cache.auto_reload import setup_auto_reloading as setup_auto_reloading
    from afml_cache.backtest_cache import BacktestCache as BacktestCache
    from afml_cache.backtest_cache import BacktestMetadata as BacktestMetadata
    from afml_cache.backtest_cache import BacktestResult as BacktestResult
    from afml_cache.backtest_cache import BestRun as BestRun
    from afml_cache.backtest_cache import CachedBacktest as CachedBacktest
    from afml_cache.backtest_cache import ClearedRuns as ClearedRuns
    from afml_cache.backtest_cache import DataWindow as DataWindow
    from afml_cache.backtest_cache import WalkForward as WalkForward
    from afml_cache.backtest_cache import cached_backtest as cached_backtest
    from afml_cache.backtest_cache import clear_failed_runs as clear_failed_runs
    from afml_cache.backtest_cache import failed_runs as failed_runs
    from afml_cache.backtest_cache import get_backtest_cache as get_backtest_cache
    from afml_cache.backtest_cache import optuna_objective as optuna_objective
    from afml_cache.backtest_cache import sweep as sweep
    from afml_cache.backtest_cache import walk_forward as walk_forward
    from afml_cache.backtests.deflated import DeflatedSharpe as DeflatedSharpe
    from afml_cache.backtests.deflated import deflated_sharpe_ratio as deflated_sharpe_ratio
    from afml_cache.backtests.deflated import deflated_sharpe_report as deflated_sharpe_report
    from afml_cache.backtests.deflated import expected_maximum_sharpe as expected_maximum_sharpe
    from afml_cache.backtests.deflated import minimum_backtest_length as minimum_backtest_length
    from afml_cache.backtests.overfitting import OverfittingProbability as OverfittingProbability
    from afml_cache.backtests.overfitting import (
        probability_of_backtest_overfitting as probability_of_backtest_overfitting,
    )
    from afml_cache.backtests.plots import plot_drawdown as plot_drawdown
    from afml_cache.backtests.plots import plot_equity as plot_equity
    from afml_cache.backtests.plots import plot_sweep as plot_sweep
    from afml_cache.backtests.purged import combinatorial_paths as combinatorial_paths
    from afml_cache.backtests.purged import (
        combinatorial_purged_splits as combinatorial_purged_splits,
    )
    from afml_cache.backtests.purged import purged_kfold as purged_kfold
    from afml_cache.backtests.sharpe import probabilistic_sharpe_ratio as probabilistic_sharpe_ratio
    from afml_cache.backtests.sharpe import sharpe_ratio as sharpe_ratio
    from afml_cache.backtests.splits import Split as Split
    from afml_cache.backtests.splits import walk_forward_splits as walk_forward_splits
    from afml_cache.backtests.trial_sharpes import deflated_sharpe_of as deflated_sharpe_of
    from afml_cache.by_date import DatedEntry as DatedEntry
    from afml_cache.by_date import DateSpan as DateSpan
    from afml_cache.by_date import invalidate as invalidate
    from afml_cache.by_date import list_entries as list_entries
    from afml_cache.cache_analyzer import CacheAnalyzer as CacheAnalyzer
    from afml_cache.cache_info import CacheInfo as CacheInfo
    from afml_cache.cache_monitoring import CacheMonitor as CacheMonitor
    from afml_cache.cache_monitoring import FunctionCacheStats as FunctionCacheStats
    from afml_cache.cache_monitoring import analyze_cache_patterns as analyze_cache_patterns
    from afml_cache.cache_monitoring import export_evidence as export_evidence
    from afml_cache.cache_monitoring import (
        get_cache_efficiency_report as get_cache_efficiency_report,
    )
    from afml_cache.cache_monitoring import get_cache_hit_rate as get_cache_hit_rate
    from afml_cache.cache_monitoring import get_cache_monitor as get_cache_monitor
    from afml_cache.cache_monitoring import get_cache_stats as get_cache_stats
    from afml_cache.cache_monitoring import get_cache_summary as get_cache_summary
    from afml_cache.cache_monitoring import (
        get_comprehensive_cache_status as get_comprehensive_cache_status,
    )
    from afml_cache.cache_monitoring import print_cache_health as print_cache_health
    from afml_cache.clearing import Cleared as Cleared
    from afml_cache.clearing import Restored as Restored
    from afml_cache.clearing import clear_afml_cache as clear_afml_cache
    from afml_cache.clearing import list_cleared as list_cleared
    from afml_cache.clearing import restore_cleared as restore_cleared
    from afml_cache.cv_cache import clear_cv_cache as clear_cv_cache
    from afml_cache.cv_cache import cv_cache_with_classifier_state as cv_cache_with_classifier_state
    from afml_cache.cv_cache import cv_cacheable as cv_cacheable
    from afml_cache.cv_folds import cross_validate_cached as cross_validate_cached
    from afml_cache.data_tracking import DataAccessTracker as DataAccessTracker
    from afml_cache.data_tracking import data_tracking_cacheable as data_tracking_cacheable
    from afml_cache.data_tracking import log_data_access as log_data_access
    from afml_cache.data_tracking import print_contamination_report as print_contamination_report
    from afml_cache.diagnosis import Explanation as Explanation
    from afml_cache.errors import AfmlCacheError as AfmlCacheError
    from afml_cache.errors import BacktestRecordError as BacktestRecordError
    from afml_cache.errors import CacheWarning as CacheWarning
    from afml_cache.errors import ClearingError as ClearingError
    from afml_cache.errors import ConfigurationError as ConfigurationError
    from afml_cache.errors import ReportError as ReportError
    from afml_cache.errors import StudyInterrupted as StudyInterrupted
    from afml_cache.errors import TrackingError as TrackingError
    from afml_cache.errors import UncacheableFunctionError as UncacheableFunctionError
    from afml_cache.errors import UnkeyableArgumentError as UnkeyableArgumentError
    from afml_cache.errors import UnknownFunctionError as UnknownFunctionError
    from afml_cache.errors import UnknownRunError as UnknownRunError
    from afml_cache.errors import WorkersLostError as WorkersLostError
    from afml_cache.function_tracker import FunctionTracker as FunctionTracker
    from afml_cache.function_tracker import TrackedFunction as TrackedFunction
    from afml_cache.function_tracker import get_function_tracker as get_function_tracker
    from afml_cache.keys.content import content_key as content_key
    from afml_cache.keys.content import register_key as register_key
    from afml_cache.legacy import cacheable as cacheable
    from afml_cache.memo import CachedFunction as CachedFunction
    from afml_cache.missed import explain_last_miss as explain_last_miss
    from afml_cache.mlflow_integration import MLFLOW_AVAILABLE as MLFLOW_AVAILABLE
    from afml_cache.mlflow_integration import ExperimentRun as ExperimentRun
    from afml_cache.mlflow_integration import MlflowCachedFunction as MlflowCachedFunction
    from afml_cache.mlflow_integration import MLflowCacheIntegration as MLflowCacheIntegration
    from afml_cache.mlflow_integration import get_mlflow_cache as get_mlflow_cache
    from afml_cache.mlflow_integration import mlflow_cached as mlflow_cached
    from afml_cache.mlflow_integration import setup_mlflow_cache as setup_mlflow_cache
    from afml_cache.noted.keys import NotedFunction as NotedFunction
    from afml_cache.noted.keys import noted_functions as noted_functions
    from afml_cache.notices import forget_causes as forget_causes
    from afml_cache.other_decorators import watched_decorator as watched_decorator
    from afml_cache.outcomes import Outcome as Outcome
    from afml_cache.outcomes import Reason as Reason
    from afml_cache.pin_adoption import pin_adoption as pin_adoption
    from afml_cache.production import initialize_cache_system as initialize_cache_system
    from afml_cache.production import setup_production_cache as setup_production_cache
    from afml_cache.results import DIGEST_FORMAT as DIGEST_FORMAT
    from afml_cache.results import CallResult as CallResult
    from afml_cache.results import value_differences as value_differences
    from afml_cache.results import watch_results as watch_results
    from afml_cache.robust_cache_keys import robust_cacheable as robust_cacheable
    from afml_cache.robust_cache_keys import time_aware_cacheable as time_aware_cacheable
    from afml_cache.selective_cleaner import Cleaning as Cleaning
    from afml_cache.selective_cleaner import Maintenance as Maintenance
    from afml_cache.selective_cleaner import cache_maintenance as cache_maintenance
    from afml_cache.selective_cleaner import clear_changed_functions as clear_changed_functions
    from afml_cache.selective_cleaner import optimize_cache_system as optimize_cache_system
    from afml_cache.selective_cleaner import selective_cache_clear as selective_cache_clear
    from afml_cache.selective_cleaner import smart_cacheable as smart_cacheable
    from afml_cache.settings import Settings as Settings
    from afml_cache.settings import cache_directory as cache_directory
    from afml_cache.settings import configure as configure
    from afml_cache.settings import restore_settings as restore_settings
    from afml_cache.settings import use_settings as use_settings
    from afml_cache.store.active import use_store as use_store
    from afml_cache.watching import WatchedCall as WatchedCall
    from afml_cache.watching import watch_calls as watch_calls

alias.install()

__version__ = "0.1.0"

#: Public name -> the module that defines it.
_HOMES = {
    "AfmlCacheError": "errors",
    "AutoCache": "auto_reload",
    "BacktestCache": "backtest_cache",
    "BacktestMetadata": "backtest_cache",
    "BacktestRecordError": "errors",
    "BacktestResult": "backtest_cache",
    "Beside": "again",
    "BestRun": "backtest_cache",
    "CacheAnalyzer": "cache_analyzer",
    "CacheInfo": "cache_info",
    "CacheMonitor": "cache_monitoring",
    "CacheWarning": "errors",
    "CachedBacktest": "backtest_cache",
    "CachedFunction": "memo",
    "CallResult": "results",
    "Cleaning": "selective_cleaner",
    "Cleared": "clearing",
    "ClearedRuns": "backtest_cache",
    "ClearingError": "errors",
    "ConfigurationError": "errors",
    "DIGEST_FORMAT": "results",
    "DataAccessTracker": "data_tracking",
    "DataWindow": "backtest_cache",
    "DateSpan": "by_date",
    "DatedEntry": "by_date",
    "DeflatedSharpe": "backtests.deflated",
    "ExperimentRun": "mlflow_integration",
    "Explanation": "diagnosis",
    "FunctionCacheStats": "cache_monitoring",
    "FunctionTracker": "function_tracker",
    "MLFLOW_AVAILABLE": "mlflow_integration",
    "MLflowCacheIntegration": "mlflow_integration",
    "Maintenance": "selective_cleaner",
    "MlflowCachedFunction": "mlflow_integration",
    "NotedFunction": "noted.keys",
    "Outcome": "outcomes",
    "OverfittingProbability": "backtests.overfitting",
    "Reason": "outcomes",
    "Reloaded": "auto_reload",
    "ReportError": "errors",
    "Restored": "clearing",
    "Settings": "settings",
    "Split": "backtests.splits",
    "StudyInterrupted": "errors",
    "TrackedFunction": "function_tracker",
    "TrackingError": "errors",
    "UncacheableFunctionError": "errors",
    "UnkeyableArgumentError": "errors",
    "UnknownFunctionError": "errors",
    "UnknownRunError": "errors",
    "WalkForward": "backtest_cache",
    "WatchedCall": "watching",
    "WorkersLostError": "errors",
    "analyze_cache_patterns": "cache_monitoring",
    "auto_cacheable": "auto_reload",
    "beside": "again",
    "cache_directory": "settings",
    "cache_maintenance": "selective_cleaner",
    "cacheable": "legacy",
    "cached_backtest": "backtest_cache",
    "clear_afml_cache": "clearing",
    "clear_changed_functions": "selective_cleaner",
    "clear_cv_cache": "cv_cache",
    "combinatorial_paths": "backtests.purged",
    "combinatorial_purged_splits": "backtests.purged",
    "configure": "settings",
    "content_key": "keys.content",
    "cross_validate_cached": "cv_folds",
    "cv_cache_with_classifier_state": "cv_cache",
    "cv_cacheable": "cv_cache",
    "data_tracking_cacheable": "data_tracking",
    "deflated_sharpe_of": "backtests.trial_sharpes",
    "deflated_sharpe_ratio": "backtests.deflated",
    "deflated_sharpe_report": "backtests.deflated",
    "expected_maximum_sharpe": "backtests.deflated",
    "explain_last_miss": "missed",
    "export_evidence": "cache_monitoring",
    "clear_failed_runs": "backtest_cache",
    "failed_runs": "backtest_cache",
    "forget_causes": "notices",
    "get_auto_cache": "auto_reload",
    "get_backtest_cache": "backtest_cache",
    "get_cache_efficiency_report": "cache_monitoring",
    "get_cache_hit_rate": "cache_monitoring",
    "get_cache_monitor": "cache_monitoring",
    "get_cache_stats": "cache_monitoring",
    "get_cache_summary": "cache_monitoring",
    "get_comprehensive_cache_status": "cache_monitoring",
    "get_function_tracker": "function_tracker",
    "get_mlflow_cache": "mlflow_integration",
    "initialize_cache_system": "production",
    "invalidate": "by_date",
    "jupyter_auto_setup": "auto_reload",
    "list_cleared": "clearing",
    "list_entries": "by_date",
    "log_data_access": "data_tracking",
    "minimum_backtest_length": "backtests.deflated",
    "mlflow_cached": "mlflow_integration",
    "noted_functions": "noted.keys",
    "optimize_cache_system": "selective_cleaner",
    "optuna_objective": "backtest_cache",
    "pin_adoption": "pin_adoption",
    "plot_drawdown": "backtests.plots",
    "plot_equity": "backtests.plots",
    "plot_sweep": "backtests.plots",
    "print_cache_health": "cache_monitoring",
    "print_contamination_report": "data_tracking",
    "probabilistic_sharpe_ratio": "backtests.sharpe",
    "probability_of_backtest_overfitting": "backtests.overfitting",
    "purged_kfold": "backtests.purged",
    "register_key": "keys.content",
    "restore_cleared": "clearing",
    "restore_settings": "settings",
    "robust_cacheable": "robust_cache_keys",
    "seconds_to_compute": "again",
    "selective_cache_clear": "selective_cleaner",
    "setup_auto_reloading": "auto_reload",
    "setup_mlflow_cache": "mlflow_integration",
    "setup_production_cache": "production",
    "sharpe_ratio": "backtests.sharpe",
    "smart_cacheable": "selective_cleaner",
    "sweep": "backtest_cache",
    "time_aware_cacheable": "robust_cache_keys",
    "use_settings": "settings",
    "use_store": "store.active",
    "value_differences": "results",
    "walk_forward": "backtest_cache",
    "walk_forward_splits": "backtests.splits",
    "watch_calls": "watching",
    "watch_results": "results",
    "watched_decorator": "other_decorators",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value  # from now on an ordinary attribute
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
