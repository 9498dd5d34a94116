"""The decorators that functions of a file carry now: as written, and what they stand for.

An undo asks here what has become of the functions that a migration touched: whether one shows
its old decorator again, however that is spelled, and what was written into its brackets since.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from codemods.definitions import definitions
from codemods.resolve import Names
from codemods.rules import LEGACY_ARGUMENTS, Rules
from codemods.scopes import Use
from codemods.source import Source, Unreadable


@dataclass(slots=True)
class Decorated:
    """A function and its decorators."""

    line: int
    texts: list[str]  #: every decorator as it is written
    names: set[str] = field(default_factory=set)  #: what those of the cache stand for
    arguments: set[str] = field(default_factory=set)  #: calls that no legacy decorator takes


def decorated(data: bytes, package: tuple[str, ...], rules: Rules) -> dict[str, Decorated]:
    """Every function of a file by qualified name; nothing where it cannot be read."""
    try:
        source = Source(data)
        names = Names(source, package, rules, always=True)
    except (Unreadable, RecursionError):
        return {}
    found = {
        one.name: Decorated(
            one.node.lineno, [f"@{ast.unparse(d)}" for d in one.node.decorator_list]
        )
        for one in definitions(source.tree)
    }
    for use in names.uses:
        label = names.label(use)
        offered = _offered(names, use, rules) if label else set()
        if label and offered and use.decorates is None:  # f = cacheable(g)
            found.setdefault(label, Decorated(use.node.lineno, [f"@{ast.unparse(use.node)}"]))
        there = found.get(label) if label else None
        if there is not None:
            there.names |= offered
            if offered and use.call is not None and not _is_taken(use.call):
                there.arguments.add(_brackets(use.call))
    return found


def _offered(names: Names, use: Use, rules: Rules) -> set[str]:
    """The decorators of the cache that a use can stand for."""
    owner = names.owner(use.scope, use.name)
    found: set[str] = set()
    for binding in owner.bindings[use.name] if owner is not None else ():
        if binding.target is not None:
            target = ".".join((binding.target, *use.attributes))
            offer = rules.offer(target, rules.old | rules.new)
            found |= {offer.name} if offer is not None else set()
    return found


def _is_taken(call: ast.Call) -> bool:
    return not call.args and all(keyword.arg in LEGACY_ARGUMENTS for keyword in call.keywords)


def _brackets(call: ast.Call) -> str:
    return ast.unparse(call)[len(ast.unparse(call.func)) :]
