"""Optional imports: ``try: from afml.cache import cacheable``, and a stand-in where it fails.

A stand-in that returns the function as it is can stay behind any decorator; one that does
more cannot be judged from here.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from codemods.scopes import Binding, Block

_FAILURES = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def is_optional_import(imports: Sequence[Binding], others: Sequence[Binding]) -> bool | None:
    """Whether ``others`` only stand in for ``imports`` that fail, and do nothing.

    Returns
    -------
    bool or None
        True: every stand-in returns what it is given. False: one does more. None: this is
        no optional import at all.
    """
    owner = imports[0].block.owner
    if not isinstance(owner, ast.Try) or any(b.block.owner is not owner for b in imports):
        return None
    if any(b.block.statements is not owner.body for b in imports):
        return None
    for other in others:
        block: Block | None = other.block
        while block is not None and block.owner not in owner.handlers:
            block = block.outer
        handler = block.owner if block else None
        if not isinstance(handler, ast.ExceptHandler) or not _catches_imports(handler):
            return None
    return all(_passes_through(other) for other in others)


def _catches_imports(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in _FAILURES) for kind in kinds
    )


def _passes_through(binding: Binding) -> bool:
    node = binding.node
    if isinstance(node, ast.FunctionDef):
        body = [s for s in node.body if not _is_docstring(s)]
        if node.decorator_list or len(body) != 1 or not isinstance(body[0], ast.Return):
            return False
        return _is_identity(node.args, body[0].value)
    if isinstance(node, ast.Name):  # cacheable = lambda function: function
        for statement in binding.block.statements:
            if isinstance(statement, ast.Assign) and node in statement.targets:
                value = statement.value
                return isinstance(value, ast.Lambda) and _is_identity(value.args, value.body)
    return False


def _is_identity(arguments: ast.arguments, result: ast.expr | None) -> bool:
    parameters = [*arguments.posonlyargs, *arguments.args]
    return (
        len(parameters) == 1
        and not arguments.defaults
        and isinstance(result, ast.Name)
        and result.id == parameters[0].arg
    )


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
