"""Every function and class of a file under its qualified name, with what it is defined in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from codemods.scopes import Function

Defined = Function | ast.ClassDef


@dataclass(frozen=True, eq=False, slots=True)
class Definition:
    """A function or class."""

    name: str  #: qualified: ``Model.fit``, ``outer.<locals>.inner``
    node: Defined
    around: tuple[Defined, ...]  #: the classes and functions that it stands in, outermost first
    statement: ast.stmt  #: the statement of the module that it is a part of


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """All of them, in no particular order.

    >>> [d.name for d in definitions(ast.parse("class A:\\n def f(self): ..."))]
    ['A', 'A.f']
    """
    pending: list[tuple[ast.AST, str, tuple[Defined, ...], ast.stmt | None]] = [
        (tree, "", (), None)
    ]
    while pending:
        node, prefix, around, top = pending.pop()
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                continue
            statement = top if top is not None else child
            assert isinstance(statement, ast.stmt)
            if isinstance(child, Defined):
                name = prefix + child.name
                yield Definition(name, child, around, statement)
                inside = "." if isinstance(child, ast.ClassDef) else ".<locals>."
                pending.append((child, name + inside, (*around, child), statement))
            else:
                pending.append((child, prefix, around, statement))


def last_name(decorator: ast.expr) -> str:
    """What a decorator is called, without the module and the brackets.

    >>> last_name(ast.parse("c.robust_cacheable(ttl=1)", mode="eval").body)
    'robust_cacheable'
    """
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(named, ast.Attribute):
        return named.attr
    return named.id if isinstance(named, ast.Name) else ""
