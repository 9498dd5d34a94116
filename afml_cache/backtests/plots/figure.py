"""A figure that is none of pyplot's: no style, no current figure and no backend is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(title: str, size: tuple[float, float] = (8.0, 4.2)) -> tuple[Figure, Axes]:
    """One axes; raises ImportError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: pip install 'afml-cache[plots]'", name="matplotlib"
        ) from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    if title:
        axes.set_title(title, parse_math=False)  # a dollar is a dollar
    return figure, axes
