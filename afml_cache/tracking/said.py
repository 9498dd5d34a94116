"""What a result consists of: metrics, words, models, and what is looked at or read beside them.

The result itself is never touched: it reaches the caller, and the store, as it is. Libraries are
known by the names of their classes, so that none is imported here.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from afml_cache.backtests.parts import parts_of
from afml_cache.backtests.plain import as_number
from afml_cache.backtests.windows import is_data
from afml_cache.tracking.texts import LONGEST_PARAM, cut, name_of, names_of, text_of

#: Metrics and words of one result that are logged, and dicts within dicts that are taken apart.
_MOST, _DEEPEST = 1000, 4
#: Numbers of a list that are metrics each; a longer one is a table.
_SHORT = 20
#: What has no name of its own is called so.
_RESULT = "result"
#: Module -> the flavor of MLflow that saves its models.
FLAVORS = {
    "sklearn": "sklearn",
    "imblearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "statsmodels": "statsmodels",
    "torch": "pytorch",
    "keras": "keras",
}


@dataclass(slots=True)
class Said:
    """The parts of one result, by name."""

    metrics: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)  #: what is no number: see `with_words`
    models: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)  #: and long texts
    left_out: dict[str, str] = field(default_factory=dict)  #: kind of part -> why, of how many


def said_of(result: Any) -> Said:
    """Take a result apart.

    Parameters
    ----------
    result : object
        A dict, or ``(model, metrics)``: the last dict of a tuple holds the metrics; or a number,
        which becomes the metric ``result``, also in a tuple, and ``result.<place>`` where there are
        several. Estimators, figures, frames and arrays are found in either. What is something else
        says nothing.
    """
    said = Said()
    named: list[tuple[str, Any]] = []
    if isinstance(result, tuple | list) and not _is_table(result) and not is_data(result):
        names = getattr(result, "_fields", None) or [""] * len(result)
        unnamed: dict[int, Any] = {}
        last = max((n for n, one in enumerate(result) if _is_metrics(one)), default=None)
        for place, (name, one) in enumerate(zip(names, result, strict=False)):
            if place == last:
                named += _leaves(one, _DEEPEST)
            elif _is_metrics(one):
                named += [(f"{name or place}.{leaf}", x) for leaf, x in _leaves(one, _DEEPEST)]
            elif name and one is not None:
                named.append((name, one))
            else:
                unnamed[place] = one
        named += _without_names(said, unnamed)
    elif _is_metrics(result):
        named += _leaves(result, _DEEPEST)
    else:
        named += _without_names(said, {0: result})
    _add_named(said, named)
    return said


def said_of_backtest(result: Any) -> Said:
    """Take the result of a backtest apart: its metrics, trades and equity curve."""
    parts = parts_of(result)
    said = Said()
    _add_named(said, _leaves(parts.metrics, _DEEPEST))
    said.tables |= {
        name: one
        for name, one in (("trades", parts.trades), ("equity", parts.equity))
        if one is not None
    }
    return said


def flavor_of(value: object) -> str | None:
    """The flavor of MLflow that saves a model; None where it is no model that we know."""
    if isinstance(value, type) or not any(
        hasattr(value, name) for name in ("predict", "fit_predict", "transform", "forward")
    ):
        return None
    for kind in type(value).__mro__:
        flavor = FLAVORS.get(kind.__module__.partition(".")[0])
        if flavor is not None:
            return flavor
    return None


def is_figure(value: object) -> bool:
    """Whether it is a figure of matplotlib or plotly, or has one (axes, a grid of seaborn)."""
    return any(
        kind.__module__.partition(".")[0] in ("matplotlib", "plotly", "seaborn")
        and (kind.__name__ in ("Figure", "BaseFigure") or hasattr(value, "savefig"))
        for kind in type(value).__mro__
    )


def _is_metrics(value: object) -> bool:
    if isinstance(value, Mapping):
        return not is_data(value)
    # A series of numbers by name; one by date is data.
    if any(kind.__name__ == "Series" for kind in type(value).__mro__) and hasattr(value, "items"):
        labels = getattr(value, "index", ())
        return 0 < len(labels) <= _MOST and all(isinstance(label, str) for label in labels)
    return False


def _add_named(said: Said, named: Iterable[tuple[str, Any]]) -> None:
    numbers: dict[str, float] = {}
    beyond = {"metrics": 0, "words": 0}
    for name, value in named:
        number = _number(value)
        if number is None and _add_part(said, name, value):
            continue
        if len(numbers) + len(said.words) >= _MOST:
            beyond["words" if number is None else "metrics"] += 1
        elif number is not None:
            numbers[_free(name, numbers)] = number
        else:
            name = f"{_RESULT}.{name}" if name.partition(".")[0] != _RESULT else name
            said.words[_free(name, said.words)] = cut(text_of(value), LONGEST_PARAM)
    names = names_of(numbers)
    said.metrics |= {names[name]: number for name, number in numbers.items()}
    said.left_out |= {
        kind: f"{count:,} beyond the first {_MOST:,}, which the cache has"
        for kind, count in beyond.items()
        if count
    }


def _free(name: str, taken: Container[str]) -> str:
    """A name; where it is taken, with a number, as the tables of studies have it."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _without_names(said: Said, values: Mapping[int, Any]) -> Iterator[tuple[str, Any]]:
    """Numbers and words, by place; parts are added. A number that is alone is the result."""
    numbers = [place for place, value in values.items() if _number(value) is not None]
    words = [place for place, value in values.items() if _is_word(value)]
    for place, value in values.items():
        alike = numbers if place in numbers else words if place in words else ()
        if alike:
            yield _RESULT if len(alike) == 1 else f"{_RESULT}.{place}", value
        else:
            _add_part(said, _RESULT if _is_long(value) else "", value)


def with_words(params: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """Parameters of a call, and under names of their own the words of what it returned."""
    names = names_of(words, taken=params)
    return {**params, **{names[name]: text for name, text in words.items()}}


def _leaves(named: Any, depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in named.items():
        if isinstance(value, Mapping) and value and depth and not is_data(value):
            for inner, one in _leaves(value, depth - 1):
                yield f"{name}.{inner}", one
        else:
            yield str(name), value


def _add_part(said: Said, name: str, value: Any) -> bool:
    """Add a model, figure or table; whether it was one."""
    for is_one, into, otherwise in (
        (flavor_of(value) is not None, said.models, "model"),
        (is_figure(value), said.figures, "figure"),
        (_is_table(value), said.tables, "table"),
    ):
        if is_one:
            given = name_of(name or otherwise).replace("/", "_").replace(":", "_")
            number = 1
            unique = given
            while unique in into:
                number += 1
                unique = f"{given}_{number}"
            into[unique] = value
            return True
    return False


def _is_table(value: object) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST_PARAM
    return _is_long(value) or (is_data(value) and not isinstance(value, dict | list | tuple))


def _is_long(value: object) -> bool:
    """Whether it is a list of numbers that is better read as a table."""
    return (
        isinstance(value, list | tuple)
        and len(value) > _SHORT
        and all(_number(one) is not None for one in value)
    )


def _is_word(value: object) -> bool:
    return isinstance(value, str | datetime.date) and not _is_table(value)


def _number(value: object) -> float | None:
    """A metric; None where it is none, or too large for one."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape == () and hasattr(value, "dtype"):
        item = getattr(value, "item", None)
        value = item() if callable(item) and not _is_time(value) else value
    number = as_number(value)
    if number is None:
        return None
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _is_time(value: Any) -> bool:
    return value.dtype.kind in "mM"
