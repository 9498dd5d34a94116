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
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """A metric over two parameters, as a heat map.

    Parameters
    ----------
    metric : str
        The column of numbers that is drawn. Where it is on both sides of zero, so is the scale of
        colours.
    x, y : str
        The parameters along the axes, in ascending order; runs without one (None: no stop loss)
        make the last row or column, ``none``.
    table : DataFrame, optional
        One row a run, as :func:`sweep` and ``get_backtest_cache().runs()`` return them, or any
        with columns of these names; a parameter may also stand under ``params.<name>``. None: the
        runs that are recorded in the store that is in use.
    strategy : str, optional
        Which recorded runs; needed where several strategies have the metric.
    aggregate : str
        What is drawn where several runs share a cell: the name of an aggregation of pandas
        (``"mean"``, ``"median"``, ``"max"``, ``"min"``, ``"count"``). It is named on the scale.
        Runs whose metric is missing do not count, which the scale says, too.
    limits : (float, float), optional
        Where the scale of colours ends, so that an outlier does not wash out all else.

    Returns
    -------
    Figure
        Cells without a run, or with runs whose metric is missing, are hatched and not coloured.

    Raises
    ------
    ConfigurationError
        No run is recorded, a column is missing, the metric is not numeric or never there, or
        ``aggregate`` is unknown; or ``limits`` are not ascending.
    ImportError
        matplotlib is not installed.
    """
    import numpy as np

    if table is None:
        table = table_of_runs(strategy, metric)
    elif strategy is not None:
        raise ConfigurationError("strategy= chooses recorded runs; with a table, choose its rows")
    cells, label = _cells(table, metric, x, y, aggregate)
    values = cells.to_numpy(dtype=float)
    rows, columns = values.shape
    size = (min(max(5.5, 0.62 * columns + 2.4), 14), min(max(3.6, 0.42 * rows + 1.6), 11))
    figure, axes = new_figure(title, size)
    least, greatest = float(np.nanmin(values)), float(np.nanmax(values))
    low, high = (least, greatest) if limits is None else limits
    if limits is not None and not low < high:
        raise ConfigurationError(f"limits={limits}: give the lower first")
    is_signed = low < 0 < high and limits in (None, (-high, high))  # or white would not be zero
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
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    beyond = (least < low, greatest > high)
    ends = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond, "neither")
    scale = figure.colorbar(image, ax=axes, extend=ends)
    scale.set_label(label, parse_math=False)
    scale.outline.set_visible(False)
    if rows * columns <= 150:
        _numbers(axes, values, image, (size[0] - 2.4) / columns)
    return figure


def _cells(
    table: pd.DataFrame, metric: str, x: str, y: str, aggregate: str
) -> tuple[pd.DataFrame, str]:
    """The metric by ``y`` (rows) and ``x`` (columns), and what to call it."""
    import pandas as pd

    if len({metric, x, y}) < 3:
        raise ConfigurationError(f"metric={metric!r}, x={x!r}, y={y!r} have to be three columns")
    try:
        numbers = pd.to_numeric(_column(table, metric, "metrics."))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the metric {metric!r} is not numeric ({error})") from error
    numbers = numbers.astype(float)
    numbers = numbers.where(abs(numbers) != float("inf"))
    along = [_column(table, name, "params.") for name in (x, y)]
    (columns, x_places), (rows, y_places) = (_axis(one, numbers.notna()) for one in along)
    runs = pd.DataFrame({"x": x_places, "y": y_places, "metric": numbers.to_numpy()})
    complete = runs[runs["metric"].notna()]
    if complete.empty:
        raise ConfigurationError(f"no run has a value of {metric!r} with {x!r} and {y!r}")
    try:
        found = complete.groupby(["y", "x"])["metric"].agg(aggregate)
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"aggregate={aggregate!r} is not understood; give 'mean', 'median', 'max', 'min' or "
            "'count'"
        ) from error
    cells = found.unstack("x").reindex(index=range(len(rows)), columns=range(len(columns)))
    if cells.isna().all(axis=None):
        raise ConfigurationError(f"the {aggregate} of {metric!r} is missing in every cell")
    cells.index, cells.columns = pd.Index(_names(rows)), pd.Index(_names(columns))
    there = runs.groupby(["y", "x"])["metric"].agg(["size", "count"])
    there = there[there["count"] > 0]
    several = bool((there["size"] > 1).any()) or aggregate == "count"
    label = f"{aggregate} {metric}" if several else metric
    if (there["size"] > there["count"]).any():
        label += " (of runs that have it)"
    return cells, label


#: A parameter that a run did not have.
_NONE = "none"


def _axis(values: pd.Series[Any], has_metric: pd.Series[bool]) -> tuple[list[Any], list[int]]:
    """The values along an axis in their order, and the place of each run's own.

    Also those of runs without a result; ascending, else as texts. Runs without a value come last;
    where none of them has a result, they have no place (-1).
    """
    import pandas as pd

    given = [_hashable(value) for value in values]
    missing = [pd.api.types.is_scalar(one) and bool(pd.isna(one)) for one in given]
    found = list(dict.fromkeys(one for one, gone in zip(given, missing, strict=True) if not gone))
    try:
        found.sort()
    except TypeError:
        found.sort(key=str)
    places = {one: place for place, one in enumerate(found)}
    last = -1
    if any(gone and has for gone, has in zip(missing, has_metric, strict=True)):
        last = len(found)
        found.append(_NONE)
    return found, [last if gone else places[one] for one, gone in zip(given, missing, strict=True)]


def _hashable(value: Any) -> Any:
    """Itself, or its text: a parameter may be a list."""
    try:
        hash(value)
    except TypeError:
        return str(value)
    return value


def _names(values: list[Any]) -> list[str]:
    """Numbers with as many digits as tell them apart."""
    for digits in (6, 9, 12, 15, 17):
        names = [_named(value, digits) for value in values]
        if len(set(names)) == len(set(values)):
            break
    return names


def _column(table: pd.DataFrame, name: str, prefix: str) -> pd.Series[Any]:
    """A parameter or metric by its own name, or by the one that it has where that was taken."""
    found = next((one for one in (prefix + name, name) if one in table.columns), None)
    if found is None:
        present = ", ".join(map(str, table.columns))
        raise ConfigurationError(f"there is no column {name!r}; there are {present}")
    column: pd.Series[Any] = table[found]
    return column


def _ticks(axes: Axes, cells: pd.DataFrame, width: float) -> None:
    for axis, labels, most in ((axes.xaxis, cells.columns, 16), (axes.yaxis, cells.index, 24)):
        each = -(-len(labels) // most)
        places = range(0, len(labels), each)
        axis.set_ticks(list(places), [labels[place] for place in places], parse_math=False)
    longest = max(map(len, cells.columns))
    # A letter is about a twelfth of an inch wide; the axis has what labels and scale leave it.
    room = 11 * (width - 2.2) / min(len(cells.columns), 16)
    if longest > room:
        axes.tick_params(axis="x", rotation=45)
        for label in axes.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _named(value: object, digits: int) -> str:
    if isinstance(value, float):
        return f"{value:.{digits}g}"
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


def _numbers(axes: Axes, values: NDArray[np.float64], image: Any, width: float) -> None:
    """Write each value into its cell, dark on light and light on dark, if all have room."""
    import numpy as np

    texts = {place: _short(value) for place, value in np.ndenumerate(values) if value == value}
    if max(map(len, texts.values())) * _LETTER > width:
        return
    for (row, column), text in texts.items():
        red, green, blue, _ = image.cmap(image.norm(values[row, column]))
        light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5
        colour = "black" if light else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


_SIZES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))

#: Inches that a digit of eight points takes.
_LETTER = 0.075


def _short(value: float) -> str:
    """Three digits, thousands and millions by their letters."""
    text = f"{value:.3g}"
    if 999.5 <= abs(value) < 9.995e11:
        size, letter = next(one for one in _SIZES if abs(value) >= 0.9995 * one[0])
        text = f"{value / size:.3g}{letter}"
    return text.replace("-", "\N{MINUS SIGN}")
