"""Figures for a report: equity curves, drawdowns, and a metric over two parameters.

They are no figures of pyplot's: no style, no current figure and no backend is touched, and nothing
has to be closed. ``series`` and ``recorded`` find what is drawn, ``curves`` and ``heat_map`` draw.
"""

from __future__ import annotations

from afml_cache.backtests.plots.curves import plot_drawdown, plot_equity
from afml_cache.backtests.plots.heat_map import plot_sweep

__all__ = ["plot_drawdown", "plot_equity", "plot_sweep"]
