"""The best runs of a strategy by one metric, reported as what they are: the best of so many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from afml_cache.backtests.book import RunBook
from afml_cache.backtests.plain import as_number
from afml_cache.backtests.rows import Recorded, runs_of_ids, runs_where
from afml_cache.backtests.run import to_json


@dataclass(frozen=True, slots=True)
class BestRun:
    """One of the best runs of a strategy.

    Attributes
    ----------
    run_id : str
    parameters : dict
    metric : str
    value : float
        Of the metric.
    rank : int
        From 1 on.
    trials : int
        How many trials of the strategy there have been, cleared runs among them: a value is to be
        judged as the best of so many (Bailey and Lopez de Prado 2014, "The deflated Sharpe ratio").
    """

    run_id: str
    parameters: dict[str, Any]
    metric: str
    value: float
    rank: int
    trials: int

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        place = "the best" if self.rank == 1 else f"number {self.rank}"
        many = f"{self.trials:,} trial{'' if self.trials == 1 else 's'}"
        return f"{self.metric} {self.value:g}, {place} of {many}: {named or 'no parameters'}"


def best_runs(
    book: RunBook, strategy: str, metric: str, maximize: bool, top_n: int, trials: int
) -> list[BestRun]:
    """The best first, of equal ones the earlier; runs without the metric, or with NaN, are none.

    Raises
    ------
    ValueError
        None of the runs has the metric.
    """
    ids = _candidates(book, strategy, metric, maximize, top_n)
    found = list(runs_of_ids(book, ids).values())
    if not found:
        check_metric(runs_where(book, "strategy=? LIMIT 1000", (strategy,)), metric)
    return _ranked(found, metric, maximize, top_n, trials)


def _candidates(book: RunBook, strategy: str, metric: str, maximize: bool, top_n: int) -> list[str]:
    """Ids of runs among which the best are: SQL sorts the numbers that it can read."""
    if to_json(metric) != f'"{metric}"':  # a path has no way to say it
        return [id for (id,) in book.read_all("SELECT id FROM run WHERE strategy=?", (strategy,))]
    name, order = f'$."{metric}"', "DESC" if maximize else "ASC"
    numbers = book.read_all(
        "SELECT id FROM (SELECT id, created, json_extract(metrics, ?) AS value FROM run "
        "WHERE strategy=?) WHERE typeof(value) IN ('integer', 'real') "
        f"ORDER BY value {order}, created LIMIT ?",
        (name, strategy, top_n),
    )
    others = book.read_all(  # infinity and Decimals, which JSON has as no number
        "SELECT id FROM (SELECT id, json_extract(metric_types, ?) AS type FROM run "
        "WHERE strategy=?) WHERE type = 'decimal' OR type LIKE '%inf'",
        (name, strategy),
    )
    return [id for (id,) in (*numbers, *others)]


def _ranked(
    runs: Iterable[Recorded], metric: str, maximize: bool, top_n: int, trials: int
) -> list[BestRun]:
    valued = []
    for run in runs:
        value = as_number(run.metrics.get(metric))
        if value is not None and not math.isnan(value):
            valued.append((float(value), run.metadata))
    sign = -1.0 if maximize else 1.0
    valued.sort(key=lambda one: (sign * one[0], one[1].created))
    return [
        BestRun(run.run_id, run.parameters, metric, value, rank, trials)
        for rank, (value, run) in enumerate(valued[:top_n], start=1)
    ]


def check_metric(runs: Iterable[Recorded], metric: str) -> None:
    """Refuse a metric that none of the runs has; raises ValueError."""
    known = dict.fromkeys(name for run in runs for name in run.metrics)
    if known and metric not in known:
        near = get_close_matches(metric, known, n=1)
        meant = f" (is it {near[0]!r}?)" if near else ""
        raise ValueError(
            f"none of the runs has a metric {metric!r}{meant}; they have {', '.join(known)}"
        )
