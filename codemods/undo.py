"""Taking our own edits out of a file that somebody has edited since.

First by text: lines that we wrote and that are still as we wrote them become what they were.
Where that does not account for every edit, by meaning: the same engine runs backwards, for
the recorded functions only. A decorator that a person wrote is never touched.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from dataclasses import dataclass

from codemods.edits import Edit, inverse, splice
from codemods.journal import FileRecord
from codemods.plan import plan
from codemods.resolve import Names
from codemods.rules import Rules
from codemods.source import Source, Unreadable

_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something of the migration that could not be undone."""

    path: str
    line: int  #: in the file as it is; 0 where there is no place
    ours: str  #: what the migration left there
    theirs: str  #: what is there now


def undo(
    record: FileRecord,
    before: bytes,
    now: bytes,
    package: tuple[str, ...] = (),
    sources: tuple[str, ...] = (),
) -> tuple[bytes, list[Conflict]]:
    """The file without our edits, and the conflicts that remain.

    Parameters
    ----------
    record : FileRecord
        What was done to it.
    before, now : bytes
        The file before the migration, and as it is.
    package : tuple of str
        The packages it lies in.
    sources : tuple of str
        Further source modules that the migration knew.
    """
    after = splice(before, record.edits)
    by_text, complete = _by_text(after, inverse(record.edits), now)
    back = {rewrite.function: rewrite.old for rewrite in record.rewrites}
    rules = Rules(more_sources=sources, back=back)
    if complete and _holds_together(by_text, now, package, rules):
        return by_text, []
    result = plan(now, package, rules)
    done = {rewrite.function for rewrite in result.rewrites}
    conflicts = [_conflict(record.path, finding.line, finding.text) for finding in result.findings]
    there = _decorators(now)
    for rewrite in record.rewrites:
        if rewrite.function in done or conflicts:
            continue
        line, found = there.get(rewrite.function, (0, ["is not there under that name"]))
        if found == [f"@{rewrite.old}"]:
            continue  # somebody has undone it already
        ours = f"@{rewrite.new} on {rewrite.function}"
        conflicts.append(Conflict(record.path, line, ours, ", ".join(found) or "no decorator"))
    return result.carry_out(now), conflicts


def _conflict(path: str, line: int, text: str) -> Conflict:
    return Conflict(path, line, "the migrated file", text)


def _by_text(after: bytes, edits: list[Edit], now: bytes) -> tuple[bytes, bool]:
    """Undo the edits in lines that are still as we left them; whether that was all of them."""
    ours, theirs = _LINES.findall(after), _LINES.findall(now)
    starts = [0]
    for line in ours:
        starts.append(starts[-1] + len(line))
    hunks: list[tuple[int, int, list[Edit]]] = []  # first line, line after the last, edits
    for edit in sorted(edits):
        first = max(bisect_right(starts, edit.start) - 1, 0)
        last = max(bisect_right(starts, max(edit.end - 1, edit.start)), first + 1)
        if hunks and first < hunks[-1][1]:
            hunks[-1] = (hunks[-1][0], max(last, hunks[-1][1]), [*hunks[-1][2], edit])
        else:
            hunks.append((first, last, [edit]))
    matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=len(ours) > 5000)
    place: dict[int, int] = {}
    for block in matcher.get_matching_blocks():
        place.update((block.a + n, block.b + n) for n in range(block.size))
    result, complete = list(theirs), True
    for first, last, these in hunks:
        lines = [place.get(number) for number in range(first, min(last, len(ours)))]
        if not lines or None in lines or lines[-1] - lines[0] != len(lines) - 1:  # type: ignore[operator]
            complete = False
            continue
        base = starts[first]
        shifted = [Edit(e.start - base, e.end - base, e.old, e.new, e.reason) for e in these]
        at = lines[0]
        assert at is not None
        result[at] = splice(b"".join(ours[first:last]), shifted)
        for number in range(at + 1, at + len(lines)):
            result[number] = b""
    return b"".join(result), complete


def _holds_together(result: bytes, now: bytes, package: tuple[str, ...], rules: Rules) -> bool:
    """Whether the result parses, and every decorator that had an import still has one."""
    try:
        return _unbound(result, package, rules) <= _unbound(now, package, rules)
    except Unreadable:
        return False


def _unbound(data: bytes, package: tuple[str, ...], rules: Rules) -> set[str]:
    names = Names(Source(data), package, rules, always=True)
    return {use.name for use in names.uses if names.owner(use.scope, use.name) is None}


def _decorators(data: bytes) -> dict[str, tuple[int, list[str]]]:
    """Line and decorators of every function, by qualified name."""
    import ast

    found: dict[str, tuple[int, list[str]]] = {}
    try:
        source = Source(data)
    except Unreadable:
        return found
    pending: list[tuple[ast.AST, str]] = [(source.tree, "")]
    while pending:
        node, prefix = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = prefix + child.name
                texts = [f"@{ast.unparse(decorator)}" for decorator in child.decorator_list]
                found[name] = child.lineno, texts
                inside = "." if isinstance(child, ast.ClassDef) else ".<locals>."
                pending.append((child, name + inside))
            elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                pending.append((child, prefix))
    return found
