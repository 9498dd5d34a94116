"""Summaries of values in a few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def brief(summary: Mapping[str, Any]) -> str:
    """A value in a few words: its literal, or type, shape, dtype and span.

    >>> brief({"type": "int", "repr": "20"})
    '20'
    >>> brief({"type": "pandas.Series", "shape": [3], "span": ["2024-01-01", "2024-01-03"]})
    'pandas.Series of shape (3,) from 2024-01-01 to 2024-01-03'
    """
    if "repr" in summary:
        return str(summary["repr"])
    text = str(summary.get("type", "a value"))
    if "length" in summary:
        text += f" of length {summary['length']}"
    if summary.get("dtype"):
        text += f" of {summary['dtype']}"
    if summary.get("shape") is not None:
        text += f" of shape {tuple(summary['shape'])}"
    if summary.get("span"):
        text += f" from {summary['span'][0]} to {summary['span'][1]}"
    return text


def other_contents(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What to add where two values that differ are the same in a few words."""
    return ", with other contents" if brief(before) == brief(after) else ""


_MIDNIGHT = "T00:00:00"


def moments(*spans: Sequence[str]) -> list[list[str]]:
    """Moments as short as they can be told: all of them days, or all of them times.

    >>> moments(["2024-01-01T00:00:00", "2024-01-03T00:00:00"])
    [['2024-01-01', '2024-01-03']]
    """
    if all(_MIDNIGHT in moment for span in spans for moment in span):
        return [[moment.partition("T")[0] for moment in span] for span in spans]
    return [list(span) for span in spans]
