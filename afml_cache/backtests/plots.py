"""Figures of a study: equity, drawdown, and a metric over two parameters.

Pure: from Series and frames to a :class:`matplotlib.figure.Figure`, which is no figure of pyplot's:
no style, no current figure and no backend is touched, and nothing has to be closed. Save it with
``figure.savefig("equity.png")``; a notebook shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_drawdown", "plot_equity", "plot_sweep"]

#: Okabe and Ito's colours, which the colour-blind can tell apart; without their yellow, which is
#: hard to see on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
_DASHES = ("-", "--", ":", "-.")
_MISSING = "#E8E8E8"


def plot_equity(
    curves: Any,
    *,
    unit: str = "",
    relative: bool = False,
    log: bool = False,
    title: str = "",
) -> Figure:
    """Equity curves over time.

    Parameters
    ----------
    curves : mapping of str to Series, DataFrame or Series
        Equity by name, indexed by dates (or by bars) in order. Also a frame with a column
        ``Equity``, as the library ``backtesting`` returns them, in place of a Series. Curves may
        cover different dates.
    unit : str
        Of the equity, for the axis: ``"USD"``.
    relative : bool
        Draw each curve as a multiple of its first value.
    log : bool
        A logarithmic axis: equal growth, equal slope.
    title : str

    Returns
    -------
    Figure

    Raises
    ------
    ConfigurationError
        There is no curve, one is not in order or has no finite values, or only some know their
        time zone; or the curve does not stay above zero where ``log`` or ``relative`` needs it.
    ImportError
        matplotlib is not installed.
    """
    series = _series_of(curves)
    if relative or log:
        for name, curve in series.items():
            known = curve.dropna()
            if known.iloc[0] <= 0 or (log and (known <= 0).any()):
                raise ConfigurationError(
                    f"{name!r} does not stay above zero, so it has no multiples and no logarithm; "
                    "give its equity, not its returns, or draw it without relative= and log="
                )
    figure, axes = _figure(title or _only_name(series))
    for number, (name, curve) in enumerate(series.items()):
        values = curve / curve.dropna().iloc[0] if relative else curve
        axes.plot(_places(curve.index), values.to_numpy(), label=name, **_line(number))
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(_plain_numbers())
        axes.yaxis.set_minor_formatter(_plain_numbers(few=True))
    elif not relative:
        axes.yaxis.set_major_formatter(_plain_numbers())
    suffix = f" ({unit})" if unit and not relative else ""
    axes.set_ylabel("equity (multiple of the start)" if relative else f"equity{suffix}")
    _finish(figure, axes, series)
    return figure


def plot_drawdown(curves: Any, *, title: str = "") -> Figure:
    """How far each equity curve lies below its highest value so far, in percent.

    Drawn below zero: ``100 * (equity / running maximum - 1)``. The legend names the deepest.

    Parameters
    ----------
    curves
        Equity, as for :func:`plot_equity`; not returns, and not drawdowns.
    title : str

    Returns
    -------
    Figure

    Raises
    ------
    ConfigurationError
        As for :func:`plot_equity`, or a curve begins at zero or below.
    ImportError
        matplotlib is not installed.
    """
    series = _series_of(curves)
    figure, axes = _figure(title or _only_name(series))
    for number, (name, curve) in enumerate(series.items()):
        peak = curve.cummax()
        if peak.dropna().iloc[0] <= 0:
            raise ConfigurationError(
                f"{name!r} begins at {peak.dropna().iloc[0]:g}, and nothing can be drawn down from "
                "there; give its equity, not its returns or its profit"
            )
        below = 100 * (curve / peak - 1)
        label = f"{name} (deepest {_percent(float(below.min()))})"
        places, style = _places(curve.index), _line(number)
        axes.plot(places, below.to_numpy(), label=label, **style)
        if len(series) <= 3:
            axes.fill_between(
                places, below.to_numpy(dtype=float), 0, color=style["color"], alpha=0.15, lw=0
            )
    axes.set_ylabel("drawdown (%)")
    axes.set_ylim(top=0)
    axes.yaxis.set_major_formatter(_plain_numbers())
    _finish(figure, axes, series, always=True)
    return figure


def plot_sweep(
    table: pd.DataFrame,
    metric: str,
    x: str,
    y: str,
    *,
    aggregate: str = "mean",
    title: str = "",
) -> Figure:
    """A metric over two parameters, as a heat map.

    Parameters
    ----------
    table : DataFrame
        One row a run: the columns ``metric``, ``x`` and ``y``, and any others.
    metric : str
        The column of numbers that is drawn. Where it is on both sides of zero, so is the scale of
        colours.
    x, y : str
        The columns of parameters along the axes, in ascending order.
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
        A column is missing, the metric is not numeric or never there, or ``aggregate`` is
        unknown.
    ImportError
        matplotlib is not installed.
    """
    import numpy as np

    cells, several = _cells(table, metric, x, y, aggregate)
    values = cells.to_numpy(dtype=float)
    rows, columns = values.shape
    size = (min(max(5.5, 0.62 * columns + 2.4), 14), min(max(3.6, 0.42 * rows + 1.6), 11))
    figure, axes = _figure(title, size)
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
    _ticks(axes, cells)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    scale = figure.colorbar(image, ax=axes)
    scale.set_label(f"{aggregate} {metric}" if several else metric)
    scale.outline.set_visible(False)
    if rows * columns <= 150:
        _numbers(axes, values, image)
    return figure


# -- curves ------------------------------------------------------------------------------


def _series_of(curves: Any) -> dict[str, pd.Series[Any]]:
    """Curves by name, checked, and all by the same clock."""
    import numpy as np
    import pandas as pd

    given: Mapping[Any, Any]
    if isinstance(curves, pd.Series):
        given = {curves.name if curves.name is not None else "equity": curves}
    elif isinstance(curves, pd.DataFrame):
        column = _equity_column(curves)
        given = {"equity": curves} if column is not None else dict(curves.items())
    else:
        given = curves
    if not given:
        raise ConfigurationError("there is no curve to draw")
    series: dict[str, pd.Series[Any]] = {}
    for name, value in given.items():
        if isinstance(value, pd.DataFrame):
            column = _equity_column(value)
            if column is None:
                raise ConfigurationError(
                    f"{name!r} is a frame with the columns {', '.join(map(str, value.columns))}; "
                    "give the Series of its equity"
                )
            value = value[column]
        curve = pd.Series(value)
        try:
            curve = curve.astype(float)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"{name!r} is no curve of numbers ({error})") from error
        if not np.isfinite(curve).any() or np.isinf(curve).any():
            raise ConfigurationError(f"{name!r} has infinite values, or none at all")
        if not curve.index.is_monotonic_increasing:
            raise ConfigurationError(f"{name!r} is not in order; sort_index() first")
        series[str(name)] = curve
    return _by_one_clock(series)


def _equity_column(frame: pd.DataFrame) -> Any:
    return next((name for name in frame.columns if str(name).lower() == "equity"), None)


def _by_one_clock(series: dict[str, pd.Series[Any]]) -> dict[str, pd.Series[Any]]:
    import pandas as pd

    kinds = {
        isinstance(curve.index, pd.DatetimeIndex)
        and ("aware" if curve.index.tz is not None else "naive")
        for curve in series.values()
    }
    if len(kinds) > 1:
        raise ConfigurationError(
            "the curves cannot share an axis: some are indexed by dates with a time zone, some by "
            "dates without one or by bars; convert them first"
        )
    zones = {str(curve.index.tz) for curve in series.values() if kinds == {"aware"}}  # type: ignore[attr-defined]
    if len(zones) > 1:
        return {name: curve.tz_convert("UTC") for name, curve in series.items()}
    return series


def _only_name(series: Mapping[str, Any]) -> str:
    """The name of a single curve, which needs no legend."""
    return next(iter(series)) if len(series) == 1 else ""


def _places(index: pd.Index[Any]) -> NDArray[np.float64]:
    """Where on the axis each point lies: in matplotlib's days, by the wall clock, or in bars."""
    import numpy as np
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex):
        return np.asarray(index, dtype=np.float64)
    from matplotlib.dates import date2num

    days = date2num(index.tz_localize(None).to_numpy())  # type: ignore[no-untyped-call]
    return np.asarray(days, dtype=np.float64)


def _line(number: int) -> dict[str, Any]:
    dashes = _DASHES[number // len(_COLOURS) % len(_DASHES)]
    return {"color": _COLOURS[number % len(_COLOURS)], "linestyle": dashes, "linewidth": 1.3}


# -- figures -----------------------------------------------------------------------------


def _figure(title: str, size: tuple[float, float] = (8.0, 4.2)) -> tuple[Figure, Axes]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "plots need matplotlib: pip install 'afml-cache[plots]'", name="matplotlib"
        ) from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    if title:
        axes.set_title(title)
    return figure, axes


def _finish(
    figure: Figure, axes: Axes, series: Mapping[str, pd.Series[Any]], *, always: bool = False
) -> None:
    """Dates, a grid behind the curves, and a legend beside them where there is a choice."""
    import pandas as pd

    index = next(iter(series.values())).index
    if isinstance(index, pd.DatetimeIndex):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        )
        axes.set_xlabel(f"time ({index.tz})" if index.tz is not None else "date")
    else:
        axes.set_xlabel(str(index.name) if index.name is not None else "bar")
    axes.margins(x=0.01)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if always or len(series) > 1:
        longest = max(len(str(label)) for label in axes.get_legend_handles_labels()[1])
        columns = max(1, min(len(series), 4, 90 // (longest + 8)))
        figure.legend(loc="outside lower center", ncols=columns, frameon=False)


def _plain_numbers(*, few: bool = False) -> Any:
    """1,000,000 in place of 1e6; of minor ticks only 2 and 5, or they overlap."""
    from matplotlib.ticker import FuncFormatter

    def shown(value: float, _: object) -> str:
        if few and f"{value:e}"[0] not in "25":
            return ""
        return f"{value:,.10g}".replace("-", "\N{MINUS SIGN}")

    return FuncFormatter(shown)


def _percent(value: float) -> str:
    return f"{value:.1f} %".replace("-", "\N{MINUS SIGN}")


# -- heat map ----------------------------------------------------------------------------


def _cells(
    table: pd.DataFrame, metric: str, x: str, y: str, aggregate: str
) -> tuple[pd.DataFrame, bool]:
    """The metric by ``y`` (rows) and ``x`` (columns), and whether any cell has several runs."""
    import pandas as pd

    if len({metric, x, y}) < 3:
        raise ConfigurationError(f"metric={metric!r}, x={x!r}, y={y!r} have to be three columns")
    for name in (metric, x, y):
        if name not in table.columns:
            present = ", ".join(map(str, table.columns))
            raise ConfigurationError(f"there is no column {name!r}; there are {present}")
    try:
        numbers = pd.to_numeric(table[metric])
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"the metric {metric!r} is not numeric ({error})") from error
    runs = pd.DataFrame({"x": table[x], "y": table[y], "metric": numbers.astype(float)})
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


def _ordered(values: pd.Series[Any]) -> list[Any]:
    """The values that occur, also in runs without a result: ascending, else as texts."""
    found = list(values.dropna().unique())
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=str)


def _ticks(axes: Axes, cells: pd.DataFrame) -> None:
    for axis, labels, most in ((axes.xaxis, cells.columns, 16), (axes.yaxis, cells.index, 24)):
        each = -(-len(labels) // most)
        places = range(0, len(labels), each)
        axis.set_ticks(list(places), [_named(labels[place]) for place in places])
    longest = max(len(_named(label)) for label in cells.columns)
    if longest * min(len(cells.columns), 16) > 60:
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
