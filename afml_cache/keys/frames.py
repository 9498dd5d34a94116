"""pandas: frames and Series by labels, index and one digest a column.

How the columns lie in memory, and what a frame has remembered from being used, does not count.
The values are read where they lie, through the block manager where it can be read and through
the public interface where not, to the same digest.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from afml_cache.keys import dtypes, indexes, times
from afml_cache.keys.arrays import dtype_stream
from afml_cache.keys.atoms import ATOMS, NONE
from afml_cache.keys.blocks import Plan, is_plain
from afml_cache.keys.columns import Column, array_values, column, object_blocks, plain_values
from afml_cache.keys.objects import literal
from afml_cache.keys.stream import (
    Hole,
    Label,
    Node,
    Rule,
    Stream,
    assemble,
    reference,
    settle,
    tag,
    u64,
)

_FRAME = tag("frame")
_SERIES = tag("series")


class Parts(NamedTuple):
    """A frame or Series: its stream, and the nodes in it that were to be kept."""

    stream: Stream
    index_columns: list[Node]
    columns: list[Node]


def frame_parts(frame: pd.DataFrame, *, keep: bool = False) -> Parts:
    """Take a frame apart.

    Parameters
    ----------
    frame : DataFrame
    keep : bool
        Leave index and columns as nodes in the stream, to be read when it has been digested.
    """
    plan = Plan()
    labels, index = _axes(frame)
    columns = _columns(frame, len(labels), plan)

    def label(position: int) -> str:
        if position < len(_LEADING):
            return _LEADING[position]
        return f"[{literal(labels[position - len(_LEADING)])}]"

    first = reference(indexes.small_labels(labels) or indexes.index_stream(labels))
    head = b"".join((_FRAME, u64(len(index)), u64(len(labels)), _flags(frame)))
    return _parts(head, first, index, columns, frame, plan, label, keep)


_LEADING = (".columns", ".index", ".attrs")


def series_parts(series: pd.Series[Any], *, keep: bool = False) -> Parts:
    """Take a Series apart, as :func:`frame_parts` does a frame."""
    plan = Plan()
    values = [column(plain_values(series), plan)]
    head = _SERIES + u64(len(series)) + _flags(series)
    return _parts(
        head, _value(series.name), series.index, values, series, plan, _series_label, keep
    )


def _series_label(position: int) -> str:
    return (".name", ".index", ".attrs", "")[position]


def _parts(
    head: bytes,
    first: bytes | Node | Hole,
    index: Any,
    columns: list[Column],
    value: Any,
    plan: Plan,
    label: Label,
    keep: bool,
) -> Parts:
    is_known = type(index) in indexes.EXACT
    reading = indexes.index_columns(index, plan) if is_known else []
    plan.run()
    index_parts = [member.node() if keep else member.part() for member in reading]
    parts = [member.node() if keep else member.part() for member in columns]
    second: bytes | Node | Hole = Hole(index)
    if is_known:
        stream = indexes.assemble_index(index, index_parts, keep=keep)
        second = stream if isinstance(stream, Node) else reference(stream)
    third = Hole(value.attrs) if value.attrs else NONE
    stream = settle(assemble(head, (first, second, third, *parts), label, keep=keep))
    return Parts(stream, _nodes(index_parts), _nodes(parts))


def _nodes(parts: list[bytes | Node]) -> list[Node]:
    return [part for part in parts if isinstance(part, Node)]


def _value(value: object) -> bytes | Hole:
    atom = ATOMS.get(type(value))
    return Hole(value) if atom is None else atom(value)


def _flags(value: Any) -> bytes:
    return b"\x01" if value.flags.allows_duplicate_labels else b"\x00"


def _axes(frame: Any) -> tuple[Any, Any]:
    if _manager_is_readable:
        labels, index = frame._mgr.axes
        return labels, index
    return frame.columns, frame.index


def _columns(frame: pd.DataFrame, count: int, plan: Plan) -> list[Column]:
    if _manager_is_readable:
        return _columns_of_blocks(frame, count, plan)
    return _columns_by_position(frame, count, plan)


def _columns_by_position(frame: pd.DataFrame, count: int, plan: Plan) -> list[Column]:
    """The columns through the public interface."""
    return [column(plain_values(frame.iloc[:, place]), plan) for place in range(count)]


def _columns_of_blocks(frame: Any, count: int, plan: Plan) -> list[Column]:
    """The columns from the blocks that they lie in, each block read in one go."""
    columns: list[Any] = [None] * count
    for block in frame._mgr.blocks:
        values = block.values
        places = block.mgr_locs
        if isinstance(values, np.ndarray):
            values = values.view(np.ndarray)  # a column shows nothing of a subclass
            dtype = dtype_stream(values.dtype)
            length = values.shape[1]
            if is_plain(values.dtype):
                for place, digests in zip(places, plan.add(values), strict=True):
                    columns[place] = Column(dtype, length, digests)
            else:
                for place, row in zip(places, values, strict=True):
                    columns[place] = Column(dtype, length, (), object_blocks(row))
        elif values.ndim == 2:  # times: several columns of one unit and zone
            ext_dtype = dtypes.dtype_part(values.dtype)
            rows = plan.add(values.asi8)
            for place, digests in zip(places, rows, strict=True):
                columns[place] = Column(ext_dtype, values.shape[1], digests)
        else:
            (place,) = places
            columns[place] = column(values, plan)
    return columns


def _probe() -> bool:
    """Whether the block manager of this pandas shows what the public interface shows."""
    global _manager_is_readable
    frame = pd.DataFrame(
        {
            "a": [1.0, 2.0],
            "b": ["x", None],
            "c": pd.to_datetime(["2020-01-01", "NaT"]),
            "d": pd.array([1, None], dtype="Int64"),
            "e": [0.5, 1.5],
            "f": [1, 2],
        }
    )
    found = []
    for _manager_is_readable in (True, False):
        try:
            stream = frame_parts(frame).stream
        except Exception:  # noqa: BLE001 - whatever a later pandas raises: then it is not readable
            return False
        found.append(stream)
    return type(found[0]) is bytes and found[0] == found[1]


_manager_is_readable = True
_manager_is_readable = _probe()


def _frame(value: pd.DataFrame) -> Stream:
    return frame_parts(value).stream


def _series(value: pd.Series[Any]) -> Stream:
    return series_parts(value).stream


def _metadata(value: Any) -> dict[str, object]:
    """What a subclass of a frame or Series promises to keep."""
    own = [name for name in getattr(value, "_metadata", ()) if name not in ("_name", "name")]
    return {name: getattr(value, name, None) for name in own}


def _nothing(_: Any) -> dict[str, object]:
    return {}


EXACT: Final[dict[type, Rule]] = {
    pd.DataFrame: _frame,
    pd.Series: _series,
    **indexes.EXACT,
    **times.EXACT,
}
FAMILY: Final[dict[type, Rule]] = {
    pd.api.extensions.ExtensionArray: array_values,
    pd.api.extensions.ExtensionDtype: dtypes.dtype_rule,
    **times.FAMILY,
}
STATE: Final = {
    pd.DataFrame: _metadata,
    pd.Series: _metadata,
    **dict.fromkeys(indexes.EXACT, _nothing),
}

__all__ = ["EXACT", "FAMILY", "STATE", "Parts", "frame_parts", "series_parts"]
