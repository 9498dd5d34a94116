"""Robust or time-aware: which decorator a function gets, and the reason in words.

The rules are a table, tried from top to bottom. Time-aware is a superset of robust and
costs nothing where the index of a frame is no time index, so one hint is enough for it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from codemods.rules import ROBUST, TIME_AWARE
from codemods.scopes import Function, every_argument

#: For every name that the file imports, the qualified names it may stand for.
Imported = Mapping[str, Set[str]]

#: Pairs of parameters that delimit a range of dates.
RANGES = (
    ("start", "end"),
    ("start_date", "end_date"),
    ("start_time", "end_time"),
    ("start_dt", "end_dt"),
    ("startdate", "enddate"),
    ("begin", "end"),
    ("begin_date", "end_date"),
    ("date_from", "date_to"),
    ("from_date", "to_date"),
    ("from_", "to"),
    ("first_date", "last_date"),
    ("since", "until"),
)

_FRAMES = frozenset({"DataFrame", "Series"})
_TRANSPARENT = frozenset({"Optional", "Union", "Annotated", "Final", "Required"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The decorator chosen, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: when ``says`` finds a reason, the function gets ``name``."""

    name: str
    summary: str
    says: Callable[[Function, Imported], str | None]


def choose(function: Function, imported: Imported) -> Choice:
    """The first rule that applies to ``function``.

    Parameters
    ----------
    function : ast.FunctionDef or ast.AsyncFunctionDef
        The decorated function.
    imported : mapping
        What each imported name of the file stands for (``{"pd": {"pandas"}}``).
    """
    for rule in RULES:
        reason = rule.says(function, imported)
        if reason is not None:
            return Choice(rule.name, reason)
    raise AssertionError("the last rule always applies")


def _takes_a_frame(function: Function, imported: Imported) -> str | None:
    for argument in every_argument(function.args):
        kind = argument.annotation and _frame(argument.annotation, imported)
        if kind:
            return f"{argument.arg} is a pandas {kind}"
    return None


def _takes_a_range(function: Function, imported: Imported) -> str | None:  # noqa: ARG001 - a Rule
    names = {argument.arg for argument in every_argument(function.args)}
    for first, last in RANGES:
        if first in names and last in names:
            return f"{first} and {last} are a date range"
    return None


def _otherwise(function: Function, imported: Imported) -> str | None:  # noqa: ARG001 - a Rule
    return "no frame, no date range"


RULES = (
    Rule(TIME_AWARE, "a parameter is annotated as a pandas DataFrame or Series", _takes_a_frame),
    Rule(TIME_AWARE, "two parameters are the ends of a date range", _takes_a_range),
    Rule(ROBUST, "everything else", _otherwise),
)


def _frame(annotation: ast.expr, imported: Imported) -> str | None:
    """``DataFrame`` or ``Series`` where the annotation admits one of pandas's, else None."""
    match annotation:
        case ast.Constant(value=str(text)):
            try:
                quoted = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
            return _frame(quoted, imported)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _frame(left, imported) or _frame(right, imported)
        case ast.Subscript(value=outer, slice=inside):
            name = _last(outer)
            if name in _TRANSPARENT:
                members = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                if name == "Annotated":
                    members = members[:1]
                return next(filter(None, (_frame(member, imported) for member in members)), None)
            return _frame(outer, imported)  # pd.Series[float]; dict[str, pd.DataFrame] is none
        case ast.Name(id=name):
            return _pandas(imported.get(name, frozenset()), ())
        case ast.Attribute():
            parts: list[str] = []
            node: ast.expr = annotation
            while isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            if isinstance(node, ast.Name):
                return _pandas(imported.get(node.id, frozenset()), tuple(reversed(parts)))
    return None


def _pandas(targets: Set[str], attributes: tuple[str, ...]) -> str | None:
    """Only where everything that the name may stand for is pandas's."""
    kinds = set()
    for target in targets:
        parts = [*target.split("."), *attributes]
        if parts[0] != "pandas" or parts[-1] not in _FRAMES:
            return None
        kinds.add(parts[-1])
    return kinds.pop() if len(kinds) == 1 else None


def _last(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
