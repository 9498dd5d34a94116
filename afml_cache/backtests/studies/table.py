"""The outcomes of a study as a frame of pandas: a row each, in the order of the combinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.plain import as_float, as_number
from afml_cache.backtests.studies.outcome import Failure

if TYPE_CHECKING:
    import pandas as pd

#: The columns that every study has, after parameters and metrics.
LAST = ("run_id", "outcome", "seconds", "error")
#: Stand before the name of a parameter or a metric that is taken.
PARAMS, METRICS = "params.", "metrics."


@dataclass(slots=True)
class Row:
    """What is known of one call by the end of the study."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    key: bytes | None = None  #: of the call
    outcome: str = ""
    seconds: float | None = None
    failure: Failure | None = None
    equity: Any = None


def table_of(
    rows: Sequence[Row], more: Mapping[str, Sequence[object]] | None = None
) -> pd.DataFrame:
    """Parameters, metrics, :data:`LAST`, and more columns of texts; numbers as numbers.

    A parameter that bears the name of a metric is called ``params.<name>``, a metric that bears
    the name of one of the last columns ``metrics.<name>``.
    """
    import pandas as pd

    parameters = _names([row.parameters for row in rows])
    metrics = _names([row.metrics for row in rows])
    columns: dict[str, Any] = {}
    more = more or {}
    last = (*LAST, *more)
    for name in parameters:
        taken = name in last or name in metrics
        column = f"{PARAMS}{name}" if taken else name
        columns[column] = _column([row.parameters.get(name) for row in rows])
    for name in metrics:
        column = f"{METRICS}{name}" if name in last or name in columns else name
        numbers = [as_number(row.metrics.get(name)) for row in rows]
        columns[column] = _numbers(numbers)
    columns["run_id"] = _column([row.run_id for row in rows])
    columns["outcome"] = _column([row.outcome for row in rows])
    columns["seconds"] = pd.Series([row.seconds for row in rows], dtype="float64")
    columns["error"] = pd.Series(
        [None if row.failure is None else str(row.failure) for row in rows], dtype=object
    )
    columns |= {name: pd.Series(list(values), dtype=object) for name, values in more.items()}
    return pd.DataFrame(columns)


def _names(each: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in each for name in one))


def _column(values: list[Any]) -> Any:
    import pandas as pd

    return pd.Series(values, dtype=object).infer_objects()


def _numbers(numbers: list[Any]) -> Any:
    """Whole numbers and truth values as such where none is missing, else floating ones."""
    import pandas as pd

    if {type(number) for number in numbers} in ({int}, {bool}):
        whole = pd.Series(numbers, dtype=object).infer_objects()
        if whole.dtype.kind in "ib":
            return whole
    return pd.Series([as_float(number) for number in numbers], dtype="float64")
