"""A metric of a study over two of its parameters, as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from afml_cache.backtests.plots.figure import new_figure
from afml_cache.backtests.plots.recorded import table_of_runs
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_MISSING = "#E8E8E8"


def plot_sweep(
    metric: str,
    x: str,
    y: str,
    table: pd.DataFrame | None = None,
    *,
    strategy: str | None = None,
    aggregate: str = "mean",
    title: str = "",
) -> Figure:
    """A metric over two parameters, as a heat map.

    Parameters
    ----------
    metric : str
        The column of numbers that is drawn. Where it is on both sides of zero, so is the scale of
        colours.
    x, y : str
        The parameters along the axes, in ascending order.
    table : DataFrame, optional
        One row a run, as :func:`sweep` and ``get_backtest_cache().runs()`` return them, or any
        with columns of these names; a parameter may also stand under ``params.<name>``. None: the
        runs that are recorded in the store that is in use.
    strategy : str, optional
        Which recorded runs; needed where several strategies have the metric.
    aggregate : str
        What is drawn where several runs share a cell: the name of an aggregation of pandas
        (``"mean"``, ``"median"``, ``"max"``, ``"min"``, ``"count"``). It is named on the scale.

    Returns
    -------
    Figure
        Cells without a run, or with runs whose metric is missing, are hatched and not coloured.

    Raises
    ------
    ConfigurationError
        No run is recorded, a column is missing, the metric is not numeric or never there, or
        ``aggregate`` is unknown.
    ImportError
        matplotlib is not installed.
    """
    import numpy as np

    if table is None:
        table = table_of_runs(strategy, metric)
    elif strategy is not None:
        raise ConfigurationError("strategy= chooses recorded runs; with a table, choose its rows")
    cells, several = _cells(table, metric, x, y, aggregate)
    values = cells.to_numpy(dtype=float)
    rows, columns = values.shape
    size = (min(max(5.5, 0.62 * columns + 2.4), 14), min(max(3.6, 0.42 * rows + 1.6), 11))
    figure, axes = new_figure(title, size)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    is_signed = low < 0 < high
    reach = max(-low, high)
    image = axes.imshow(
        np.ma.masked_invalid(values),
        origin="lower",
        aspect="auto",
        cmap="PuOr" if is_signed else "cividis",
        vmin=-reach if is_signed else low,
        vmax=reach if is_signed else high,
        interpolation="nearest",
    )
    _hatch(axes, np.argwhere(np.isnan(values)))
    _ticks(axes, cells, size[0])
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    scale = figure.colorbar(image, ax=axes)
    scale.set_label(f"{aggregate} {metric}" if several else metric)
    scale.outline.set_visible(False)
    if rows * columns <= 150:
        _numbers(axes, values, image)
    return figure


def _cells(
    table: pd.DataFrame, metric: str, x: str, y: str, aggregate: str
) -> tuple[pd.DataFrame, bool]:
    """The metric by ``y`` (rows) and ``x`` (columns), and whether any cell has several runs."""
    import pandas as pd

    if len({metric, x, y}) < 3:
        raise ConfigurationError(f"metric={metric!r}, x={x!r}, y={y!r} have to be three columns")
    try:
        numbers = pd.to_numeric(_column(table, metric, "metrics."))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the metric {metric!r} is not numeric ({error})") from error
    runs = pd.DataFrame(
        {
            "x": _column(table, x, "params."),
            "y": _column(table, y, "params."),
            "metric": numbers.astype(float),
        }
    )
    runs["metric"] = runs["metric"].where(abs(runs["metric"]) != float("inf"))
    complete = runs.dropna()
    if complete.empty:
        raise ConfigurationError(f"no run has a value of {metric!r} with {x!r} and {y!r}")
    by_cell = complete.groupby(["y", "x"], observed=True)["metric"]
    try:
        found = by_cell.agg(aggregate)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"aggregate={aggregate!r} is not understood; give 'mean', 'median', 'max', 'min' or "
            "'count'"
        ) from error
    cells = found.unstack("x").reindex(index=_ordered(runs["y"]), columns=_ordered(runs["x"]))
    if cells.isna().all(axis=None):
        raise ConfigurationError(f"the {aggregate} of {metric!r} is missing in every cell")
    return cells, bool((by_cell.size() > 1).any())


def _column(table: pd.DataFrame, name: str, prefix: str) -> pd.Series[Any]:
    """A parameter or metric by its own name, or by the one that it has where that was taken."""
    found = next((one for one in (prefix + name, name) if one in table.columns), None)
    if found is None:
        present = ", ".join(map(str, table.columns))
        raise ConfigurationError(f"there is no column {name!r}; there are {present}")
    column: pd.Series[Any] = table[found]
    return column


def _ordered(values: pd.Series[Any]) -> list[Any]:
    """The values that occur, also in runs without a result: ascending, else as texts."""
    found = list(values.dropna().unique())
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=str)


def _ticks(axes: Axes, cells: pd.DataFrame, width: float) -> None:
    for axis, labels, most in ((axes.xaxis, cells.columns, 16), (axes.yaxis, cells.index, 24)):
        each = -(-len(labels) // most)
        places = range(0, len(labels), each)
        axis.set_ticks(list(places), [_named(labels[place]) for place in places])
    longest = max(len(_named(label)) for label in cells.columns)
    # A letter is about a twelfth of an inch wide; the axis has what labels and scale leave it.
    room = 11 * (width - 2.2) / min(len(cells.columns), 16)
    if longest > room:
        axes.tick_params(axis="x", rotation=45)
        for label in axes.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _named(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return text.removesuffix(" 00:00:00") if len(text) == 19 else text


def _hatch(axes: Axes, missing: NDArray[np.intp]) -> None:
    from matplotlib.patches import Patch, Rectangle

    style: dict[str, Any] = {
        "facecolor": _MISSING,
        "edgecolor": "#A0A0A0",
        "hatch": "///",
        "linewidth": 0,
    }
    for row, column in missing:
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **style))
    if len(missing):
        figure = axes.get_figure()
        assert figure is not None
        figure.legend(
            handles=[Patch(label="missing", **style)], loc="outside lower right", frameon=False
        )


def _numbers(axes: Axes, values: NDArray[np.float64], image: Any) -> None:
    """Write each value into its cell, dark on light and light on dark."""
    import numpy as np

    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        red, green, blue, _ = image.cmap(image.norm(value))
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        text = f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
        colour = "black" if light else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
