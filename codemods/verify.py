"""The proof after the splice: the new tree differs from the old one at the planned nodes only.

Both trees are walked side by side. A statement whose bytes are the same parses to the same
tree, so only statements that contain an edit are entered.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NoReturn

from codemods.source import Source
from codemods.statements import Expected


class UnexpectedChangeError(AssertionError):
    """A rewrite changed more, or something else, than it planned to."""


def verify(
    old: Source,
    new: Source,
    names: Mapping[ast.expr, str],
    statements: Mapping[ast.stmt, Sequence[Expected]],
) -> None:
    """Compare two files.

    Parameters
    ----------
    old, new : Source
        The file before and after.
    names : mapping of expression to str
        Nodes of the old tree that have become another (dotted) name.
    statements : mapping of statement to expected statements
        Import statements of the old tree, and what has become of each.

    Raises
    ------
    UnexpectedChangeError
        They differ anywhere else, or not as planned.
    """
    _Comparison(old, new, names, statements).body(old.tree.body, new.tree.body)


class _Comparison:
    def __init__(
        self,
        old: Source,
        new: Source,
        names: Mapping[ast.expr, str],
        statements: Mapping[ast.stmt, Sequence[Expected]],
    ) -> None:
        self.old = old
        self.new = new
        self.names = names
        self.statements = statements

    def body(self, before: Sequence[ast.stmt], after: Sequence[ast.stmt]) -> None:
        at = 0
        for statement in before:
            expected = self.statements.get(statement)
            if expected is None:
                if at >= len(after):
                    self.fail(statement)
                self.statement(statement, after[at])
                at += 1
                continue
            for form in expected:
                if at >= len(after) or _form(after[at]) != form:
                    self.fail(statement)
                at += 1
        if at != len(after):
            self.fail(after[at])

    def statement(self, before: ast.stmt, after: ast.stmt) -> None:
        if type(before) is not type(after):
            self.fail(before)
        decorators = getattr(before, "decorator_list", [])
        others = getattr(after, "decorator_list", [])
        if len(decorators) != len(others):
            self.fail(before)
        for one, other in zip(decorators, others, strict=True):
            self.node(one, other)
        if self.old.segment(before) == self.new.segment(after):
            return
        for (name, value), (_, other) in zip(
            ast.iter_fields(before), ast.iter_fields(after), strict=True
        ):
            if name != "decorator_list":
                self.value(value, other, before)

    def value(self, before: object, after: object, near: ast.AST) -> None:
        if isinstance(before, list):
            if not isinstance(after, list):
                self.fail(near)
            elif before and isinstance(before[0], ast.stmt):
                self.body(before, after)
            elif len(before) != len(after):
                self.fail(near)
            else:
                for one, other in zip(before, after, strict=True):
                    self.value(one, other, near)
        elif isinstance(before, ast.AST):
            self.node(before, after)
        elif type(before) is not type(after) or repr(before) != repr(after):
            self.fail(near)

    def node(self, top: ast.AST, other: object) -> None:
        pending: list[tuple[object, object]] = [(top, other)]
        while pending:
            before, after = pending.pop()
            if isinstance(before, ast.stmt):
                if not isinstance(after, ast.stmt):
                    self.fail(before)
                self.statement(before, after)
            elif isinstance(before, ast.expr) and before in self.names:
                if not isinstance(after, ast.expr) or ast.unparse(after) != self.names[before]:
                    self.fail(before)
            elif isinstance(before, ast.AST):
                if type(before) is not type(after):
                    self.fail(before)
                assert isinstance(after, ast.AST)
                for (_, value), (_, twin) in zip(
                    ast.iter_fields(before), ast.iter_fields(after), strict=True
                ):
                    if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                        self.value(value, twin, before)
                    elif isinstance(value, ast.AST):
                        pending.append((value, twin))
                    elif isinstance(value, list) and isinstance(twin, list):
                        if len(value) != len(twin):
                            self.fail(before)
                        pending.extend(zip(value, twin, strict=True))
                    else:
                        self.value(value, twin, before)
            else:
                self.value(before, after, top)

    def fail(self, node: ast.AST) -> NoReturn:
        line = getattr(node, "lineno", 0)
        raise UnexpectedChangeError(f"the rewrite would have changed line {line} as well")


def _form(statement: ast.stmt) -> Expected | None:
    match statement:
        case ast.Pass():
            return None, 0, frozenset()
        case ast.Import(names=names):
            return None, 0, frozenset((alias.name, alias.asname) for alias in names)
        case ast.ImportFrom(module=module, level=level, names=names):
            return module, level, frozenset((alias.name, alias.asname) for alias in names)
    return None
