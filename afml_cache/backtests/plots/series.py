"""What can be drawn as a curve, as Series by name that share an axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.plots.recorded import equity_of
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

#: The columns of the equity curve of the library backtesting.
_OF_THE_ENGINE = {"equity", "drawdownpct", "drawdownduration"}


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
        _check_names(curves.columns)
        of_one_run = {str(name).lower() for name in curves.columns} <= _OF_THE_ENGINE
        given = {"equity": curves} if of_one_run else dict(curves.items())
    else:
        given = curves
    if not given:
        raise ConfigurationError("there is no curve to draw")
    _check_names(given)
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
        curve = _dated(pd.Series(value), name)
        try:
            curve = curve.astype(float)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{name!r} is no curve of numbers ({error})") from error
        if not np.isfinite(curve).any() or np.isinf(curve).any():
            raise ConfigurationError(f"{name!r} has infinite values, or none at all")
        if not curve.index.is_monotonic_increasing:
            raise ConfigurationError(f"{name!r} is not in order; sort_index() first")
        # Points on both sides of a missing one belong together: a monthly curve among daily ones.
        series[str(name)] = curve.dropna()
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
    _check_names(frame.columns)
    return next((name for name in frame.columns if str(name).lower() == "equity"), None)


def _check_names(names: Iterable[Any]) -> None:
    """Refuse names of which one would hide another: those of columns may repeat."""
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise ConfigurationError(
            f"several curves are called {', '.join(map(repr, twice))}; give each a name of its own"
        )


def _dated(curve: pd.Series[Any], name: object) -> pd.Series[Any]:
    """With an index of dates where it spells them in another way: periods, dates, texts."""
    import pandas as pd

    index = curve.index
    if isinstance(index, pd.PeriodIndex):
        return curve.set_axis(index.to_timestamp(how="end"))
    if isinstance(index, pd.DatetimeIndex) or pd.api.types.is_numeric_dtype(index.dtype):
        return curve
    try:
        are_texts = index.inferred_type == "string"
        return curve.set_axis(pd.to_datetime(index, format="ISO8601" if are_texts else None))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name!r} is indexed by neither dates nor bars ({error}); set_axis() first"
        ) from error


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
