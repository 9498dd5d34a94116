"""Figures of a run that has some already: what a function returns is the last word on its name.

Of the figures of one name MLflow shows, and ranks runs by, that of the highest step.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

#: What MLflow's databases keep in the place of infinity.
_GREATEST = sys.float_info.max


def after(there: Any, metrics: Mapping[str, float], at: int) -> list[Any]:
    """Metrics to be logged, each a step after those that the run has of its name.

    A figure that is the last one already is left out: so what is sent again is not added again.

    Parameters
    ----------
    there : mlflow.entities.RunData or None
        What the run says; None where it is new.
    metrics : mapping
        By name.
    at : int
        Milliseconds since the epoch.
    """
    from mlflow.entities import Metric

    last = {} if there is None else {one.key: one for one in there.to_proto().metrics}
    found = []
    for name, value in metrics.items():
        one = last.get(name)
        if one is None:
            found.append(Metric(name, value, at, 0))
        elif not _is_same(one.value, value):
            found.append(Metric(name, value, at, one.step + 1))
    return found


def _is_same(one: float, other: float) -> bool:
    one, other = (max(min(value, _GREATEST), -_GREATEST) for value in (one, other))
    return one == other or (one != one and other != other)  # or both are NaN
