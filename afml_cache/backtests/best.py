"""The best runs of a strategy by one metric, reported as what they are: the best of so many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from afml_cache.backtests.plain import as_number
from afml_cache.backtests.rows import Recorded


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


def best_of(
    runs: Iterable[Recorded], metric: str, maximize: bool, top_n: int, trials: int
) -> list[BestRun]:
    """The best first, of equal ones the earlier; runs without the metric, or with NaN, are none."""
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
