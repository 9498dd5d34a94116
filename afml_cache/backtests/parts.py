"""What the result of a backtest consists of: metrics, trades, equity curve.

The result itself is never touched: it reaches the caller, and the store, as it is. Libraries are
known by the names of their classes, so that none is imported here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from afml_cache import notices
from afml_cache.backtests.windows import is_data

#: Metrics of one run that are recorded, and dicts within dicts that are taken apart.
_MOST, _DEEPEST = 1000, 4
_TRADES, _EQUITY = ("trades",), ("equity", "equity_curve")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one result; trades and equity are None where there are none.

    Parameters
    ----------
    metrics : mapping
    trades, equity : object
    omitted : int
        Metrics that were too many.
    """

    metrics: Mapping[str, Any] = field(default_factory=dict)
    trades: Any = None
    equity: Any = None
    omitted: int = 0


def parts_of(result: Any) -> Parts:
    """Take a result apart.

    Parameters
    ----------
    result : object
        ``(metrics, trades, equity)``, more or fewer of them; a dict or dataclass, whose members
        ``trades`` and ``equity`` (or ``equity_curve``) are taken as such and a member ``metrics``
        as those; the ``Stats`` of the library backtesting; a portfolio of vectorbt; a number, which
        becomes the metric ``result``. Metrics are a dict, a Series, a frame of one row, or one of
        these. Trades and equity are what holds several of something. What is something else has no
        parts.
    """
    if is_stats(result):
        return _parts_of_stats(result)
    if _is_portfolio(result):
        return _parts_of_portfolio(result)
    if _is_sequence_of_parts(result):
        first = parts_of(result[0])
        trades, equity = (*map(_kept, result[1:3]), None, None)[:2]
        return dataclasses.replace(
            first,
            trades=first.trades if trades is None else trades,
            equity=first.equity if equity is None else equity,
        )
    members = _members(result)
    if members is not None:
        return _parts_of_mapping(members)
    if _is_scalar(result):
        return Parts({"result": result})
    return Parts()


def tell_omitted(strategy: str, parts: Parts) -> None:
    """Say, once a strategy, that it has more metrics than are recorded."""
    if parts.omitted:
        notices.warn_once(
            ("backtest_metrics", strategy),
            f"a run of {strategy} has {parts.omitted + len(parts.metrics):,} metrics; the first "
            f"{len(parts.metrics):,} are recorded. A long table is better returned as trades",
        )


def names_nothing(result: Any) -> bool:
    """Whether a result is meant to have no metrics: it is None, empty, or begins with such."""
    if isinstance(result, list | tuple) and result:
        result = result[0]
    return result is None or (isinstance(result, Mapping | list | tuple) and not result)


def _is_sequence_of_parts(result: Any) -> bool:
    if isinstance(result, list):  # a list of numbers is no list of parts
        return bool(result) and (_members(result[0]) is not None or is_stats(result[0]))
    return isinstance(result, tuple) and bool(result)


def _members(result: Any) -> Mapping[Any, Any] | None:
    """What a result names, by name; None where it names nothing."""
    if isinstance(result, Mapping):
        return result
    if _is_series(result):
        # Numbers by date, or one after another, are a curve.
        return None if type(result.index).__name__ in _NAMELESS else dict(result.items())
    if _is_frame(result) and len(result.shape) == 2 and result.shape[0] == 1:
        if hasattr(result, "iloc"):
            return {name: result[name].iloc[0] for name in result.columns}
        if hasattr(result, "row"):  # polars
            return dict(result.row(0, named=True))
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {one.name: getattr(result, one.name) for one in dataclasses.fields(result)}
    return None


_NAMELESS = ("RangeIndex", "DatetimeIndex", "PeriodIndex", "TimedeltaIndex")


def _parts_of_mapping(result: Mapping[Any, Any]) -> Parts:
    parts, used = {}, set()
    for part, names in (("trades", _TRADES), ("equity", _EQUITY)):
        for name in names:
            kept = _kept(result[name]) if name in result else None
            if kept is not None:
                parts[part] = kept
                used.add(name)
                break
    inner = None if "metrics" not in result else _members(result["metrics"])
    if inner is None:
        inner = {name: value for name, value in result.items() if name not in used}
    return _with_metrics(inner, **parts)


def is_stats(result: object) -> bool:
    """Whether this is what the library backtesting returns."""
    kind = type(result)
    return kind.__module__.partition(".")[0] == "backtesting" and kind.__name__ == "_Stats"


def _parts_of_stats(stats: Any) -> Parts:
    # What begins with an underscore is the strategy, the trades and the equity curve.
    shown = {name: value for name, value in stats.items() if not str(name).startswith("_")}
    return _with_metrics(shown, stats.get("_trades"), stats.get("_equity_curve"))


def _is_portfolio(result: object) -> bool:
    return any(
        kind.__module__.partition(".")[0] == "vectorbt" and kind.__name__ == "Portfolio"
        for kind in type(result).__mro__
    )


def _parts_of_portfolio(portfolio: Any) -> Parts:
    stats = portfolio.stats(silence_warnings=True)
    shown = {} if stats is None else dict(stats.items())
    return _with_metrics(shown, portfolio.trades.records_readable, portfolio.value())


def _with_metrics(values: Mapping[Any, Any], trades: Any = None, equity: Any = None) -> Parts:
    """Metrics in a mapping by name; of several of one name, each further one has a number."""
    metrics: dict[str, Any] = {}
    omitted = 0
    for name, value in _leaves(values, _DEEPEST):
        if len(metrics) >= _MOST:
            omitted += 1
            continue
        free, number = name, 1
        while free in metrics:
            number += 1
            free = f"{name} ({number})"
        metrics[free] = value
    return Parts(metrics, trades, equity, omitted)


def _leaves(values: Mapping[Any, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """What a mapping holds; what mappings within it do has both names."""
    for name, value in values.items():
        if not isinstance(value, Mapping):
            yield str(name), value
        elif depth:
            for inner, one in _leaves(value, depth - 1):
                yield f"{name}.{inner}", one
        else:
            yield str(name), value


def _kept(value: Any) -> Any:
    """A value that can be trades or an equity curve; None for another."""
    if _is_frame(value) or type(value).__module__.partition(".")[0] == "polars":
        return value
    if isinstance(value, list | tuple):
        return value or None
    if (
        isinstance(value, Mapping)
        and value
        and all(_kept(one) is not None for one in value.values())
    ):
        return value
    return None


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
