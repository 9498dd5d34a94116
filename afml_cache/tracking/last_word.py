"""Metrics of a run whose function has logged some itself: what it returned is the last of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def metrics_of(values: Mapping[str, float], at: int, data: Any = None) -> list[Any]:
    """Metrics for MLflow, which goes by the step, then by the time.

    Parameters
    ----------
    values : mapping
        What is returned, by name.
    at : int
        Milliseconds since the epoch.
    data : RunData, optional
        What the run says already: one of the same name is followed at its own step, so that the
        curve gets no step that the function has not made; one of the same value is left as it is.
    """
    from mlflow.entities import Metric

    there = {} if data is None else {one.key: one for one in data.to_proto().metrics}
    metrics = []
    for name, value in values.items():
        last = there.get(name)
        if last is None:
            metrics.append(Metric(name, value, at, 0))
        elif not _same(last.value, value):
            metrics.append(Metric(name, value, max(at, last.timestamp + 1), last.step))
    return metrics


def _same(there: float, value: float) -> bool:
    if math.isnan(value):
        return math.isnan(there)
    if math.isinf(value):  # a database has the greatest number in its place
        return there == value or (abs(there) >= 1.79e308 and (there > 0) == (value > 0))
    return there == value
