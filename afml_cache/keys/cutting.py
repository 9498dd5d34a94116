"""Cutting a longer frame to the length of a stored one, to see whether it merely has new rows."""

from __future__ import annotations

import sys
from typing import Any

from afml_cache.keys import content
from afml_cache.keys.compared import Cut
from afml_cache.keys.summary import span_of


def cut(value: Any, rows: int) -> Cut | None:
    """Cut a frame or Series that is longer than ``rows``; None for anything else.

    Parameters
    ----------
    value : object
        An argument of a present call; it is not changed.
    rows : int
        How many the stored one had.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or type(value) not in (pandas.DataFrame, pandas.Series):
        return None
    if not 0 < rows < len(value):
        return None
    return Cut(
        lambda: content.describe(value.iloc[:rows]).summary,
        lambda: content.describe(value.iloc[-rows:]).summary,
        _pair(span_of(value.index[rows:])),
        _pair(span_of(value.index[: len(value) - rows])),
    )


def _pair(span: list[str] | None) -> tuple[str, str] | None:
    return None if span is None else (span[0], span[1])
