"""The decorators that functions of a file carry now: as written, and what they stand for.

An undo asks here what has become of the functions that a migration touched: whether one shows
its old decorator again, however that is spelled, and what was written into its brackets since.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from codemods.definitions import definitions
from codemods.resolve import Function, Names, Use
from codemods.rules import Rules
from codemods.source import Source, Unreadable

#: What the legacy decorators take; all of it by keyword.
OLD_ARGUMENTS = frozenset({"ignore"})


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
        if not isinstance(use.decorates, Function):
            continue
        there = found.get(use.scope.inner(use.decorates.name))
        if there is not None:
            offered = _offered(names, use, rules)
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
    return not call.args and all(keyword.arg in OLD_ARGUMENTS for keyword in call.keywords)


def _brackets(call: ast.Call) -> str:
    return ast.unparse(call)[len(ast.unparse(call.func)) :]
