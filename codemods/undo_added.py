"""Taking what ``adopt-init`` and ``decorate`` have added out of a file that was edited since.

First by text, as :mod:`codemods.undo` does; where lines have changed around it, by meaning: a
decorator goes if it is still as it was written, an import if nothing needs it any more.
"""

from __future__ import annotations

import ast

from codemods.definitions import Definition, definitions, last_name
from codemods.draft import Rewrite
from codemods.edits import Edit, inverse, splice
from codemods.exports import exports
from codemods.journal import FileRecord
from codemods.rules import CACHING
from codemods.source import Source, Unreadable
from codemods.string_list import take_out
from codemods.take_out import REASON, decorator_out, imported, imports_out, uses
from codemods.undo import Conflict, undo_by_text


def undo_added(record: FileRecord, before: bytes, now: bytes) -> tuple[bytes, list[Conflict]]:
    """The file without what was added, and the conflicts that remain.

    Parameters
    ----------
    record : FileRecord
        What was added to it.
    before, now : bytes
        The file before that, and as it is.
    """
    after = splice(before, record.edits)
    old, new = Source(before).tree, Source(after).tree
    names = {name: origin for name, origin in imported(new).items() if name not in imported(old)}
    undone, complete = undo_by_text(after, inverse(record.edits), now)
    by_text = splice(now, undone)
    if complete and _stands(by_text, now, set(names)):
        return by_text, []
    try:
        listed = exports(new).listed - exports(old).listed
        result, conflicts = _by_meaning(record, now, names, listed)
        Source(result)
    except Unreadable as error:
        theirs = f"a file that {error.finding.text}"
        return now, [Conflict(record.path, error.finding.line, "what was added to it", theirs)]
    return result, conflicts


def _stands(result: bytes, now: bytes, names: set[str]) -> bool:
    """Whether the result parses, and no name has lost its import that is still used."""
    try:
        return _unbound(result, names) <= _unbound(now, names)
    except Unreadable:
        return False


def _unbound(data: bytes, names: set[str]) -> set[str]:
    tree = Source(data).tree
    there = imported(tree)
    return {name for name in names if name not in there and _needed(tree, name)}


def _needed(tree: ast.Module, name: str) -> int | None:
    """The line that needs the name: uses it, or hands it on in ``__all__``."""
    line = uses(tree, name)
    if line is None and name in exports(tree).listed:
        return exports(tree).line
    return line


def _by_meaning(
    record: FileRecord, now: bytes, names: dict[str, tuple[str, str]], listed: frozenset[str]
) -> tuple[bytes, list[Conflict]]:
    source = Source(now)
    there: dict[str, list[Definition]] = {}
    for definition in definitions(source.tree):
        there.setdefault(definition.name, []).append(definition)
    edits: list[Edit] = []
    conflicts: list[Conflict] = []
    for rewrite in record.rewrites:
        if rewrite.function:
            answer = _decorator(record, source, rewrite, there.get(rewrite.function, []))
            if isinstance(answer, Conflict):
                conflicts.append(answer)
            elif answer is not None:
                edits.append(answer)
    literal = exports(source.tree).literal
    if literal is not None:
        edits += take_out(source, literal, listed, REASON)
    source = Source(splice(source.data, source.placed(edits)))
    ours = {name for name, origin in names.items() if imported(source.tree).get(name) == origin}
    needed = {name: _needed(source.tree, name) for name in ours}
    for name, line in needed.items():
        if line is not None and any(r.new == name and not r.function for r in record.rewrites):
            text = f"{name} of {names[name][0]}"
            conflicts.append(Conflict(record.path, line, text, f"{name} is used here now"))
    edits = imports_out(source, {name for name, line in needed.items() if line is None})
    return splice(source.data, source.placed(edits)), conflicts


def _decorator(
    record: FileRecord, source: Source, rewrite: Rewrite, there: list[Definition]
) -> Edit | Conflict | None:
    """The edit that takes the decorator away; None where that has been done already."""
    ours = f"@{rewrite.new} on {rewrite.function}"
    about = f"{record.path}: {rewrite.function}"
    written = ast.parse(rewrite.new, mode="eval").body
    if not there:
        return Conflict(record.path, 0, ours, "no function of that name", about)
    for definition in there:
        for decorator in definition.node.decorator_list:
            if ast.unparse(decorator) == ast.unparse(written):
                edit = decorator_out(source, decorator)
                if edit is not None:
                    return edit
    texts = [
        f"@{ast.unparse(decorator)}"
        for definition in there
        for decorator in definition.node.decorator_list
        if last_name(decorator) in CACHING or _called(decorator) == _called(written)
    ]
    if not texts:
        return None
    standing = any(text.startswith(f"@{_called(written)}") for text in texts)
    line = there[0].node.lineno
    return Conflict(record.path, line, ours, ", ".join(texts), "" if standing else about)


def _called(decorator: ast.expr) -> str:
    return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
