"""The ``__all__`` of a module: where the strings are written out to which others can be added."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from codemods.string_list import StringList

ALL = "__all__"


@dataclass(frozen=True, slots=True)
class Exports:
    """What a module says about ``__all__`` at its top level."""

    line: int  #: of the statement that sets it; 0 where there is none
    literal: StringList | None  #: where names can be added; None where all of it is computed
    listed: frozenset[str]  #: names that are spelled out


def exports(tree: ast.Module) -> Exports:
    """Look at every statement of a module that makes or extends ``__all__``.

    >>> exports(ast.parse("__all__ = other.__all__\\n__all__ += ['a']")).listed
    frozenset({'a'})
    """
    line, literals = 0, list[StringList]()
    listed: set[str] = set()
    for statement in tree.body:
        value, sets = _value(statement)
        if value is None:
            if any(_is_all(node) for node in ast.walk(statement)):
                line = line or statement.lineno  # in an `if`, imported, handed on
            continue
        if sets:
            line, literals = statement.lineno, []
        listed |= {
            node.value
            for node in ast.walk(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        literals += _literals(value)
    return Exports(line, literals[0] if literals else None, frozenset(listed))


def _value(statement: ast.stmt) -> tuple[ast.expr | None, bool]:
    """What a statement puts into ``__all__``; whether that is all that is in it then."""
    match statement:
        case ast.Assign(targets=targets, value=value) if any(_is_all(t) for t in targets):
            return value, not any(_is_all(node) for node in ast.walk(value))
        case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_all(target):
            return value, True
        case ast.AugAssign(target=target, op=ast.Add(), value=value) if _is_all(target):
            return value, False
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=base, attr="extend"), args=[value], keywords=[])
        ) if _is_all(base):
            return value, False
    return None, False


def _literals(value: ast.expr) -> Iterator[StringList]:
    if isinstance(value, StringList):
        yield value
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        yield from _literals(value.left)
        yield from _literals(value.right)


def _is_all(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name == ALL
        case ast.ImportFrom(names=aliases):
            return any((alias.asname or alias.name) == ALL for alias in aliases)
    return False
