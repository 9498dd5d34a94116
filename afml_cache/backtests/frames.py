"""Runs and trials as frames of pandas: a row each, parameters and metrics as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.plain import Account, as_float, as_number
from afml_cache.backtests.rows import Recorded
from afml_cache.backtests.run import as_text

if TYPE_CHECKING:
    import pandas as pd

#: Begins the name of the column of a parameter, and that of a metric whose own name is taken.
PARAMS, METRICS = "params.", "metrics."


def frame_of(recorded: Sequence[Recorded], first: str) -> pd.DataFrame:
    """A row a run (``first="run_id"``) or a trial (``"trial"``)."""
    import pandas as pd

    columns: dict[str, Any] = {
        first: _texts(one.metadata.run_id for one in recorded),
        "strategy": _texts(one.metadata.strategy for one in recorded),
        "created": _times([one.metadata.created for one in recorded]),
        "seconds": pd.Series([one.metadata.seconds for one in recorded], dtype="float64"),
        "function": _texts(one.metadata.function for one in recorded),
        "code": _texts(one.metadata.code for one in recorded),
        **_seen(recorded),
        "split": _column([one.metadata.split for one in recorded]),
    }
    columns |= _parameters_and_metrics(recorded, columns)
    return pd.DataFrame(columns)


def side_by_side(recorded: Sequence[Recorded], metrics: Sequence[str] | None) -> pd.DataFrame:
    """A row a run by its id: what tells runs apart, and all metrics or those named."""
    import pandas as pd

    columns: dict[str, Any] = {
        "strategy": _texts(one.metadata.strategy for one in recorded),
        "code": _texts(one.metadata.code for one in recorded),
        **_seen(recorded),
    }
    columns |= _parameters_and_metrics(recorded, columns, metrics)
    frame = pd.DataFrame(columns)
    ids = [one.metadata.run_id for one in recorded]
    frame.index = pd.Index(ids, name="run_id", dtype=None if ids else object)
    return frame


def _seen(recorded: Sequence[Recorded]) -> dict[str, Any]:
    """Columns of the data."""
    import pandas as pd

    rows = [sum(window.rows for window in one.metadata.data) for one in recorded]
    return {
        "rows": pd.Series(rows, dtype="int64"),
        "first": _column([_window(one, "first") for one in recorded]),
        "last": _column([_window(one, "last") for one in recorded]),
    }


def _parameters_and_metrics(
    recorded: Sequence[Recorded], taken: Mapping[str, Any], metrics: Sequence[str] | None = None
) -> dict[str, Any]:
    """Columns of all parameters, and of all metrics or those named."""
    columns = {}
    for name in _names(one.metadata.parameters for one in recorded):
        columns[PARAMS + as_text(name)] = _column(
            [one.metadata.parameters.get(name) for one in recorded]
        )
    for name in _names(one.metrics for one in recorded) if metrics is None else metrics:
        free = name not in taken and not name.startswith((PARAMS, METRICS))
        columns[as_text(name if free else METRICS + name)] = _column(
            [one.metrics.get(name) for one in recorded]
        )
    return columns


def _names(each: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in each for name in one))


def _window(one: Recorded, end: str) -> Any:
    return getattr(one.metadata.data[0], end) if one.metadata.data else None


def _texts(values: Iterable[str]) -> Any:
    import pandas as pd

    listed = list(values)
    return pd.Series(listed, dtype=None if listed else object)


def _times(values: list[datetime]) -> Any:
    import pandas as pd

    return pd.Series(pd.to_datetime(values, utc=True), dtype=None).dt.as_unit("us")


def _column(values: list[Any]) -> Any:
    """Numbers as numbers, whole ones as such where none is missing; others as they are."""
    import pandas as pd

    numbers = [as_number(value) for value in values]
    are_numbers = all(
        number is not None or value is None for number, value in zip(numbers, values, strict=True)
    )
    kinds = {type(number) for number in numbers}
    if not are_numbers or kinds <= {type(None)}:
        return pd.Series([_shown(value) for value in values], dtype=object).infer_objects()
    if kinds in ({bool}, {int}):
        whole = pd.Series(numbers, dtype=object).infer_objects()
        if kinds == {bool} or whole.dtype.kind == "i":
            return whole
    return pd.Series([as_float(number) for number in numbers], dtype="float64")


def _shown(value: Any) -> Any:
    if isinstance(value, Account):
        return value.text
    return as_text(value) if isinstance(value, str) else value
