"""Where an import statement goes that a file does not have yet: among those at its top.

Never inside of a compound statement, always below the docstring and ``from __future__``, and
where the imports are sorted in groups, at its place in the group that it belongs to.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codemods.edits import Edit
from codemods.imports import cut, in_order
from codemods.scopes import Import
from codemods.source import Source

WIDTH = 88  #: an import that would outgrow it gets brackets

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_COMMENT = re.compile(rb"[ \t\f]*#")

Order = tuple[bool, int, bool, str]


@dataclass(frozen=True, slots=True)
class NewImport:
    """A statement that is put in: the edit, and its position among the module's statements."""

    edit: Edit
    position: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """Statements that share lines; nothing can be put between them."""

    first: int  #: position of the first among the module's statements
    statements: tuple[ast.stmt, ...]

    @property
    def imports(self) -> bool:
        return all(isinstance(s, ast.Import | ast.ImportFrom) for s in self.statements)

    @property
    def line(self) -> int:
        return first_line(self.statements[0])

    @property
    def end_line(self) -> int:
        return self.statements[-1].end_lineno or self.statements[-1].lineno


def first_line(statement: ast.stmt) -> int:
    """The line that a statement begins on, its decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def spelled(source: Source, module: str, names: Sequence[str]) -> bytes:
    """``from module import names``, one a line in brackets where that would be too long.

    >>> spelled(Source(b""), "m", ["b", "A", "C_D"])
    b'from m import C_D, A, b'
    """
    ordered = in_order(names)
    return within_width(source, f"from {module} import {', '.join(ordered)}".encode())


def within_width(source: Source, line: bytes) -> bytes:
    """A ``from ... import`` in brackets, a name a line, where it would be too long without."""
    if len(line) <= WIDTH or re.search(rb"[\r\n#(]", line):
        return line
    names = cut(line)
    newline = source.newline
    lines = [b"    " + item.text + b"," + newline for item in names.items]
    return names.head.rstrip() + b" (" + newline + b"".join(lines) + b")"


def sorted_in(source: Source, line: bytes, before: ast.stmt, reason: str) -> NewImport:
    """Put an import where it belongs among the imports that stand above ``before``.

    Parameters
    ----------
    source : Source
        The file.
    line : bytes
        The import, one statement.
    before : ast.stmt
        The statement of the module that needs it.
    reason : str
        What the edit is for.
    """
    units = [unit for unit in _units(source.tree) if unit.end_line < first_line(before)]
    (statement,) = ast.parse(line).body
    assert isinstance(statement, ast.ImportFrom)
    groups = [group for group in _groups(units) if not _is_future(group)]
    if not groups:
        return at_the_top(source, line, reason)
    root = _root(statement)
    related = [g for g in groups if any(_root(s) == root for s in _statements(g))]
    foreign = [g for g in groups if any(_is_foreign(s) for s in _statements(g))]
    chosen = (related or foreign or [groups[-1]])[-1]
    alone = not related and not foreign and not any(s.level for s in _froms(chosen))
    searched = [u for u in units if not u.imports and _sets_the_path(source, u)]
    if searched and searched[-1].line > chosen[0].line:
        # What can be imported is only settled below this line.
        return after(source, searched[-1], line, reason, apart=True)
    follower = None if alone else _follower(chosen, statement)
    if follower is not None:
        at = source.line_starts[_above_comments(source, follower.line) - 1]
        newline = source.newline_at(at)
        return NewImport(Edit(at, at, b"", line + newline, reason), follower.first)
    return after(source, chosen[-1], line, reason, apart=alone)


def after(
    source: Source, unit: _Unit, text: bytes, reason: str, *, apart: bool = False
) -> NewImport:
    """Put ``text`` on lines of its own below ``unit``; ``apart``: with an empty line between."""
    starts, number = source.line_starts, unit.end_line
    position = unit.first + len(unit.statements)
    at = starts[number] if number < len(starts) else len(source.utf8)
    newline = source.newline_at(starts[number - 1])
    gap = newline if apart and source.line(number).strip() else b""
    if not _NEWLINE.search(source.utf8, starts[number - 1]):  # the file ends here, just so
        return NewImport(Edit(at, at, b"", newline + gap + text, reason), position)
    following = source.line(number + 1).strip() if number < len(starts) else b""
    close = newline if apart and following else b""
    return NewImport(Edit(at, at, b"", gap + text + newline + close, reason), position)


def below_imports(source: Source, text: bytes, reason: str) -> NewImport:
    """Put ``text`` below all imports at the top of the file, also those in ``try`` and ``if``.

    Parameters
    ----------
    source : Source
        The file.
    text : bytes
        One statement or more, with the comments that belong to them.
    reason : str
        What the edit is for.
    """
    found = None
    for unit in _units(source.tree):
        if isinstance(unit.statements[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        if any(_holds_imports(s) for s in unit.statements):
            found = unit
    if found is None or (found.imports and _is_future([found])):
        return at_the_top(source, text, reason)
    return after(source, found, text, reason, apart=True)


def at_the_top(source: Source, text: bytes, reason: str) -> NewImport:
    """Put ``text`` into a file without imports: below comments, docstring and the future."""
    units = list(_units(source.tree))
    head = [u for u in units if _is_head(source.tree, u.statements)]
    if head:
        return after(source, head[-1], text, reason, apart=True)
    number = 1
    while number <= len(source.line_starts) and _COMMENT.match(source.line(number)):
        number += 1
    lines = len(source.line_starts)
    at = source.line_starts[number - 1] if number <= lines else len(source.utf8)
    newline = source.newline_at(0)
    lead = newline if number > 1 and not source.utf8[:at].endswith((b"\n", b"\r")) else b""
    lead += newline if number > 1 else b""
    if not source.utf8[at:].strip():  # no code at all
        return NewImport(Edit(at, at, b"", lead + text + newline, reason), 0)
    body = source.tree.body
    first = body[0] if body else None
    gap = newline if source.line(number).strip() else b""
    if gap and isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        gap += newline
    return NewImport(Edit(at, at, b"", lead + text + newline + gap, reason), 0)


def _units(tree: ast.Module) -> Iterator[_Unit]:
    together: list[ast.stmt] = []
    for position, statement in enumerate(tree.body):
        if together and first_line(statement) > (together[-1].end_lineno or 0):
            yield _Unit(position - len(together), tuple(together))
            together = []
        together.append(statement)
    if together:
        yield _Unit(len(tree.body) - len(together), tuple(together))


def _groups(units: Sequence[_Unit]) -> list[list[_Unit]]:
    """Imports on lines that follow each other."""
    groups: list[list[_Unit]] = []
    last = 0
    for unit in units:
        if not unit.imports:
            last = 0
            continue
        if groups and last and unit.line == last + 1:
            groups[-1].append(unit)
        else:
            groups.append([unit])
        last = unit.end_line
    return groups


def _follower(group: Sequence[_Unit], new: Import) -> _Unit | None:
    """The unit that ``new`` goes before, where the group is sorted; None: after them all."""
    if any(len(unit.statements) > 1 for unit in group):
        return None
    for key in (_plain_first, _by_module):
        keys = [key(statement) for statement in _statements(group)]
        if keys == sorted(keys):
            return next((u for u, k in zip(group, keys, strict=True) if k > key(new)), None)
    return None


def _above_comments(source: Source, line: int) -> int:
    """The first of the comment lines above ``line``; itself where they open the file."""
    first = line
    while first > 1 and _COMMENT.match(source.line(first - 1)):
        first -= 1
    return first if first > 1 else line


def _sets_the_path(source: Source, unit: _Unit) -> bool:
    return any(
        isinstance(s, ast.Expr | ast.Assign | ast.AugAssign | ast.If | ast.For)
        and b"sys.path" in source.segment(s)
        for s in unit.statements
    )


def _plain_first(statement: Import) -> Order:
    """isort's order: ``import x`` before ``from x import y``, relative ones last."""
    level = getattr(statement, "level", 0)
    return level > 0, -level, isinstance(statement, ast.ImportFrom), _module(statement).lower()


def _by_module(statement: Import) -> Order:
    level = getattr(statement, "level", 0)
    return level > 0, -level, False, _module(statement).lower()


def _statements(group: Sequence[_Unit]) -> list[Import]:
    return [s for unit in group for s in unit.statements if isinstance(s, Import)]


def _froms(group: Sequence[_Unit]) -> list[ast.ImportFrom]:
    return [s for s in _statements(group) if isinstance(s, ast.ImportFrom)]


def _module(statement: Import) -> str:
    if isinstance(statement, ast.ImportFrom):
        return statement.module or ""
    return statement.names[0].name


def _root(statement: Import) -> str:
    """The distribution, so to say: ``afml`` and ``afml_cache`` belong together."""
    return _module(statement).partition(".")[0].removesuffix("_cache")


def _is_foreign(statement: Import) -> bool:
    level = getattr(statement, "level", 0)
    return not level and _module(statement).partition(".")[0] not in sys.stdlib_module_names


def _is_future(group: Sequence[_Unit]) -> bool:
    return all(_module(statement) == "__future__" for statement in _statements(group))


def _is_head(tree: ast.Module, statements: Sequence[ast.stmt]) -> bool:
    """The docstring, or an import from the future."""
    first = tree.body[0]
    return all(
        (s is first and isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)
         and isinstance(s.value.value, str))
        or (isinstance(s, ast.ImportFrom) and s.module == "__future__")
        for s in statements
    )  # fmt: skip


def _holds_imports(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if not isinstance(statement, ast.Try | ast.If | ast.With):
        return False
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(statement))
