"""What a source file binds at its top, name by name: functions, classes, constants.

What a program sets before it calls a function is not known when a migration is applied, and code
that is not imported then is not known either. What is written in the files is; and whether the
statements that bind a name are still the same can be told later without running any of them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xxhash import xxh3_128_digest

from afml_cache.adoption.recorded import CACHES
from afml_cache.keys.normal import normal_form

#: What stands for all lambdas of a file: they have no names of their own.
LAMBDAS = "<lambda>"


@dataclass(frozen=True, slots=True)
class Written:
    """What a file binds at its top.

    Parameters
    ----------
    forms : mapping
        Name -> digest of the statements that bind it. The decorators of caches leave no trace in
        it, nor do comments, docstrings and formatting.
    imports : mapping
        Name -> the dots, the module and the name of the ``from`` import that binds it.
    """

    forms: Mapping[str, bytes]
    imports: Mapping[str, tuple[int, str, str]]


def written(source: bytes) -> Written:
    """What a file binds; raises whatever parsing it raises."""
    return _parsed(_Held(xxh3_128_digest(source), source))


def top_name(qualname: str) -> str:
    """The name at the top of a file that leads to a part of its code.

    >>> top_name("Model.fit"), top_name("times.<locals>.decorate"), top_name("<lambda>")
    ('Model', 'times', '<lambda>')
    """
    return qualname.partition(".")[0]


class _Held:
    """A text that is held by its digest alone."""

    __slots__ = ("_digest", "source")

    def __init__(self, digest: bytes, source: bytes) -> None:
        self._digest, self.source = digest, source

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other._digest == self._digest


@functools.lru_cache(maxsize=32)
def _parsed(held: _Held) -> Written:
    forms: dict[str, list[bytes]] = {}
    imports: dict[str, tuple[int, str, str]] = {}
    for statement in _at_the_top(ast.parse(held.source)):
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                name = alias.asname or alias.name
                origin = (statement.level, statement.module or "", alias.name)
                imports[name] = origin
                forms.setdefault(name, []).append(repr(origin).encode())
            continue
        form = _form(statement)
        for name in _bound(statement):
            forms.setdefault(name, []).append(form)
        if any(isinstance(node, ast.Lambda) for node in ast.walk(statement)):
            forms.setdefault(LAMBDAS, []).append(form)
    digests = {name: xxh3_128_digest(b"\0".join(found)) for name, found in forms.items()}
    return Written(digests, imports)


def _at_the_top(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those under ``if``, ``try``, ``with`` and loops included."""
    todo: list[ast.AST] = list(reversed(tree.body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler):
            todo += reversed(list(ast.iter_child_nodes(node)))
        if isinstance(node, ast.stmt):
            yield node


def _form(statement: ast.stmt) -> bytes:
    form = normal_form(statement, _is_caches)
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        # The normal form of a function leaves out its own decorators and defaults.
        around = [d for d in statement.decorator_list if not _is_caches(d)]
        if not isinstance(statement, ast.ClassDef):
            around += statement.args.defaults
            around += [d for d in statement.args.kw_defaults if d is not None]
        form += b"\0".join(normal_form(part) for part in around)
    return form


def _is_caches(decorator: ast.expr) -> bool:
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    name = decorator.attr if isinstance(decorator, ast.Attribute) else None
    name = decorator.id if isinstance(decorator, ast.Name) else name
    return name in CACHES


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds, or changes (``X[...] = ``, ``X.a = ``, ``X.add()``)."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign | ast.For):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        targets = [statement.value.func]
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                yield node.id
