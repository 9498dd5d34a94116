"""Whether the decorators below ``@cacheable`` hand it a function that can be cached.

A property, or whatever an unknown library makes of a function, cannot be told to be one.
Known are a few of the standard library, the cache's own, and functions of the same file that
hand back what they are given or a function that they define.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set

from codemods.rules import Rules
from codemods.scopes import Function, own_nodes
from codemods.source import Source

_BUILTIN = frozenset({"staticmethod", "classmethod"})
_KNOWN = frozenset(
    {"abc.abstractmethod", "functools.wraps", "builtins.staticmethod", "builtins.classmethod"}
    | {f"{m}.{n}" for m in ("typing", "typing_extensions") for n in ("final", "override")}
    | {"typing.no_type_check", "typing_extensions.no_type_check"}
)


class Below:
    """Answers for one file.

    Parameters
    ----------
    source : Source
        The file.
    imported : mapping of str to set of str
        What its imports bind, and to what.
    rules : Rules
        Which decorators are the cache's.
    """

    def __init__(self, source: Source, imported: Mapping[str, Set[str]], rules: Rules) -> None:
        self.imported = imported
        self.rules = rules
        self.defined: dict[str, list[ast.stmt]] = {}
        for statement in source.tree.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.defined.setdefault(statement.name, []).append(statement)

    def no_function(self, function: Function, decorator: ast.expr) -> str | None:
        """The first decorator below ``decorator`` that may hand back something else."""
        position = function.decorator_list.index(decorator)
        for below in reversed(function.decorator_list[position + 1 :]):
            if not self.known(below):
                return ast.unparse(below)
        return None

    def known(self, decorator: ast.expr) -> bool:
        """Whether a decorator takes a function and hands back one that can be cached."""
        called = isinstance(decorator, ast.Call)
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = ast.unparse(named)
        if not all(part.isidentifier() for part in name.split(".")):
            return False
        root, _, rest = name.partition(".")
        ours = self.rules.old | self.rules.new
        # By its name alone: a migration adds imports of these names, and what is known must
        # not depend on whether it has run.
        if name.rpartition(".")[2] in ours:
            return True
        if root in self.imported:
            targets = [f"{t}.{rest}" if rest else t for t in self.imported[root]]
            if any(self.rules.offer(target, ours) for target in targets):
                return True
            return root not in self.defined and all(target in _KNOWN for target in targets)
        there = self.defined.get(name, [])
        if len(there) == 1 and isinstance(there[0], ast.FunctionDef):
            return _hands_back_a_function(there[0], 2 if called else 1)
        return not there and name in _BUILTIN


def _hands_back_a_function(function: ast.FunctionDef, calls: int) -> bool:
    """Whether all that it returns is what it was given, or a function defined in it.

    With two calls (``@factory(2)``), what the first one hands back has to do so.
    """
    if function.decorator_list:
        return False
    inner: dict[str, list[ast.FunctionDef | None]] = {}  # None: bound to anything else
    returned: list[ast.expr | None] = []
    for statement in own_nodes(function):
        if isinstance(statement, ast.Return):
            returned.append(statement.value)
        elif isinstance(statement, ast.FunctionDef):
            inner.setdefault(statement.name, []).append(statement)
        elif isinstance(statement, ast.Name) and isinstance(statement.ctx, ast.Store):
            inner.setdefault(statement.id, []).append(None)
    first = [*function.args.posonlyargs, *function.args.args][:1]
    for value in returned:
        if not isinstance(value, ast.Name):
            return False
        if value.id in inner:
            if not all(_is_plain(there, calls - 1) for there in inner[value.id]):
                return False
        elif calls > 1 or [argument.arg for argument in first] != [value.id]:
            return False
    return bool(returned)


def _is_plain(there: ast.FunctionDef | None, calls: int) -> bool:
    """Whether an inner name stands for a function, and for one that hands back functions."""
    if there is None:
        return False
    if calls:
        return _hands_back_a_function(there, calls)
    return all(
        isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("wraps")
        for decorator in there.decorator_list
    )
