"""Which names a module has: what its statements bind, read without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property


class ModuleNames:
    """What the statements of a module bind at its top level.

    Parameters
    ----------
    tree : ast.Module
        The module.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.names: set[str] = set()  #: bound on some path, and not for type checkers only
        self.imported: dict[str, str] = {}
        self.stands_for: set[str] = set()  #: modules whose names are all its own
        self.stars: list[ast.ImportFrom] = []  #: imports of all that another module has
        self.doubt = ""  #: why that is not all that can be said
        self._statements(tree.body)
        if "__getattr__" in self.names:
            # Names that are only made when asked for are listed as strings.
            self.names |= self.strings
            self.doubt = self.doubt or "__getattr__"

    @cached_property
    def strings(self) -> set[str]:
        """Every string of the module."""
        constants = (n.value for n in ast.walk(self.tree) if isinstance(n, ast.Constant))
        return {text for text in constants if isinstance(text, str)}

    def _statements(self, body: Iterable[ast.AST]) -> None:
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.names.add(name)
                case ast.ClassDef(name=name):
                    self.names.add(name)
                case ast.Import(names=aliases):
                    for alias in aliases:
                        self.imported[alias.asname or alias.name] = alias.name
                    self.names |= {a.asname or a.name.partition(".")[0] for a in aliases}
                case ast.ImportFrom(names=aliases):
                    self.names |= {alias.asname or alias.name for alias in aliases}
                    if any(alias.name == "*" for alias in aliases):
                        self.doubt = "import *"
                        self.stars.append(node)
                        if not node.level:
                            self.stands_for.add(node.module or "")
                case ast.If(
                    test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")
                ):
                    self._statements(node.orelse)
                case _:
                    self._others(node)

    def _others(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                self.names |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
                if ast.unparse(target) == "sys.modules[__name__]":
                    self.doubt = "sys.modules"
                    self.stands_for.add(self.imported.get(ast.unparse(node.value), ""))
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, part, None)
            if isinstance(below, list):
                self._statements(below)
