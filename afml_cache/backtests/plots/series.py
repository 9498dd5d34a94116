"""What can be drawn as a curve, as Series by name that share an axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.plots.recorded import equity_of
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd


def series_of(curves: Any) -> dict[str, pd.Series[Any]]:
    """Curves by name, checked, and all by the same clock."""
    import numpy as np
    import pandas as pd

    given: Mapping[Any, Any]
    if isinstance(curves, str):
        given = equity_of([curves])
    elif isinstance(curves, list | tuple | pd.Index | np.ndarray) or _are_ids(curves):
        given = equity_of(_as_ids(curves))
    elif isinstance(curves, pd.Series):
        given = {curves.name if curves.name is not None else "equity": curves}
    elif isinstance(curves, pd.DataFrame):
        column = _equity_column(curves)
        given = {"equity": curves} if column is not None else dict(curves.items())
    else:
        given = curves
    if not given:
        raise ConfigurationError("there is no curve to draw")
    series: dict[str, pd.Series[Any]] = {}
    for name, value in given.items():
        if isinstance(value, pd.DataFrame):
            column = _equity_column(value)
            if column is None:
                raise ConfigurationError(
                    f"{name!r} is a frame with the columns {', '.join(map(str, value.columns))}; "
                    "give the Series of its equity"
                )
            value = value[column]
        curve = pd.Series(value)
        try:
            curve = curve.astype(float)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{name!r} is no curve of numbers ({error})") from error
        if not np.isfinite(curve).any() or np.isinf(curve).any():
            raise ConfigurationError(f"{name!r} has infinite values, or none at all")
        if not curve.index.is_monotonic_increasing:
            raise ConfigurationError(f"{name!r} is not in order; sort_index() first")
        series[str(name)] = curve
    return _by_one_clock(series)


def _are_ids(curves: Any) -> bool:
    """Whether a Series is no curve but a column of run ids, as ``runs()["run_id"]`` is."""
    import pandas as pd

    return isinstance(curves, pd.Series) and all(isinstance(one, str) for one in curves)


def _as_ids(curves: Any) -> list[str]:
    ids = list(curves)
    for one in ids:
        if not isinstance(one, str):
            raise ConfigurationError(
                f"{type(one).__name__} is no run id; give curves by name: {{'mine': curve}}"
            )
    return ids


def _equity_column(frame: pd.DataFrame) -> Any:
    return next((name for name in frame.columns if str(name).lower() == "equity"), None)


def _by_one_clock(series: dict[str, pd.Series[Any]]) -> dict[str, pd.Series[Any]]:
    import pandas as pd

    kinds = {
        isinstance(curve.index, pd.DatetimeIndex)
        and ("aware" if curve.index.tz is not None else "naive")
        for curve in series.values()
    }
    if len(kinds) > 1:
        raise ConfigurationError(
            "the curves cannot share an axis: some are indexed by dates with a time zone, some by "
            "dates without one or by bars; convert them first"
        )
    zones = {str(curve.index.tz) for curve in series.values() if kinds == {"aware"}}  # type: ignore[attr-defined]
    if len(zones) > 1:
        return {name: curve.tz_convert("UTC") for name, curve in series.items()}
    return series
