"""Which names in a file are the cache's: bindings, scopes and uses, as Python resolves them.

One pass collects, for the few names that matter in a file, every place that binds them and
every place that uses them, scope by scope. Statements that mention none of these names are
not even entered, which is what makes it cheap.
"""

from __future__ import annotations

import ast
import re
import sys
from bisect import bisect_left
from collections import defaultdict
from functools import cached_property
from unicodedata import normalize

from codemods.import_targets import imports_in, local_name, qualified
from codemods.re_exports import ReExports
from codemods.rules import Offer, Rules
from codemods.scopes import Binding, Block, Function, Import, Kind, Scope, Use, every_argument
from codemods.source import Source


class Names:
    """The names of a file that matter, resolved.

    Parameters
    ----------
    source : Source
        The file.
    package : tuple of str
        The packages that the file lies in, outermost first, as far up as may matter;
        relative imports are resolved against it.
    rules : Rules
        Which modules and names are meant.
    always : bool
        Collect the uses even where nothing that is imported leads to the cache.
    re_exports : ReExports, optional
        The modules of the project that hand on decorators.
    """

    def __init__(
        self,
        source: Source,
        package: tuple[str, ...],
        rules: Rules,
        *,
        always: bool = False,
        re_exports: ReExports | None = None,
    ) -> None:
        self.source = source
        self.package = package
        self.rules = rules
        self.re_exports = re_exports or ReExports()
        self.uses: list[Use] = []
        self.exports: set[str] = set()  #: names that appear in ``__all__``
        self.assigned: dict[ast.expr, str] = {}  #: calls whose result gets a name of its own
        self.stars: list[ast.ImportFrom] = []
        self._star_blocks: dict[Import, Block] = {}
        #: every name that an import anywhere in the file binds, and to what
        self.imported: dict[str, set[str]] = defaultdict(set)
        spelled = rules.old | rules.new
        relevant = set(spelled)
        for statement in imports_in(source.tree.body):
            for alias in statement.names:
                target = self.target(statement, alias)
                if alias.name == "*":
                    assert isinstance(statement, ast.ImportFrom)
                    self.stars.append(statement)
                    continue
                local = local_name(statement, alias)
                self.imported[local].add(target)
                if self._leads_to_source(target) or self.offer(target, spelled):
                    relevant.add(local)
        self._relevant = relevant
        self.concerned = (
            always
            or bool(self.stars)
            or any(
                self._leads_to_source(target)
                or target.rpartition(".")[2] in rules.old
                or self.offer(target, rules.old)
                for targets in self.imported.values()
                for target in targets
            )
        )
        self.module = Scope(Kind.MODULE, "")
        self.scopes: list[Scope] = []  #: every scope that binds one of the names
        #: whether the file is a part of the cache package itself
        self.inside_source = any(
            package[-len(parts) :] == parts
            for parts in (tuple(source.split(".")) for source in rules.sources)
        )
        if self.concerned:
            self._walk_module()
            self._bind_stars()

    def offer(self, target: str | None, names: frozenset[str]) -> Offer | None:
        """The decorator that a qualified name stands for, if it is one of ``names``."""
        if target is None:
            return None
        return self.rules.offer(target, names) or self.re_exports.offer(target, self.package, names)

    def _leads_to_source(self, target: str) -> bool:
        return self.rules.leads_to_source(target) or self.re_exports.leads_to(target, self.package)

    def target(self, statement: Import, alias: ast.alias) -> str:
        """The qualified name that an import binds; it starts with a dot when it is relative
        and leads to no source."""
        return qualified(statement, alias, self.package, self.rules)

    def owner(self, scope: Scope, name: str) -> Scope | None:
        """The scope whose binding a use of ``name`` in ``scope`` sees."""
        seen: Scope | None = scope
        while seen is not None:
            if name in seen.global_names:
                seen = seen.module
                return seen if name in seen.bindings else None
            visible = seen is scope or seen.kind is not Kind.CLASS
            if visible and name in seen.bindings and name not in seen.nonlocal_names:
                return seen
            seen = seen.parent
        return None

    # ---------------------------------------------------------------- the pass

    @cached_property
    def _lines(self) -> list[int]:
        """The numbers of the lines that mention a relevant name or ``__all__``."""
        words = b"|".join(re.escape(name.encode()) for name in sorted(self._relevant))
        pattern = re.compile(rb"(?<!\w)(?:" + words + rb"|__all__)(?!\w)")
        text = self.source.utf8
        lines = {self.source.line_of(m.start()) for m in pattern.finditer(text)}
        lines.update(statement.lineno for statement in self.stars)
        if not text.isascii():  # Python reads identifiers in one Unicode form, whatever was typed
            for number in range(1, len(self.source.line_starts) + 1):
                line = self.source.line(number)
                if not line.isascii():
                    usual = normalize("NFKC", line.decode("utf-8", "replace")).encode("utf-8")
                    lines |= {number} if pattern.search(usual) else set()
        return sorted(lines)

    def _mentions(self, first: int, last: int) -> bool:
        at = bisect_left(self._lines, first)
        return at < len(self._lines) and self._lines[at] <= last

    def _walk_module(self) -> None:
        block = Block(self.source.tree.body)
        self.module.body = block
        self._block(block, self.module)

    def _bind_stars(self) -> None:
        """Bind what ``import *`` brings, if it can be told: if none of them is unknown."""
        brings: dict[str, list[tuple[ast.ImportFrom, str]]] = defaultdict(list)
        for statement in self.stars:
            module = self.target(statement, statement.names[0])
            offered = {n: f"{module}.{n}" for n in self.rules.old}
            offered = {n: t for n, t in offered.items() if self.offer(t, self.rules.old)}
            if not offered and module.partition(".")[0] not in sys.stdlib_module_names:
                return
            for name, target in offered.items():
                brings[name].append((statement, target))
        for name, ways in sorted(brings.items()):
            there = self.module.bindings.get(name, [])
            if there and all(self.offer(b.target, self.rules.old) for b in there):
                continue  # it is imported by name as well
            for star, target in ways:
                block, alias = self._star_blocks[star], star.names[0]
                self._bind(
                    self.module, name, alias, block,
                    target=target, statement=star, alias=alias, star=True,
                )  # fmt: skip

    def _bind(self, scope: Scope, name: str, node: ast.AST, block: Block, **more: object) -> None:
        if name not in self._relevant:
            return
        while scope.kind is Kind.COMPREHENSION and scope.parent is not None:
            scope = scope.parent  # only := gets here: it binds outside of the comprehension
        target, elsewhere = scope, False
        if name in scope.global_names:
            target, elsewhere = scope.module, scope.parent is not None
        elif name in scope.nonlocal_names and scope.parent is not None:
            target, elsewhere = self._enclosing(scope.parent, name), True
        binding = Binding(target, name, node, block, elsewhere=elsewhere, **more)  # type: ignore[arg-type]
        if not target.bindings:
            self.scopes.append(target)
        target.bindings[name].append(binding)

    def _enclosing(self, scope: Scope, name: str) -> Scope:
        found = scope
        while found.parent is not None and not (
            found.kind is Kind.FUNCTION and name in found.bindings
        ):
            found = found.parent
        return found

    def _block(self, block: Block, scope: Scope) -> None:
        for statement in block.statements:
            first = statement.lineno
            for decorator in getattr(statement, "decorator_list", ()):
                first = min(first, decorator.lineno)
            if self._mentions(first, statement.end_lineno or first):
                self._statement(statement, block, scope)

    def _statement(self, node: ast.stmt, block: Block, scope: Scope) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._definition(node, block, scope)
            case ast.Import() | ast.ImportFrom():
                self._import(node, block, scope)
            case ast.Global(names=names):
                scope.global_names.update(self._relevant.intersection(names))
            case ast.Nonlocal(names=names):
                scope.nonlocal_names.update(self._relevant.intersection(names))
            case _ if type(node).__name__ == "TypeAlias":  # new in Python 3.12
                self._type_alias(node, block, scope)
            case _:
                if scope is self.module:
                    self._note_exports(node)
                self._note_assigned(node)
                self._children(node, block, scope)

    def _type_alias(self, node: ast.AST, block: Block, scope: Scope) -> None:
        """``type Pair[T] = tuple[T, T]``: parameters are seen on the right side only."""
        self._expression(node.name, block, scope)  # type: ignore[attr-defined]
        around = Scope(Kind.FUNCTION, scope.qualname, scope)
        for part in (*node.type_params, node.value):  # type: ignore[attr-defined]
            self._expression(part, block, around)

    def _children(self, node: ast.AST, block: Block, scope: Scope) -> None:
        """Statements below ``node`` as blocks, everything else as expressions."""
        for _, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                self._expression(value, block, scope)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                owner = node
                assert isinstance(owner, ast.stmt | ast.ExceptHandler | ast.match_case)
                self._block(Block(value, owner, block), scope)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.ExceptHandler | ast.match_case):
                        if isinstance(item, ast.ExceptHandler) and item.name:
                            self._bind(scope, item.name, item, block)
                        self._children(item, block, scope)
                    elif isinstance(item, ast.AST):
                        self._expression(item, block, scope)

    def _import(self, node: Import, block: Block, scope: Scope) -> None:
        for alias in node.names:
            if alias.name == "*":
                self._star_blocks[node] = block
                continue
            local = local_name(node, alias)
            target = self.target(node, alias)
            self._bind(scope, local, alias, block, target=target, statement=node, alias=alias)

    def _definition(self, node: Function | ast.ClassDef, block: Block, scope: Scope) -> None:
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            chain = _chain(call.func if call else decorator)
            if chain is not None and chain[0].id in self._relevant:
                root, attributes = chain
                named = call.func if call else decorator
                assert isinstance(named, ast.Name | ast.Attribute)
                self.uses.append(Use(scope, root.id, attributes, named, node, call))
                for part in (*call.args, *call.keywords) if call else ():
                    self._expression(part, block, scope)
            else:
                self._expression(decorator, block, scope)
        self._bind(scope, node.name, node, block)
        parameters = getattr(node, "type_params", ())
        around = scope
        if parameters:
            around = Scope(Kind.FUNCTION, scope.qualname, scope)
            for parameter in parameters:
                self._bind(around, parameter.name, parameter, block)
                self._children(parameter, block, around)
        inner = Scope(Kind.FUNCTION, scope.inner(node.name), around)
        if isinstance(node, ast.ClassDef):
            inner.kind = Kind.CLASS
            for part in (*node.bases, *node.keywords):
                self._expression(part, block, around)
        else:
            self._arguments(node.args, block, around, inner)
            if node.returns is not None:
                self._expression(node.returns, block, around)
        inner.body = Block(node.body, node, block)
        # `global` and `nonlocal` hold for the whole scope, wherever in it they stand.
        self._block(inner.body, inner)

    def _arguments(
        self, arguments: ast.arguments, block: Block, scope: Scope, inner: Scope
    ) -> None:
        for argument in every_argument(arguments):
            self._bind(inner, argument.arg, argument, block)
            if argument.annotation is not None:
                self._expression(argument.annotation, block, scope)
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                self._expression(default, block, scope)

    def _expression(self, top: ast.AST, block: Block, scope: Scope) -> None:
        applied: dict[ast.Call, ast.Call] = {}  # cacheable(ignore="x") -> cacheable(ignore="x")(f)
        pending = [top]  # a stack of our own: expressions may be nested a thousand deep
        while pending:
            node = pending.pop()
            match node:
                case ast.Name(id=name):
                    if name not in self._relevant:
                        continue
                    if isinstance(node.ctx, ast.Store):
                        self._bind(scope, name, node, block)
                    else:
                        delete = isinstance(node.ctx, ast.Del)
                        self.uses.append(Use(scope, name, (), node, delete=delete))
                case ast.Attribute():
                    chain = _chain(node)
                    if chain is None:
                        pending.append(node.value)
                    elif chain[0].id in self._relevant:
                        self.uses.append(Use(scope, chain[0].id, chain[1], node))
                case ast.Call(func=ast.Name() | ast.Attribute() as function):
                    chain = _chain(function)
                    if chain is not None and chain[0].id in self._relevant:
                        use = Use(scope, chain[0].id, chain[1], function, call=node)
                        use.applied = applied.pop(node, node if node.args else None)
                        self.uses.append(use)
                    else:
                        pending.append(function)
                    pending.extend((*node.args, *node.keywords))
                case ast.Call(func=ast.Call(args=[]) as made):
                    applied[made] = node
                    pending.extend((*node.args, *node.keywords, made))
                case ast.Lambda():
                    inner = Scope(Kind.FUNCTION, scope.inner("<lambda>"), scope)
                    self._arguments(node.args, block, scope, inner)
                    self._expression(node.body, block, inner)
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    self._comprehension(node, block, scope)
                case ast.Constant():
                    pass
                case _:
                    captured = getattr(node, "name", None) or getattr(node, "rest", None)
                    if isinstance(captured, str):  # match patterns and type parameters
                        self._bind(scope, captured, node, block)
                    pending.extend(ast.iter_child_nodes(node))

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp,
        block: Block,
        scope: Scope,
    ) -> None:
        inner = Scope(Kind.COMPREHENSION, scope.qualname, scope)
        for number, generator in enumerate(node.generators):
            self._expression(generator.iter, block, scope if number == 0 else inner)
            for target in ast.walk(generator.target):
                if isinstance(target, ast.Name) and target.id in self._relevant:
                    inner.bindings[target.id].append(Binding(inner, target.id, target, block))
            for condition in generator.ifs:
                self._expression(condition, block, inner)
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for part in parts:
            self._expression(part, block, inner)

    def _note_assigned(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=value):
                self.assigned[value] = name
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as value):
                self.assigned[value] = name

    def label(self, use: Use) -> str | None:
        """The qualified name of what a use makes: of the decorated function, or of
        ``f = cacheable(g)``; None where it is neither decorated nor applied."""
        if use.decorates is not None:
            return use.scope.inner(use.decorates.name)
        if use.given is None:
            return None
        name = self.assigned.get(use.whole)
        return use.scope.inner(name) if name else ast.unparse(use.given)

    def _note_exports(self, node: ast.stmt) -> None:
        if b"__all__" in self.source.segment(node):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    self.exports.add(part.value)


def _chain(node: ast.AST) -> tuple[ast.Name, tuple[str, ...]] | None:
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return node, tuple(reversed(attributes))
