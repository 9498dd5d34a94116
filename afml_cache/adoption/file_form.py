"""What a file of Python does, in one digest, the caches' decorators and their imports set aside.

A migration in steps changes both at every step: what it leaves, and what it puts in, is no edit of
the code that older results belong to.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from xxhash import xxh3_128_digest

from afml_cache.adoption.recorded import CACHES, is_named_as_cache
from afml_cache.keys.normal import normal_form
from afml_cache.keys.parsing import syntax_tree

#: joblib's `cache` is too common a name: what is imported under it may be anything.
_IMPORTED = CACHES - {"cache"}

_PACKAGES = ("afml.cache", "afml_cache")


def form(source: bytes) -> bytes:
    """The digest of what a file does; equal for two that differ in their caches alone."""
    return _form_of(_Held(xxh3_128_digest(source), source))


class _Held:
    """A text that is remembered by its digest alone."""

    __slots__ = ("_digest", "source")

    def __init__(self, digest: bytes, source: bytes) -> None:
        self._digest, self.source = digest, source

    def __hash__(self) -> int:
        return hash(self._digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other._digest == self._digest


@functools.lru_cache(maxsize=1024)
def _form_of(held: _Held) -> bytes:
    try:
        tree = syntax_tree(held.source)
        renamed = _take_imports_out(tree)
        return xxh3_128_digest(normal_form(tree, lambda one: _is_caches(one, renamed)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return xxh3_128_digest(held.source)


def _is_caches(decorator: ast.expr, renamed: frozenset[str]) -> bool:
    if is_named_as_cache(decorator):
        return True
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in renamed


def _take_imports_out(tree: ast.Module) -> frozenset[str]:
    """Take the imports of the caches out; the other names that they gave to decorators.

    What is imported and used as a value stays visible where it is used.
    """
    renamed: set[str] = set()
    for node in ast.walk(tree):
        for _, body in ast.iter_fields(node):
            if not (isinstance(body, list) and body and isinstance(body[0], ast.stmt)):
                continue
            kept = []
            for statement in body:
                if isinstance(statement, ast.Import | ast.ImportFrom):
                    ours = list(_caches_in(statement))
                    if isinstance(statement, ast.ImportFrom):
                        renamed |= {one.asname for one in ours if one.asname}
                    statement.names = [one for one in statement.names if one not in ours]
                    if not statement.names:
                        continue
                kept.append(statement)
            body[:] = kept
    return frozenset(renamed)


def _caches_in(statement: ast.Import | ast.ImportFrom) -> Iterator[ast.alias]:
    for one in statement.names:
        if isinstance(statement, ast.Import):
            if _is_package(one.name):
                yield one
        elif one.name in _IMPORTED or (one.name == "*" and _is_package(statement.module or "")):
            yield one


def _is_package(name: str) -> bool:
    return f"{name}.".startswith(tuple(f"{package}." for package in _PACKAGES))
