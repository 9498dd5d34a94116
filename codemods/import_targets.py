"""Import statements of a file: where they stand, what they bind, and to what."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from codemods.rules import Rules
from codemods.scopes import Import


def imports_in(body: Iterable[ast.stmt]) -> Iterator[Import]:
    """Every import statement of a file, wherever it stands."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
            continue
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, name, None)
            if isinstance(below, list):
                pending.extend(below)


def local_name(statement: Import, alias: ast.alias) -> str:
    """The name that one part of an import binds.

    >>> local_name(ast.Import(), ast.alias("afml.cache"))
    'afml'
    """
    if isinstance(statement, ast.Import) and alias.asname is None:
        return alias.name.partition(".")[0]
    return alias.asname or alias.name


def qualified(statement: Import, alias: ast.alias, package: tuple[str, ...], rules: Rules) -> str:
    """The qualified name that one part of an import stands for.

    A relative one is its place on the disk, with a dot in front, unless it leads to a source.
    """
    if isinstance(statement, ast.Import):
        return alias.name if alias.asname else alias.name.partition(".")[0]
    star = alias.name == "*"
    if not statement.level:
        module = statement.module or ""
        return module if star else f"{module}.{alias.name}"
    above = len(package) - (statement.level - 1)
    if above <= 0:  # out of all packages
        return "." * statement.level + f"{statement.module or ''}.{alias.name}"
    parts = [*package[:above], *((statement.module,) if statement.module else ())]
    path = ".".join(parts if star else [*parts, alias.name])
    return rules.canonical(path, above) or "." + path
