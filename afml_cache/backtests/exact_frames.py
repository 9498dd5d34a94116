"""Which frames, series and arrays Parquet gives back exactly as they were, without trying.

Reading each file back takes as long as writing it. Of plain numbers and dates there is nothing to
find out: a test holds this against reading, for any of them.
"""

from __future__ import annotations

import sys
from typing import Any

#: Whole seconds become milliseconds in Parquet.
_UNITS = ("ms", "us", "ns")


def comes_back(value: Any) -> bool:
    """Whether a value is plain enough; False says nothing.

    Parameters
    ----------
    value : object
        A frame or series with an index of dates without a zone, of bars, or of whole numbers, and
        columns of numbers, dates or durations; an array of numbers with one or two dimensions.
    """
    np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
    if np is None or pd is None:
        return False
    if type(value) not in (np.ndarray, pd.Series, pd.DataFrame) or len(value) == 0:
        return False
    if type(value) is np.ndarray:
        return value.ndim in (1, 2) and value.size > 0 and _is_plain(value.dtype, "iufb")
    if type(value) is pd.Series:
        named = value.name is None or _is_name(value.name)
        return named and not value.attrs and _is_plain_index(value.index) and _is_column(value)
    if value.attrs or not _is_plain_index(value.index):
        return False
    names = value.columns
    return bool(
        names.name is None
        and names.is_unique
        and names.dtype == pd.Index(["name"]).dtype
        and all(_is_name(name) for name in names)
        and len(names) > 0
        and all(_is_column(value.iloc[:, place]) for place in range(len(names)))
    )


def _is_name(name: Any) -> bool:
    # Those that Arrow gives to what has none are not told from a user's own.
    return type(name) is str and not name.startswith("__index_level_")


def _is_column(column: Any) -> bool:
    if column.dtype == object:  # the tags of trades that have none
        return all(one is None for one in column)
    return _is_plain(column.dtype, "iufbmM")


def _is_plain_index(index: Any) -> bool:
    import pandas as pd

    name = index.name
    if name is not None and not _is_name(name):
        return False
    if type(index) is pd.DatetimeIndex:
        return index.tz is None and index.freq is None and index.unit in _UNITS
    if type(index) is pd.RangeIndex:
        return True
    return type(index) is pd.Index and bool(index.dtype == "int64")


def _is_plain(dtype: Any, kinds: str) -> bool:
    import numpy as np

    if not isinstance(dtype, np.dtype) or dtype.kind not in kinds or not dtype.isnative:
        return False
    if dtype.kind in "mM":
        return np.datetime_data(dtype)[0] in _UNITS and np.datetime_data(dtype)[1] == 1
    return dtype.itemsize in ((4, 8) if dtype.kind == "f" else (1, 2, 4, 8))
