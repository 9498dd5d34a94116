"""What the result of a backtest consists of: metrics, trades, equity curve.

The result itself is never touched: it reaches the caller, and the store, as it is. Libraries are
known by the names of their classes, so that none is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from afml_cache.backtests.windows import is_data

#: Metrics of one run that are recorded, and dicts within dicts that are taken apart.
_MOST, _DEEPEST = 1000, 4
_TRADES, _EQUITY = ("trades",), ("equity", "equity_curve")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one result; trades and equity are None where there are none."""

    metrics: Mapping[str, Any] = field(default_factory=dict)
    trades: Any = None
    equity: Any = None


def parts_of(result: Any) -> Parts:
    """Take a result apart.

    Parameters
    ----------
    result : object
        ``(metrics, trades, equity)``, more or fewer of them; a dict, whose members ``trades`` and
        ``equity`` (or ``equity_curve``) are taken as such and a member ``metrics`` as those; the
        ``Stats`` of the library backtesting; a portfolio of vectorbt; a number, which becomes the
        metric ``result``. Metrics are a dict, a Series, or one of these. What is something else
        has no parts.
    """
    if is_stats(result):
        return _parts_of_stats(result)
    if _is_portfolio(result):
        return _parts_of_portfolio(result)
    if isinstance(result, tuple) and result:
        first = parts_of(result[0])
        frames = [one if _is_frame(one) else None for one in (*result[1:3], None, None)]
        return Parts(
            first.metrics,
            first.trades if frames[0] is None else frames[0],
            first.equity if frames[1] is None else frames[1],
        )
    if isinstance(result, Mapping):
        return _parts_of_mapping(result)
    if _is_series(result):
        return Parts(dict(_metrics(dict(result.items()))))
    if _is_scalar(result):
        return Parts({"result": result})
    return Parts()


def _parts_of_mapping(result: Mapping[Any, Any]) -> Parts:
    frames = {}
    for part, names in (("trades", _TRADES), ("equity", _EQUITY)):
        named = [result[name] for name in names if name in result and _is_frame(result[name])]
        frames[part] = named[0] if named else None
    inner = result.get("metrics")
    if isinstance(inner, Mapping) or _is_series(inner):
        return Parts(parts_of(inner).metrics, **frames)
    return Parts(dict(_metrics(result)), **frames)


def is_stats(result: object) -> bool:
    """Whether this is what the library backtesting returns."""
    kind = type(result)
    return kind.__module__.partition(".")[0] == "backtesting" and kind.__name__ == "_Stats"


def _parts_of_stats(stats: Any) -> Parts:
    # What begins with an underscore is the strategy, the trades and the equity curve.
    shown = {name: value for name, value in stats.items() if not str(name).startswith("_")}
    return Parts(dict(_metrics(shown)), stats.get("_trades"), stats.get("_equity_curve"))


def _is_portfolio(result: object) -> bool:
    return any(
        kind.__module__.partition(".")[0] == "vectorbt" and kind.__name__ == "Portfolio"
        for kind in type(result).__mro__
    )


def _parts_of_portfolio(portfolio: Any) -> Parts:
    stats = portfolio.stats(silence_warnings=True)
    metrics = {} if stats is None else dict(_metrics(dict(stats.items())))
    return Parts(metrics, portfolio.trades.records_readable, portfolio.value())


def _metrics(values: Mapping[Any, Any], depth: int = _DEEPEST) -> Iterator[tuple[str, Any]]:
    """The metrics in a mapping by name; those in mappings within it have both names."""
    for number, (name, value) in enumerate(values.items()):
        if number >= _MOST:
            return
        if isinstance(value, Mapping) and value and depth:
            for inner, one in _metrics(value, depth - 1):
                yield f"{name}.{inner}", one
        elif not _is_frame(value) and not isinstance(value, Mapping):
            yield str(name), value


def _is_frame(value: object) -> bool:
    return is_data(value) and not isinstance(value, dict | list | tuple)


def _is_series(value: object) -> bool:
    return any(kind.__name__ == "Series" for kind in type(value).__mro__) and hasattr(
        value, "items"
    )


def _is_scalar(value: object) -> bool:
    if isinstance(value, bool | int | float):
        return True
    return type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
