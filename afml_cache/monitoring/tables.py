"""The statistics as a table, of text or of HTML; every name in HTML is escaped.

The HTML has no colours of its own, so that it is as light or dark as the notebook around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.words import bytes_in_words, one_line, percent, seconds_in_words

#: Functions in the table that a notebook shows, and in that of text.
SHOWN, SHOWN_AS_TEXT = 20, 10

_HEADS = ("function", "calls", "hit rate", "a computation", "a hit", "saved", "size")


def compact_table(stats: Sequence[FunctionCacheStats], caption: str, shown: int = SHOWN) -> str:
    """A table of the first functions, with a caption that tells how many more there are."""
    more = len(stats) - shown
    if more > 0:
        caption += f" ({more:,} more functions: get_cache_efficiency_report())"
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    body = "".join(f"<tr>{_cells(one)}</tr>" for one in stats[:shown])
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def text_table(
    stats: Sequence[FunctionCacheStats], caption: str, shown: int = SHOWN_AS_TEXT
) -> str:
    """The same as text: the caption, then a line a function, its name last as it may be long."""
    more = len(stats) - shown
    rows = [[*_numbers(one), one_line(one.function_name)] for one in stats[:shown]]
    lines = [caption]
    if rows:
        table = [[*_HEADS[1:], _HEADS[0]], *rows]
        widths = [max(map(len, column)) for column in list(zip(*table, strict=True))[:-1]]
        for *numbers, name in table:
            cells = [text.rjust(width) for text, width in zip(numbers, widths, strict=True)]
            lines.append("  ".join([*cells, name]))
    if more > 0:
        lines.append(f"{more:,} more functions: get_cache_efficiency_report()")
    return "\n".join(lines)


def _numbers(one: FunctionCacheStats) -> tuple[str, ...]:
    return (
        f"{one.total_calls:,}",
        _or_dash(None if one.hit_rate is None else percent(one.hit_rate)),
        _or_dash(None if one.avg_compute_s is None else seconds_in_words(one.avg_compute_s)),
        _or_dash(None if one.avg_hit_s is None else seconds_in_words(one.avg_hit_s)),
        _or_dash(None if one.saved_s is None else seconds_in_words(one.saved_s)),
        bytes_in_words(one.size_bytes),
    )


def _cells(one: FunctionCacheStats) -> str:
    cells = "".join(
        f'<td style="text-align: right">{escape(number)}</td>' for number in _numbers(one)
    )
    name = escape(one_line(one.function_name))
    return f'<th scope="row" style="text-align: left">{name}</th>{cells}'


def _or_dash(text: str | None) -> str:
    return "–" if text is None else text
