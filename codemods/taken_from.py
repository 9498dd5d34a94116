"""Where a file takes names of the cache from, so that another one can come the same way.

In this order: the name is imported already; an import of other names from the cache is made
longer; the cache is at hand as a module (``c.robust_cacheable``); a new import.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from codemods.decorated import Refusal
from codemods.definitions import Definition
from codemods.fallback import is_optional_import
from codemods.findings import Code
from codemods.new_import import first_line
from codemods.resolve import Names
from codemods.rules import Offer, Rules
from codemods.scopes import Binding, Block, Import
from codemods.source import Source

DEFAULT = "afml.cache"


@dataclass(frozen=True, eq=False, slots=True)
class Taken:
    """How a decorator is spelled in a file, and what has to be imported for it."""

    spelled: str
    binding: Binding | None = None  #: how the cache comes into the file; None: the name is there
    offer: Offer | None = None  #: what is taken from it
    extend: ast.ImportFrom | None = None  #: an import of other names, to be made longer
    new_from: str = ""  #: the module of an import that has to be made


class TakenFrom:
    """Answers for one file.

    Parameters
    ----------
    source : Source
        The file.
    names : Names
        Its names, resolved.
    rules : Rules
        Which modules are sources.
    name : str
        The decorator.
    """

    def __init__(self, source: Source, names: Names, rules: Rules, name: str) -> None:
        self.source = source
        self.names = names
        self.rules = rules
        self.name = name
        self.decided: Taken | None = None

    def __call__(self, definition: Definition) -> Taken | Refusal:
        """How the decorator can be put on ``definition``, or why it cannot.

        To be asked from the top of the file down: what serves the first serves all the others.
        """
        answer = self.decided or self._at_module_level(first_line(definition.statement))
        if not isinstance(answer, Taken):
            return answer
        self.decided = answer
        root = answer.spelled.partition(".")[0]
        for around in definition.around:
            if binds(around, root):
                text = f"{root} means something else inside of {around.name}"
                return Code.NAME_COLLISION, text
        return answer

    def _at_module_level(self, before: int) -> Taken | Refusal:
        name = self.name
        ready = [
            local
            for local in sorted(self.names.module.bindings, key=lambda local: local != name)
            if self._is_ready(local, name, before)
        ]
        if ready:
            return Taken(ready[0])
        taken = self.names.module.bindings.get(name)
        if taken:
            line = min(getattr(binding.node, "lineno", 1) for binding in taken)
            return Code.NAME_COLLISION, f"{name} means something else here (line {line})"
        guarded: ast.stmt | None = None
        last: Taken | None = None
        modules: list[Taken] = []
        for statement, alias, block in self._imports():
            if alias.name == "*":
                continue
            target = self.names.target(statement, alias)
            if block.owner is not None or first_line(statement) >= before:
                if self._home(statement, target) and isinstance(block.owner, ast.Try):
                    guarded = guarded or statement
                continue
            home = target.rpartition(".")[0]
            binding = Binding(
                self.names.module, name, alias, block, target, statement=statement, alias=alias
            )
            if isinstance(statement, ast.ImportFrom) and self._home(statement, target):
                last = Taken(name, binding, Offer(home, home, name), statement)
            elif target in self.rules.sources or (
                isinstance(statement, ast.Import) and alias.name in self.rules.sources
            ):
                module = alias.asname or alias.name
                source = target if target in self.rules.sources else alias.name
                if self._is_only(module.partition(".")[0], target):
                    modules.append(Taken(f"{module}.{name}", binding, Offer(source, source, name)))
        if last is not None:
            return last
        if modules:
            return modules[0]
        if guarded is not None:
            text = f"the cache is imported in a `try` (line {guarded.lineno}); import {name} there"
            return Code.FALLBACK_DEFINITION, text
        whole = Block(self.source.tree.body)
        binding = Binding(self.names.module, name, self.source.tree, whole, f"{DEFAULT}.{name}")
        return Taken(name, binding, Offer(DEFAULT, DEFAULT, name), new_from=DEFAULT)

    def _is_ready(self, local: str, name: str, before: int) -> bool:
        """Whether ``local`` is the decorator ``name`` wherever the module is past ``before``."""
        bindings = self.names.module.bindings[local]
        ours = [binding for binding in bindings if self._offers(binding, name)]
        others = [binding for binding in bindings if binding not in ours]
        if not ours or local in self.rules.old:
            return False
        if any(getattr(binding.node, "lineno", before) >= before for binding in bindings):
            return False
        if others or any(binding.block.owner is not None for binding in ours):
            return bool(is_optional_import(ours, others)) and bool(others)
        return not any(binding.elsewhere for binding in bindings)

    def _offers(self, binding: Binding, name: str) -> bool:
        offer = self.rules.offer(binding.target, self.rules.new)
        return offer is not None and offer.name == name

    def _home(self, statement: Import, target: str) -> bool:
        """Whether an import takes a name from a source itself, and not from a submodule of it."""
        return isinstance(statement, ast.ImportFrom) and (
            target.rpartition(".")[0] in self.rules.sources
        )

    def _is_only(self, local: str, target: str) -> bool:
        """Whether a name of the module stands for ``target`` and nothing else."""
        return all(binding.target == target for binding in self.names.module.bindings[local])

    def _imports(self) -> Iterator[tuple[Import, ast.alias, Block]]:
        seen: list[tuple[list[ast.stmt], ast.stmt | None]] = [(self.source.tree.body, None)]
        while seen:
            statements, owner = seen.pop(0)
            for statement in statements:
                if isinstance(statement, Import):
                    for alias in statement.names:
                        yield statement, alias, Block(statements, owner)
                elif isinstance(statement, ast.Try | ast.If | ast.With):
                    for part in ("body", "orelse", "finalbody"):
                        seen.append((getattr(statement, part, []), statement))


def binds(scope: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str) -> bool:
    """Whether a class or function has a name of its own that is called ``name``."""
    pending: list[ast.AST] = list(scope.body)
    if not isinstance(scope, ast.ClassDef):
        pending.append(scope.args)
    pending += getattr(scope, "type_params", [])
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if node.name == name:
                    return True
                continue
            case ast.Lambda():
                continue
            case ast.Name(id=bound, ctx=ast.Store() | ast.Del()) if bound == name:
                return True
            case ast.arg(arg=bound) if bound == name:
                return True
            case ast.alias() if name in (node.asname, node.name.partition(".")[0]):
                if node.asname in (None, name):
                    return True
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                return True
        if getattr(node, "name", None) == name or getattr(node, "rest", None) == name:
            return True
        pending.extend(ast.iter_child_nodes(node))
    return False
