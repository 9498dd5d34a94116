"""Frames, series and arrays <-> Parquet files that any program opens.

What pandas does not write down itself (that it was a series or an array, the frequency of the
index) goes into the metadata of the file, where others do not look.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_KEY = b"afml_cache"


def write(path: Path, value: Any) -> None:
    """Write a frame, series or array; raises what Arrow raises for what it does not take."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table, form = _table(value, pa)
    metadata = {**(table.schema.metadata or {}), _KEY: json.dumps(form).encode()}
    # Numbers seldom repeat: looking for repetitions takes longer than all the rest.
    texts = [one.name for one in table.schema if not pa.types.is_primitive(one.type)]
    pq.write_table(table.replace_schema_metadata(metadata), path, use_dictionary=texts)


def read(path: Path) -> Any:
    """What was written, or something like it; raises `OSError` and what Arrow raises."""
    import pyarrow.parquet as pq

    with path.open("rb") as file:  # not by name: a name with a colon is an address to Arrow
        table = pq.ParquetFile(file).read(use_threads=False)
    form = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    kind = form.get("kind")
    if kind == "Arrow":
        return table.replace_schema_metadata(None)
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    frame = table.to_pandas(use_threads=False)
    if kind == "ndarray":
        array = frame.to_numpy() if form["dimensions"] == 2 else frame.iloc[:, 0].to_numpy()
        return array.astype(form["dtype"], copy=False)
    if form.get("freq"):
        frame.index.freq = form["freq"]
    if form.get("unit") and frame.index.dtype.kind in "mM":
        frame.index = frame.index.as_unit(form["unit"])
    if kind == "Series":
        series = frame.iloc[:, 0]
        return series.rename(form["name"] if form["named"] else None)
    return frame


def _table(value: Any, pa: Any) -> tuple[Any, dict[str, Any]]:
    """An Arrow table, and what has to be known besides."""
    import numpy as np
    import pandas as pd

    form: dict[str, Any]
    if isinstance(value, np.ndarray):
        if value.ndim > 2:
            raise TypeError(f"an array of {value.ndim} dimensions is no table")
        frame = pd.DataFrame(value)
        frame.columns = [f"{number}" for number in range(frame.shape[1])]
        form = {"kind": "ndarray", "dtype": value.dtype.str, "dimensions": value.ndim}
        return pa.Table.from_pandas(frame, nthreads=1), form
    if isinstance(value, pd.Series):
        named = type(value.name) in (str, int)
        frame = value.to_frame(str(value.name) if named else "value")
        form = {"kind": "Series", "named": named, "name": value.name if named else None}
    elif isinstance(value, pd.DataFrame):
        kinds = {type(name) for name in value.columns}
        if len(kinds) > 1:  # as text, which is all that a file has, they may be the same
            several = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise TypeError(f"its columns have names of several types: {several}")
        frame, form = value, {"kind": "DataFrame"}
    elif type(value).__module__.partition(".")[0] == "polars":
        frame = value.to_frame() if hasattr(value, "to_frame") else value
        return frame.to_arrow(), {"kind": "polars"}
    elif isinstance(value, pa.Table):
        return value, {"kind": "Arrow"}
    else:
        raise TypeError(f"a {type(value).__name__} is no table")
    freq = getattr(frame.index, "freq", None)
    if isinstance(frame.index, pd.DatetimeIndex | pd.TimedeltaIndex):
        form |= {"freq": None if freq is None else frame.index.freqstr, "unit": frame.index.unit}
    return pa.Table.from_pandas(frame, nthreads=1), form
