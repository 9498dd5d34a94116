"""Equity curves and their drawdowns, drawn over time.

From Series, frames or recorded runs to a :class:`matplotlib.figure.Figure`. Save it with
``figure.savefig("equity.png")``; a notebook shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from afml_cache.backtests.plots.figure import new_figure
from afml_cache.backtests.plots.series import series_of
from afml_cache.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: Okabe and Ito's colours, which the colour-blind can tell apart; without their yellow, which is
#: hard to see on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#000000")
_DASHES = ("-", "--", ":", "-.")


def plot_equity(
    runs: Any,
    *,
    unit: str = "",
    relative: bool = False,
    log: bool = False,
    title: str = "",
) -> Figure:
    """Equity curves over time.

    Parameters
    ----------
    runs : str or sequence of str, mapping of str to Series, DataFrame or Series
        The ids of recorded runs, whose curves are named by the parameters in which they differ.
        Or equity by name, indexed by dates (or by bars) in order; also a frame with a column
        ``Equity``, as the library ``backtesting`` returns them, in place of a Series. Curves may
        cover different dates, and lines go on over values that are missing.
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
        time zone; or the curve does not stay above zero where ``log`` or ``relative`` needs it;
        or a run was recorded without one.
    UnknownRunError
        No run of such an id is recorded in the store that is in use.
    BacktestRecordError
        The curve of a run was kept and cannot be read.
    ImportError
        matplotlib is not installed.
    """
    series = series_of(runs)
    if relative or log:
        for name, curve in series.items():
            if curve.iloc[0] <= 0 or (log and (curve <= 0).any()):
                raise ConfigurationError(
                    f"{name!r} does not stay above zero, so it has no multiples and no logarithm; "
                    "give its equity, not its returns, or draw it without relative= and log="
                )
    figure, axes = new_figure(title or _only_name(series))
    for number, (name, curve) in enumerate(series.items()):
        values = curve / curve.iloc[0] if relative else curve
        style = _line(number, len(curve))
        axes.plot(_places(curve.index), values.to_numpy(), label=_label(name), **style)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(_plain_numbers())
        axes.yaxis.set_minor_formatter(_plain_numbers(few=True))
    elif not relative:
        axes.yaxis.set_major_formatter(_plain_numbers())
    suffix = f" ({unit})" if unit and not relative else ""
    label = "equity (multiple of the start)" if relative else f"equity{suffix}"
    axes.set_ylabel(label, parse_math=False)
    _finish(figure, axes, series)
    return figure


def plot_drawdown(runs: Any, *, title: str = "") -> Figure:
    """How far each equity curve lies below its highest value so far, in percent.

    Drawn below zero: ``100 * (equity / running maximum - 1)``. The legend names the deepest.

    Parameters
    ----------
    runs
        Ids of runs, or equity, as for :func:`plot_equity`; not returns, and not drawdowns.
    title : str

    Returns
    -------
    Figure

    Raises
    ------
    ConfigurationError, UnknownRunError, BacktestRecordError
        As for :func:`plot_equity`, or a curve begins at zero or below.
    ImportError
        matplotlib is not installed.
    """
    series = series_of(runs)
    figure, axes = new_figure(title or _only_name(series))
    for number, (name, curve) in enumerate(series.items()):
        peak = curve.cummax()
        if peak.iloc[0] <= 0:
            raise ConfigurationError(
                f"{name!r} begins at {peak.iloc[0]:g}, and nothing can be drawn down from "
                "there; give its equity, not its returns or its profit"
            )
        below = 100 * (curve / peak - 1)
        label = _label(f"{name} (deepest {_percent(float(below.min()))})")
        places, style = _places(curve.index), _line(number, len(curve))
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


def _label(name: str) -> str:
    """A name for the legend, which leaves out those that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def _line(number: int, points: int) -> dict[str, Any]:
    dashes = _DASHES[number // len(_COLOURS) % len(_DASHES)]
    style = {"color": _COLOURS[number % len(_COLOURS)], "linestyle": dashes, "linewidth": 1.3}
    return style | ({"marker": "o"} if points == 1 else {})  # one point makes no line


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
        axes.set_xlabel(str(index.name) if index.name is not None else "bar", parse_math=False)
    axes.margins(x=0.01)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if always or len(series) > 1:
        longest = max(len(str(label)) for label in axes.get_legend_handles_labels()[1])
        columns = max(1, min(len(series), 4, 90 // (longest + 8)))
        lines = -(-len(series) // columns)
        figure.set_figheight(figure.get_figheight() + 0.21 * (lines - 1))  # not out of the curves
        legend = figure.legend(loc="outside lower center", ncols=columns, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)  # a dollar is a dollar


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
