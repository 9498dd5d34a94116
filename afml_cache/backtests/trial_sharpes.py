"""The best of a strategy's trials, judged by all that the ledger counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from afml_cache.backtests.cache import BacktestCache, get_backtest_cache
from afml_cache.backtests.deflated import DeflatedSharpe, deflated_sharpe_report
from afml_cache.backtests.frames import METRICS
from afml_cache.backtests.plain import as_number
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

__all__ = ["deflated_sharpe_of"]


def deflated_sharpe_of(
    strategy: str,
    metric: str = "Sharpe Ratio",
    *,
    periods_per_year: float = 252,
    run_id: str | None = None,
    returns: ArrayLike | None = None,
    n_trials: float | None = None,
    cache: BacktestCache | None = None,
) -> DeflatedSharpe:
    """Judge the best run of a strategy by all trials in the ledger.

    Every trial counts, those of runs that were cleared and of earlier code among them.

    Parameters
    ----------
    strategy : str
    metric : str
        The Sharpe ratio among the metrics, by the name that the strategy gives it; that of the
        library backtesting by default.
    periods_per_year : float
        By how many observations a year the metric is annualised; 1 where it is not.
    run_id : str, optional
        Which run was selected; that with the highest metric by default.
    returns : array_like, shape (T,), optional
        Of the selected run, an observation; the relative changes of its recorded equity curve by
        default.
    n_trials : float, optional
        How many independent trials there were; all that the ledger counts by default.
    cache : BacktestCache, optional
        That of the active store by default.

    Raises
    ------
    ConfigurationError
        The run has no equity curve; as for :func:`deflated_sharpe_report`, also where the metric
        does not fit the returns.
    ValueError
        None of the runs has the metric.
    UnknownRunError, BacktestRecordError
        There is no such run; its equity curve cannot be read.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from afml_cache import BacktestCache
    >>> cache, rng = BacktestCache(tmp_path / "trials"), np.random.default_rng(1)
    >>> for window in range(100):  # a hundred strategies without skill
    ...     returns = rng.normal(0, 0.01, 1000)
    ...     metrics = {"sharpe": returns.mean() / returns.std() * 252**0.5}
    ...     equity = pd.Series(np.cumprod(1 + returns))
    ...     _ = cache.cache_backtest("luck", {"window": window}, None, metrics, None, equity)
    >>> report = deflated_sharpe_of("luck", "sharpe", cache=cache)
    >>> report.n_trials, report.undeflated > 0.95, report.probability > 0.95
    (100.0, True, False)
    """
    asked = get_backtest_cache() if cache is None else cache
    trials = asked.trials(strategy)
    if trials.empty:
        raise ConfigurationError(f"no trial of {strategy!r} is recorded")
    if run_id is None and returns is None:
        best = asked.find_best_parameters(strategy, metric)
        if not best:
            raise ConfigurationError(
                f"no run of {strategy!r} is left that has {metric!r}; restore_runs() brings back "
                "those that were cleared, or give returns="
            )
        run_id = best[0].run_id
    if returns is None:
        assert run_id is not None
        returns = _returns_of(asked.get_cached_equity(run_id), run_id)
    return deflated_sharpe_report(
        returns,
        _ratios(trials, metric),
        n_trials=n_trials,
        periods_per_year=periods_per_year,
    )


def _ratios(trials: pd.DataFrame, metric: str) -> list[float]:
    """The metric of every trial; NaN of those that have none."""
    column = METRICS + metric if METRICS + metric in trials.columns else metric
    if column not in trials.columns:
        raise ConfigurationError(f"no trial has a metric {metric!r}")
    numbers = map(as_number, trials[column])
    return [float("nan") if number is None else float(number) for number in numbers]


def _returns_of(equity: Any, run_id: str) -> pd.Series[float]:
    import pandas as pd

    if isinstance(equity, pd.DataFrame):
        named = [name for name in equity.columns if str(name).lower() == "equity"]
        equity = equity[named[0]] if len(named) == 1 else None
    if not isinstance(equity, pd.Series):
        raise ConfigurationError(
            f"run {run_id!r} has no equity curve, a Series or a frame with a column Equity; give "
            "returns="
        )
    return equity.astype(float).dropna().pct_change().iloc[1:]
