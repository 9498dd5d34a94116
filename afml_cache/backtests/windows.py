"""What stretch of data a backtest has seen: first and last label, rows, digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache.backtests.plain import from_plain, to_plain


@dataclass(frozen=True, slots=True)
class DataWindow:
    """One argument that holds data.

    Attributes
    ----------
    name : str
        The argument.
    kind : str
        ``"DataFrame"``, ``"Series"``, ``"ndarray"``, or ``"2 x DataFrame"`` for several in one.
    rows : int
        Of several: of all together.
    first, last : object
        The first and the last label of the index, of several the least and the greatest; None
        where there is none.
    digest : str
        The key of the content, 32 hex digits.
    """

    name: str
    kind: str
    rows: int
    first: Any
    last: Any
    digest: str


def is_data(value: object) -> bool:
    """Whether an argument is data rather than a parameter: a frame, series, index or array.

    A dict, list or tuple of nothing else counts, too.
    """
    if isinstance(value, dict):
        return bool(value) and all(map(_is_table, value.values()))
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_table, value))
    return _is_table(value)


def _is_table(value: object) -> bool:
    # By what it has: polars, Arrow and xarray have tables, too, and none of them is loaded here.
    shape = getattr(value, "shape", None)
    if isinstance(value, type) or not isinstance(shape, tuple) or not shape:
        return False
    return hasattr(value, "dtype") or hasattr(value, "columns")


def window_of(name: str, value: Any, digest: bytes) -> DataWindow:
    """The window of an argument that :func:`is_data`, whose content has this digest."""
    if isinstance(value, Mapping):
        tables = list(value.values())
    elif isinstance(value, list | tuple):
        tables = list(value)
    else:
        return DataWindow(name, type(value).__name__, _rows(value), *_ends(value), digest.hex())
    kinds = sorted({type(table).__name__ for table in tables})
    ends = [_ends(table) for table in tables if _rows(table)]
    try:
        first, last = min(one for one, _ in ends), max(one for _, one in ends)
    except (TypeError, ValueError):  # labels of several kinds, or no rows at all
        first = last = None
    kind = f"{len(tables)} x {' or '.join(kinds)}"
    return DataWindow(name, kind, sum(map(_rows, tables)), first, last, digest.hex())


def _rows(table: Any) -> int:
    return int(table.shape[0])


def _ends(table: Any) -> tuple[Any, Any]:
    if not _rows(table):
        return None, None
    labels = getattr(table, "index", None)
    if callable(labels) or labels is None:  # an array has none; an index is its own
        labels = table if hasattr(table, "get_loc") else None
    if labels is None:
        return None, None
    return labels[0], labels[-1]


def window_to_plain(window: DataWindow) -> dict[str, Any]:
    """A window as JSON knows it."""
    return {
        "name": window.name,
        "kind": window.kind,
        "rows": window.rows,
        "first": to_plain(window.first),
        "last": to_plain(window.last),
        "digest": window.digest,
    }


def window_from_plain(plain: Mapping[str, Any]) -> DataWindow:
    """A window that was written; raises `ValueError` or `KeyError` for what never was."""
    ends = from_plain(plain["first"]), from_plain(plain["last"])
    return DataWindow(plain["name"], plain["kind"], plain["rows"], *ends, plain["digest"])
