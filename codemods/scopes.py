"""What names resolve to, as values: scopes, the places that bind a name in them, its uses."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

Function = ast.FunctionDef | ast.AsyncFunctionDef
Import = ast.Import | ast.ImportFrom


class Kind(Enum):
    """The kinds of scope that differ in what their names are visible to."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    COMPREHENSION = "comprehension"


@dataclass(eq=False, slots=True)
class Binding:
    """One place that gives a name a meaning."""

    scope: Scope
    name: str
    node: ast.AST
    block: Block
    target: str | None = None  #: the qualified name that an import gives it; None: anything else
    statement: Import | None = None
    alias: ast.alias | None = None
    star: bool = False  #: it came with ``import *``
    elsewhere: bool = False  #: bound through ``global`` or ``nonlocal`` in another scope


@dataclass(eq=False, slots=True)
class Block:
    """A list of statements, and the compound statement that it belongs to."""

    statements: list[ast.stmt]
    owner: ast.stmt | ast.ExceptHandler | ast.match_case | None = None
    outer: Block | None = None


@dataclass(eq=False, slots=True)
class Scope:
    """A region of the file with names of its own."""

    kind: Kind
    qualname: str
    parent: Scope | None = None
    body: Block | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)

    @property
    def module(self) -> Scope:
        """The outermost scope."""
        return self if self.parent is None else self.parent.module

    def inner(self, name: str) -> str:
        """The qualified name of something called ``name`` that is defined here."""
        if not self.qualname:
            return name
        middle = ".<locals>." if self.kind is Kind.FUNCTION else "."
        return f"{self.qualname}{middle}{name}"


@dataclass(eq=False, slots=True)
class Use:
    """One place that uses a name, with the attributes taken from it: ``c.cacheable``."""

    scope: Scope
    name: str
    attributes: tuple[str, ...]
    node: ast.Name | ast.Attribute  #: the whole chain
    decorates: Function | ast.ClassDef | None = None
    call: ast.Call | None = None  #: it is called: ``@cacheable(...)``, ``cacheable(f)``
    applied: ast.Call | None = None  #: it is called with something: ``cacheable(f)``
    delete: bool = False

    @property
    def given(self) -> ast.expr | None:
        """The ``f`` of ``cacheable(f)`` and of ``cacheable(ignore="x")(f)``."""
        if self.applied is None or len(self.applied.args) != 1:
            return None
        return self.applied.args[0]

    @property
    def whole(self) -> ast.expr:
        """The use with all that it is called with."""
        return self.applied or self.call or self.node


def every_argument(arguments: ast.arguments) -> Iterator[ast.arg]:
    """All parameters of a function, ``*args`` and ``**kwargs`` included, in order."""
    yield from arguments.posonlyargs
    yield from arguments.args
    if arguments.vararg:
        yield arguments.vararg
    yield from arguments.kwonlyargs
    if arguments.kwarg:
        yield arguments.kwarg


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """What belongs to a function itself, not to functions and classes inside of it."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
