"""Which names outside itself a piece of source reads, and which it rebinds.

The answer comes from the syntax tree by Python's scoping rules, so it is the same however the
code was compiled. Names are chains: ``features.scale.factor`` is ``("features", "scale",
"factor")``. What the names stand for is found out elsewhere.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType

Chain = tuple[str, ...]

#: Methods that change the container they belong to.
_MUTATORS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert"),
        *("intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "setdefault"),
        *("sort", "symmetric_difference_update", "update"),
    }
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Import:
    """``from module import name`` (``name`` None: ``import module``) inside a function."""

    module: str
    level: int
    name: str | None


@dataclass(slots=True)
class Reach:
    """The names that a function reads and rebinds outside its own scopes.

    ``outside`` holds chains from a global or free variable, ``own`` what is asked of the first
    parameter (``self.x`` is ``("x",)``; bare ``self`` is ``()``), ``above`` what is asked of
    ``super()``, ``imported`` what is asked of names that the body itself imports. ``rebound``
    holds outside chains that are assigned to, deleted, or changed in place.
    """

    outside: set[Chain] = field(default_factory=set)
    own: set[Chain] = field(default_factory=set)
    above: set[Chain] = field(default_factory=set)
    imported: set[tuple[Import, Chain]] = field(default_factory=set)
    rebound: set[Chain] = field(default_factory=set)


def reach_of(
    root: ast.AST, ignores_decorator: Callable[[ast.expr], bool] = lambda _: False
) -> Reach:
    """What a function definition or lambda reaches.

    Its decorators, defaults and annotations are no part of its body and do not count here.
    """
    return _Walk(root, ignores_decorator).reach


def chain_of(node: ast.expr) -> Chain | None:
    """``a.b.c`` as ``("a", "b", "c")``; None where it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return (node.id, *reversed(names))


@dataclass(slots=True, eq=False)
class _Scope:
    is_class: bool
    parent: _Scope | None
    bound: set[str] = field(default_factory=set)
    imports: dict[str, Import] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)  # declared global

    def find(self, name: str) -> _Scope | None:
        """The scope inside the function that binds the name; None: it comes from outside."""
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.outer:
                return None
            if name in scope.bound and (scope is self or not scope.is_class):
                return scope
            scope = scope.parent
        return None


class _Walk:
    """One pass over a function. The order of visits does not matter: all results are sets."""

    def __init__(self, root: ast.AST, ignores_decorator: Callable[[ast.expr], bool]) -> None:
        self.reach = Reach()
        self.own_name: str | None = None
        self.ignores_decorator = ignores_decorator
        self.todo: list[tuple[ast.AST, _Scope]] = []
        scope = self.root_scope = _Scope(is_class=False, parent=None)
        if isinstance(root, _FUNCTIONS):
            positional = [*root.args.posonlyargs, *root.args.args]
            self.own_name = positional[0].arg if positional else None
            self.enter_function(root, scope)
        else:
            self.todo.append((root, scope))
        while self.todo:
            self.visit(*self.todo.pop())

    def visit(self, node: ast.AST, scope: _Scope) -> None:
        if isinstance(node, _FUNCTIONS):
            outside_body = [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
            if not isinstance(node, ast.Lambda):
                outside_body += [d for d in node.decorator_list if not self.ignores_decorator(d)]
            self.push(outside_body, scope)
            self.enter_function(node, _Scope(is_class=False, parent=scope))
        elif isinstance(node, ast.ClassDef):
            self.push([*node.bases, *node.keywords, *node.decorator_list], scope)
            inner = _Scope(is_class=True, parent=scope)
            _bind(node.body, inner)
            self.push(node.body, inner)
        elif isinstance(node, _COMPREHENSIONS):
            self.enter_comprehension(node, scope)
        elif isinstance(node, ast.Name | ast.Attribute):
            self.name(node, scope)
        elif isinstance(node, ast.AnnAssign):
            self.push([node.target, *([node.value] if node.value else [])], scope)
        else:
            if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
                self.rebind(node.value, scope)
            elif isinstance(node, ast.Call):
                self.call(node, scope)
            elif isinstance(node, ast.AugAssign):
                target = chain_of(node.target)
                if target:
                    self.read(target, scope)
            self.push(ast.iter_child_nodes(node), scope)

    def push(self, nodes: Iterable[ast.AST], scope: _Scope) -> None:
        self.todo += [(node, scope) for node in nodes]

    def enter_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope
    ) -> None:
        args = node.args
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        scope.bound |= {a.arg for a in every if a is not None}
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(node.body)
        _bind(body, scope)
        self.push(body, scope)

    def enter_comprehension(self, node: ast.AST, scope: _Scope) -> None:
        inner = _Scope(is_class=False, parent=scope)
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]
        self.push([generators[0].iter], scope)
        for number, generator in enumerate(generators):
            _bind([generator.target], inner)
            self.push([generator.target, *generator.ifs], inner)
            if number:
                self.push([generator.iter], inner)
        if isinstance(node, ast.DictComp):
            self.push([node.key, node.value], inner)
        else:
            self.push([node.elt], inner)  # type: ignore[attr-defined]

    def name(self, node: ast.Name | ast.Attribute, scope: _Scope) -> None:
        chain = chain_of(node)
        if chain is None:
            self.expression_attribute(node, scope)
            return
        if isinstance(node.ctx, ast.Load):
            self.read(chain, scope)
        elif self.is_outside(chain[0], scope):
            self.reach.rebound.add(chain)

    def read(self, chain: Chain, scope: _Scope) -> None:
        home = scope.find(chain[0])
        if home is None:
            self.reach.outside.add(chain)
        elif chain[0] in home.imports:
            self.reach.imported.add((home.imports[chain[0]], chain[1:]))
        elif home is self.root_scope and chain[0] == self.own_name:
            self.reach.own.add(_of_the_class(chain[1:]))

    def expression_attribute(self, node: ast.AST, scope: _Scope) -> None:
        """``super().x``, ``type(self).x``, or an attribute of any other expression."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        chain = tuple(reversed(names))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            callee, arguments = node.func.id, [chain_of(a) for a in node.args]
            if callee in ("super", "type"):
                self.read((callee,), scope)
            if callee == "super":
                self.reach.above.add(chain)
                return
            if callee == "type" and arguments == [(self.own_name,)]:
                self.reach.own.add(chain)
                return
        self.push([node], scope)

    def call(self, node: ast.Call, scope: _Scope) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _MUTATORS:
            self.rebind(node.func.value, scope)

    def rebind(self, node: ast.expr, scope: _Scope) -> None:
        while isinstance(node, ast.Subscript):
            node = node.value
        chain = chain_of(node)
        if chain and self.is_outside(chain[0], scope):
            # The empty last name says: what the chain stands for is itself changed.
            self.reach.rebound.add((*chain, ""))

    def is_outside(self, name: str, scope: _Scope) -> bool:
        return scope.find(name) is None


def _of_the_class(chain: Chain) -> Chain:
    return chain[1:] if chain[:1] == ("__class__",) else chain


def _bind(nodes: Iterable[ast.AST], scope: _Scope) -> None:
    """Collect the names that statements bind in their own scope."""
    todo = list(nodes)
    nonlocals: set[str] = set()
    while todo:
        node = todo.pop()
        if isinstance(node, ast.NamedExpr):
            scope.bound.add(node.target.id)  # binds here even from inside a comprehension
            todo.append(node.value)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            scope.bound.add(node.name)
            continue
        if isinstance(node, _COMPREHENSIONS):
            todo += [child for child in ast.walk(node) if isinstance(child, ast.NamedExpr)]
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            scope.bound.add(node.id)
        elif isinstance(node, ast.Global):
            scope.outer.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, what in _imports(node):
                scope.bound.add(name)
                scope.imports[name] = what
        else:
            caught: str | None = None
            if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
                caught = node.name
            elif isinstance(node, ast.MatchMapping):
                caught = node.rest
            if caught:
                scope.bound.add(caught)
        todo += ast.iter_child_nodes(node)
    scope.bound -= nonlocals


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            what = Import(node.module or "", node.level, alias.name)
            yield alias.asname or alias.name, what
        elif alias.asname:
            yield alias.asname, Import(alias.name, 0, None)
        else:  # import a.b binds a
            yield alias.name.partition(".")[0], Import(alias.name.partition(".")[0], 0, None)


def reach_of_bytecode(code: CodeType) -> Reach:
    """What a function without source reaches, as far as its instructions tell."""
    reach = Reach()
    local: set[str] = set()
    todo = [code]
    while todo:
        part = todo.pop()
        todo += [const for const in part.co_consts if isinstance(const, CodeType)]
        chain: list[str] = []
        is_own = False
        for step in dis.get_instructions(part):
            if chain and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                chain.append(step.argval)
                continue
            if chain:
                (reach.own if is_own else reach.outside).add(tuple(chain[1:] if is_own else chain))
                chain, is_own = [], False
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"):
                chain = [step.argval]
            elif step.opname == "LOAD_FAST" and part is code and code.co_argcount:
                if step.argval == code.co_varnames[0]:
                    chain, is_own = [step.argval], True
            elif step.opname == "STORE_GLOBAL":
                reach.rebound.add((step.argval,))
        local.update(part.co_cellvars)
    # "@": names that pytest gives to what its asserts use.
    reach.outside = {c for c in reach.outside if c[0] not in local and "@" not in c[0]}
    return reach
