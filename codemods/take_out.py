"""Taking decorators, imported names and entries of ``__all__`` out of a file, whoever set them.

What is asked for is taken where it stands now; whether it may go is for the caller to decide.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from codemods.edits import Edit
from codemods.rules import Offer
from codemods.scopes import Block, Import
from codemods.source import Source
from codemods.statements import StatementChange

REASON = "undoes what was added"

#: Stands above the guarded import that `adopt-init` writes.
OPTIONAL_COMMENT = b"# MLflow integration (optional)"


def decorator_out(source: Source, decorator: ast.expr) -> Edit | None:
    """Take a decorator away, with its lines; None where it shares them with something else."""
    begin = source.line_starts[decorator.lineno - 1]
    before = source.utf8[begin : source.start(decorator)]
    number = decorator.end_lineno or decorator.lineno
    ends = source.line_starts[number] if number < len(source.line_starts) else len(source.utf8)
    after = source.utf8[source.end(decorator) : ends].strip()
    if before.strip() not in (b"@", b"@(") or after not in (b"", b")"):
        return None
    return Edit(begin, ends, source.utf8[begin:ends], b"", REASON)


def imports_out(source: Source, names: Collection[str]) -> list[Edit]:
    """Take the imports that bind ``names`` at the top of a module away."""
    edits: list[Edit] = []
    for block, statement in _imports(source.tree):
        gone = {n for n, a in enumerate(statement.names) if _local(statement, a) in names}
        if not gone:
            continue
        if len(gone) == len(statement.names):
            whole = _guard_of(source.tree, statement) or statement
            edit = lines_out(source, whole)
            if edit is not None and (whole is not statement or block.owner is None):
                edits.append(edit)
                continue
        if isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            change = StatementChange(statement, block, Offer(module, module, ""), remove=gone)
            edits += change.edits(source)[0]
    return edits


def lines_out(source: Source, statement: ast.stmt) -> Edit | None:
    """Take away the lines of a statement and one of two empty lines around it.

    None where it shares its lines with other statements.
    """
    starts, data = source.line_starts, source.utf8
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    begin = starts[first - 1]
    end = starts[last] if last < len(starts) else len(data)
    rest = data[source.end(statement) : end].strip()
    if data[begin : source.start(statement)].strip() or (rest and not rest.startswith(b"#")):
        return None
    if first > 1 and source.line(first - 1).strip() == OPTIONAL_COMMENT:
        first -= 1
        begin = starts[first - 1]
    empty_above = first > 1 and not source.line(first - 1).strip()
    if empty_above and (last >= len(starts) or not source.line(last + 1).strip()):
        begin = starts[first - 2]
    return Edit(begin, end, data[begin:end], b"", REASON)


def uses(tree: ast.Module, name: str) -> int | None:
    """The first line that uses ``name`` as a name."""
    lines = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]
    return min(lines, default=None)


def imported(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """The names that imports at the top of a module bind: to what of which module."""
    found: dict[str, tuple[str, str]] = {}
    for _, statement in _imports(tree):
        for alias in statement.names:
            module = ""
            if isinstance(statement, ast.ImportFrom):
                module = "." * statement.level + (statement.module or "")
            found[_local(statement, alias)] = module, alias.name
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[Block, Import]]:
    """Imports that are run with the module, with their blocks."""
    pending: list[tuple[Sequence[ast.stmt], ast.stmt | None]] = [(tree.body, None)]
    while pending:
        statements, owner = pending.pop(0)
        block = Block(list(statements), owner)
        for statement in statements:
            if isinstance(statement, Import):
                yield block, statement
            elif isinstance(statement, ast.Try | ast.If | ast.With):
                for name in ("body", "orelse", "finalbody"):
                    pending.append((getattr(statement, name, []), statement))


def _guard_of(tree: ast.Module, statement: Import) -> ast.Try | None:
    """The ``try`` that we have put around an optional import, if it is still just that."""
    for node in tree.body:
        if not isinstance(node, ast.Try) or node.body != [statement] or len(node.handlers) != 1:
            continue
        if node.orelse or node.finalbody:
            continue
        text = ast.unparse(node.handlers[0])
        if text in (
            "except ImportError:\n    MLFLOW_AVAILABLE = False",
            "except ImportError:\n    pass",
        ):
            return node
    return None


def _local(statement: Import, alias: ast.alias) -> str:
    if alias.asname:
        return alias.asname
    return alias.name if isinstance(statement, ast.ImportFrom) else alias.name.partition(".")[0]
