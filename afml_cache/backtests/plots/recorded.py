"""What is recorded of runs, as what can be drawn: their equity curves, and a table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.asked import part_of, runs_named
from afml_cache.backtests.cache import get_backtest_cache
from afml_cache.backtests.rows import Recorded
from afml_cache.errors import ConfigurationError
from afml_cache.store.active import active

if TYPE_CHECKING:
    import pandas as pd


def equity_of(run_ids: Sequence[str]) -> dict[str, Any]:
    """The equity curves of runs by a name that tells them apart, in the order given.

    Raises
    ------
    UnknownRunError
        There is no such run.
    BacktestRecordError
        Its equity curve was kept and cannot be read.
    ConfigurationError
        A run has none.
    """
    store = active()
    runs = runs_named(store, list(dict.fromkeys(run_ids)))
    curves = {}
    for name, run in zip(_names(runs), runs, strict=True):
        curve = part_of(store, run.metadata, "equity")
        if curve is None:
            raise ConfigurationError(
                f"run {run.metadata.run_id!r} has no equity curve: its function returned none, or "
                "was decorated with save_trades=False; give the curve itself, as a Series"
            )
        curves[name] = curve
    return curves


def table_of_runs(strategy: str | None, metric: str) -> pd.DataFrame:
    """The recorded runs of a strategy, of the only one that has the metric where none is named.

    Raises
    ------
    ConfigurationError
        There is no such run, or several strategies have the metric.
    """
    runs = get_backtest_cache().runs(strategy)
    if runs.empty:
        of = "" if strategy is None else f" of {strategy!r}"
        raise ConfigurationError(f"no run{of} is recorded; give a table, as sweep() returns it")
    if strategy is None and metric in runs.columns:
        having = sorted(runs.loc[runs[metric].notna(), "strategy"].unique())
        if len(having) > 1:
            raise ConfigurationError(
                f"several strategies have {metric!r}: {', '.join(having)}; name one with strategy="
            )
        runs = runs[runs["strategy"].isin(having)] if having else runs
    return runs


def _names(runs: Sequence[Recorded]) -> list[str]:
    """What tells runs apart: parameters that differ, the strategy where there are several."""
    if len(runs) == 1:
        return [runs[0].metadata.strategy]
    shown = [_differing(run.metadata.parameters, runs) for run in runs]
    several = len({run.metadata.strategy for run in runs}) > 1
    names = [
        " ".join(filter(None, (run.metadata.strategy if several or not text else "", text)))
        for run, text in zip(runs, shown, strict=True)
    ]
    # The same parameters on other data, or by other code: only the ids tell these apart.
    return [
        name if names.count(name) == 1 else f"{name} ({run.metadata.run_id[-6:]})"
        for name, run in zip(names, runs, strict=True)
    ]


def _differing(parameters: Mapping[str, Any], runs: Sequence[Recorded]) -> str:
    own = ((name, value) for name, value in parameters.items())
    return ", ".join(
        f"{name}={value}"
        for name, value in own
        if any(repr(run.metadata.parameters.get(name)) != repr(value) for run in runs)
    )
