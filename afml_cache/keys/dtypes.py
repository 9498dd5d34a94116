"""pandas' extension dtypes: their class and their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd

from afml_cache.keys import times
from afml_cache.keys.arrays import dtype_stream
from afml_cache.keys.atoms import gather, text
from afml_cache.keys.met import note
from afml_cache.keys.objects import instance
from afml_cache.keys.resolve import class_name
from afml_cache.keys.stream import Stream, compose, reference, tag

_dtype_parts: dict[Any, bytes] = {}


def dtype_part(dtype: Any) -> Stream:
    """A dtype as the first part of a column."""
    known = _dtype_parts.get(dtype) if type(dtype) in _SIMPLE_DTYPES else None
    if known is not None:
        return known
    if isinstance(dtype, np.dtype):
        return dtype_stream(dtype)
    stream = reference(dtype_rule(dtype))
    if type(stream) is bytes and type(dtype) in _SIMPLE_DTYPES and len(_dtype_parts) < 1024:
        _dtype_parts[dtype] = stream
    return stream


_SIMPLE_DTYPES: Final = frozenset(
    {pd.DatetimeTZDtype, pd.StringDtype, pd.Int64Dtype, pd.Float64Dtype, pd.BooleanDtype}
)


def dtype_rule(dtype: Any) -> Stream:
    """An extension dtype: its class and its parameters."""
    for base in type(dtype).__mro__:
        rule = _DTYPES.get(base)
        if rule is not None:
            return rule(dtype)
    parameters = {name: getattr(dtype, name) for name in getattr(dtype, "_metadata", ())}
    if not parameters:
        note(type(dtype))
        return tag("extension dtype") + text(class_name(type(dtype))) + text(str(dtype.name))
    return instance(type(dtype), parameters)


def _zoned(dtype: Any) -> Stream:
    return compose(tag("DatetimeTZDtype") + text(dtype.unit), (times.zone(dtype.tz),))


def _categories(dtype: Any) -> Stream:
    return gather(
        tag("CategoricalDtype"),
        (bool(dtype.ordered), dtype.categories),
        label=lambda _: ".categories",
    )


def _period_dtype(dtype: pd.PeriodDtype) -> Stream:
    return compose(tag("PeriodDtype"), (times.offset(dtype.freq),))


def _interval_dtype(dtype: Any) -> Stream:
    subtype = dtype.subtype
    if subtype is None:
        return tag("IntervalDtype")
    return compose(
        tag("IntervalDtype") + text(str(dtype.closed)),
        (dtype_stream(subtype) if isinstance(subtype, np.dtype) else dtype_rule(subtype),),
    )


def _sparse_dtype(dtype: Any) -> Stream:
    return gather(
        tag("SparseDtype") + dtype_stream(dtype.subtype),
        (dtype.fill_value,),
        label=lambda _: ".fill_value",
    )


def _string_dtype(dtype: Any) -> Stream:
    """Where strings are kept, and whether NA or NaN stands for a missing one."""
    storage = str(dtype.storage)
    missing = "NA" if getattr(dtype, "na_value", pd.NA) is pd.NA else "NaN"
    if storage == "pyarrow_numpy":  # how pandas 2 called it
        storage, missing = "pyarrow", "NaN"
    return tag("StringDtype") + text(storage) + text(missing)


def _arrow_dtype(dtype: Any) -> Stream:
    from afml_cache.keys import arrow

    return compose(tag("ArrowDtype"), (arrow.data_type(dtype.pyarrow_dtype),))


_DTYPES: Final[dict[type, Callable[[Any], Stream]]] = {
    pd.DatetimeTZDtype: _zoned,
    pd.CategoricalDtype: _categories,
    pd.PeriodDtype: _period_dtype,
    pd.IntervalDtype: _interval_dtype,
    pd.SparseDtype: _sparse_dtype,
    pd.StringDtype: _string_dtype,
    pd.ArrowDtype: _arrow_dtype,
}
