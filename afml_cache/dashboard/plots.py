"""The plots, as plotly describes them; colours that a page in the dark needs are set in the page.

Every bar has its name above it and its number at the right, so that a long name is not cut and
takes no room from the bars, on a phone neither. plotly reads a little HTML in its texts: names
are escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from afml_cache.dashboard.names import SENTENCE, SHORT, shortened
from afml_cache.dashboard.shown import Function, Shown
from afml_cache.monitoring.words import bytes_in_words, percent, seconds_in_words

#: Readable on white and on near-black alike.
GOOD, BAD, CALM = "#2f80c2", "#d2691e", "#7a8794"

_ROW, _EDGE = 44, 12  #: pixels of a bar with its name, and above and below all
_THICK = 0.36


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: what plotly draws, its height in pixels, and what it shows in words."""

    figure: dict[str, Any]
    height: int
    words: str


def plots_of(shown: Shown) -> dict[str, Plot | None]:
    """The plots by the name of their place on the page; None where there is nothing to draw."""
    return {
        "hours": _hours(shown),
        "saved": _of_functions(
            shown.by_saved,
            [one.saved_s or 0.0 for one in shown.by_saved],
            [seconds_in_words(one.saved_s or 0.0) for one in shown.by_saved],
            "Time saved by function",
            GOOD,
        ),
        "cost": _of_functions(
            shown.by_cost,
            [one.seconds_computed for one in shown.by_cost],
            [seconds_in_words(one.seconds_computed) for one in shown.by_cost],
            "Time spent computing by function",
            BAD,
        ),
        "rates": _of_functions(
            shown.by_hit_rate,
            [one.hit_rate or 0.0 for one in shown.by_hit_rate],
            [f"{percent(one.hit_rate or 0.0)} of {one.calls:,}" for one in shown.by_hit_rate],
            "Hit rate by function",
            GOOD,
            whole=1.0,
        ),
        "reasons": _reasons(shown),
        "sizes": _sizes(shown),
    }


def _hours(shown: Shown) -> Plot | None:
    import plotly.graph_objects as go

    if not shown.hours:
        return None
    hours = [one.start for one in shown.hours]
    figure = go.Figure(
        [
            go.Scatter(
                x=hours,
                y=[one.hit_rate for one in shown.hours],
                name="hit rate",
                mode="lines+markers",
                line={"color": GOOD, "width": 2},
                marker={"size": 6},
                hovertemplate="%{y:.1%}<extra>hit rate</extra>",
                showlegend=False,
            ),
            *(
                go.Bar(
                    x=hours,
                    y=[getattr(one, what) for one in shown.hours],
                    name=what,
                    marker={"color": color},
                    xaxis="x",
                    yaxis="y2",
                    hovertemplate=f"%{{y:,}}<extra>{what}</extra>",
                )
                for what, color in (("hits", GOOD), ("misses", BAD))
            ),
        ],
        {
            **_LAYOUT,
            "barmode": "stack",
            "bargap": 0.1,
            "hovermode": "x unified",
            "margin": {"l": 46, "r": 14, "t": 30, "b": 46},
            "legend": _LEGEND | {"x": 1, "xanchor": "right", "y": 0.4, "yanchor": "bottom"},
            "xaxis": {
                "anchor": "y2",
                "fixedrange": True,
                "type": "date",
                "nticks": 6,
                # A year beside each day would not fit on a phone when a day begins in the plot.
                "tickformatstops": [
                    {"dtickrange": [None, 43_200_000], "value": "%H:%M\n%b %-d"},
                    {"dtickrange": [86_400_000, None], "value": "%b %-d\n%Y"},
                ],
                "ticks": "outside",
                "ticklen": 8,
                "tickcolor": "rgba(0,0,0,0)",
            },
            "yaxis": {
                "domain": [0.58, 1],
                "range": [-0.04, 1.06],
                "tickformat": ".0%",
                "tickvals": [0, 0.5, 1],
                "fixedrange": True,
                "zeroline": False,
            },
            "yaxis2": {
                "domain": [0, 0.4],
                "rangemode": "tozero",
                "tickformat": ",~s",
                "nticks": 4,
                "fixedrange": True,
            },
            "annotations": [_heading("hit rate", 1), _heading("calls an hour (UTC)", 0.4)],
        },
    )
    busy = [one for one in shown.hours if one.calls]
    words = (
        f"Hit rate and calls by the hour, {len(shown.hours)} hours, {len(busy)} of them with calls"
    )
    return _plot(figure, 360, words)


def _of_functions(
    functions: Sequence[Function],
    values: Sequence[float],
    numbers: Sequence[str],
    title: str,
    color: str,
    whole: float | None = None,
) -> Plot | None:
    names = [one.name for one in functions]
    return _bars(names, [("", values, color)], numbers, title, whole)


def _reasons(shown: Shown) -> Plot | None:
    return _bars(
        [one.meaning for one in shown.reasons],
        [("", [one.times for one in shown.reasons], BAD)],
        [f"{one.times:,}" for one in shown.reasons],
        "Misses by reason",
        longest=SENTENCE,
    )


def _sizes(shown: Shown) -> Plot | None:
    going = [one.first_to_go_bytes for one in shown.by_size]
    staying = [max(one.size_bytes - one.first_to_go_bytes, 0) for one in shown.by_size]
    return _bars(
        [one.name for one in shown.by_size],
        [("stays", staying, GOOD), ("first to go", going, BAD)],
        [bytes_in_words(one.size_bytes) for one in shown.by_size],
        "Size by function",
    )


def _bars(
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float], str]],
    numbers: Sequence[str],
    title: str,
    whole: float | None = None,
    longest: int = SHORT,
) -> Plot | None:
    """Horizontal bars, one a name; several series are stacked and have a legend."""
    import plotly.graph_objects as go

    if not names:
        return None
    rows = list(range(len(names)))
    has_legend = len(series) > 1
    top = _EDGE + (24 if has_legend else 0)
    height = _ROW * len(names) + top + _EDGE
    most = max(max(sum(one) for one in zip(*(s[1] for s in series), strict=True)), 0.0)
    least = min(0.0, *(min(values) for _, values, _ in series))
    figure = go.Figure(
        [
            go.Bar(
                x=list(values),
                y=rows,
                name=name,
                orientation="h",
                width=_THICK,
                marker={"color": [color if one >= 0 else BAD for one in values]},
                customdata=[
                    [escape(one), number] for one, number in zip(names, numbers, strict=True)
                ],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
            )
            for name, values, color in series
        ],
        {
            **_LAYOUT,
            "barmode": "stack",
            "showlegend": has_legend,
            "legend": _LEGEND | {"y": 1, "yanchor": "bottom"},
            "margin": {"l": 2, "r": 2, "t": top, "b": _EDGE},
            "xaxis": {
                "visible": False,
                "fixedrange": True,
                "range": [least, whole or most or (0.0 if least else 1.0)],
            },
            "yaxis": {
                "visible": False,
                "fixedrange": True,
                "range": [len(names) - 0.6, -0.75],
            },
            "annotations": [
                _label(text, row, side)
                for row in rows
                for text, side in (
                    (shortened(names[row], longest), "left"),
                    (numbers[row], "right"),
                )
            ],
        },
    )
    told = "; ".join(f"{one}: {number}" for one, number in zip(names, numbers, strict=True))
    return _plot(figure, height, f"{title}. {told}")


#: What all plots have in common; nothing is dragged, so that a finger scrolls the page.
_LAYOUT: dict[str, Any] = {
    "template": {},
    "autosize": True,
    "dragmode": False,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
}
#: A click there would hide numbers, and the page has no way to say so to all.
_LEGEND: dict[str, Any] = {
    "orientation": "h",
    "x": 0,
    "traceorder": "normal",
    "itemclick": False,
    "itemdoubleclick": False,
}


def _label(text: str, row: int, side: str) -> dict[str, Any]:
    return {
        "text": escape(text),
        "x": 0 if side == "left" else 1,
        "xref": "paper",
        "xanchor": side,
        "y": row - _THICK / 2,
        "yref": "y",
        "yanchor": "bottom",
        "yshift": 1,
        "showarrow": False,
        "align": side,
        "font": {"size": 13},
    }


def _heading(text: str, y: float) -> dict[str, Any]:
    """What an axis is about, above it, where it takes no room from the plot."""
    return {
        "text": text,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 6,
        "showarrow": False,
        "font": {"size": 13},
    }


def _plot(figure: Any, height: int, words: str) -> Plot:
    described = figure.to_plotly_json()
    return Plot({"data": described["data"], "layout": described["layout"]}, height, words)
