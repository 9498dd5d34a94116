"""Taking our own edits out of a file that somebody has edited since.

First by text: lines that we wrote and that are still as we wrote them become what they were.
Where that does not account for every edit, by meaning: the same engine runs backwards, for
the recorded functions only. A decorator that a person wrote is never touched.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace

from codemods.decorators_there import Decorated, decorated
from codemods.draft import Rewrite
from codemods.edits import Edit, inverse, splice
from codemods.findings import Finding
from codemods.journal import FileRecord
from codemods.plan import plan
from codemods.resolve import Names
from codemods.rules import LEGACY, NEW, Rules
from codemods.source import Source, Unreadable

_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something of the migration that could not be undone."""

    path: str
    line: int  #: in the file as it is; 0 where there is no place
    ours: str  #: what the migration left there
    theirs: str  #: what is there now
    #: What it is about, where nothing of the migration is left there: once that has been said,
    #: there is nothing more to undo. Empty where the migration's own text still stands.
    settles: str = ""
    cell: int = 0  #: of a notebook, from 1; the line is one of the cell then


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
    edits, conflicts = undoing(record, before, now, package, sources)
    return splice(now, edits), conflicts


def undoing(
    record: FileRecord,
    before: bytes,
    now: bytes,
    package: tuple[str, ...] = (),
    sources: tuple[str, ...] = (),
) -> tuple[tuple[Edit, ...], list[Conflict]]:
    """What :func:`undo` does, as edits of ``now``."""
    after = splice(before, record.edits)
    edits, complete = undo_by_text(after, inverse(record.edits), now)
    by_text = splice(now, edits)
    back = {rewrite.function: rewrite.old for rewrite in record.rewrites}
    rules = Rules(more_sources=sources, back=back, call_forms=True)
    known = _arguments(decorated(before, package, rules))
    if (
        complete
        and _holds_together(by_text, now, package, rules)
        and _arguments(decorated(by_text, package, rules)) <= known
    ):
        return edits, []
    there = decorated(now, package, rules)
    refused = {name for name, found in there.items() if not found.arguments <= known}
    others = {r.function for r in record.rewrites if _shows_another(there.get(r.function), r)}
    left = refused | others  # somebody has written there since
    rules = replace(rules, back={name: old for name, old in back.items() if name not in left})
    result = plan(now, package, rules)
    if result.findings:
        return (), [unreadable(record.path, finding) for finding in result.findings]
    done = {rewrite.function for rewrite in result.rewrites}
    conflicts = [
        _conflict(record.path, rewrite, there.get(rewrite.function), rewrite.function in refused)
        for rewrite in record.rewrites
        if rewrite.function not in done
        and not _shows_the_old_one(there.get(rewrite.function), rewrite)
    ]
    return result.edits, conflicts


def _arguments(found: Mapping[str, Decorated]) -> set[str]:
    """What is written in decorators of a file that no legacy decorator takes."""
    return {text for there in found.values() for text in there.arguments}


def _shows_the_old_one(there: Decorated | None, rewrite: Rewrite) -> bool:
    """Whether it has been undone already, by an earlier rollback or by somebody."""
    if there is None:
        return False
    return rewrite.new not in there.names and (
        rewrite.old in there.names or f"@{rewrite.old}" in there.texts
    )


def _shows_another(there: Decorated | None, rewrite: Rewrite) -> bool:
    """Whether somebody has put another decorator of the cache in the place of ours."""
    return (
        there is not None
        and bool(there.names & (NEW | LEGACY) - {rewrite.old})
        and rewrite.new not in there.names
    )


def _conflict(
    path: str, rewrite: Rewrite, there: Decorated | None, refused: bool = False
) -> Conflict:
    ours = f"@{rewrite.new} on {rewrite.function}"
    about = f"{path}: {rewrite.function}"
    if there is None:
        return Conflict(path, 0, ours, "no function of that name", about)
    now = ", ".join(there.texts) or "no decorator"
    if refused:
        now += f" (@{rewrite.old} takes no other argument than ignore=)"
    standing = rewrite.new in there.names
    return Conflict(path, there.line, ours, now, "" if standing else about)


def unreadable(path: str, finding: Finding) -> Conflict:
    """The conflict of a file that cannot be read any more."""
    says_what_it_is = finding.text.startswith(("is ", "does ", "cannot "))
    theirs = f"a file that {finding.text}" if says_what_it_is else finding.text
    return Conflict(path, finding.line, "the migrated file", theirs)


def undo_by_text(after: bytes, edits: list[Edit], now: bytes) -> tuple[tuple[Edit, ...], bool]:
    """The edits of lines that are still as we left them, placed there; whether these are all."""
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
    there = [0]
    for line in theirs:
        there.append(there[-1] + len(line))
    result: list[Edit] = []
    complete = True
    for first, last, these in hunks:
        lines = [place.get(number) for number in range(first, min(last, len(ours)))]
        if not lines or None in lines or lines[-1] - lines[0] != len(lines) - 1:  # type: ignore[operator]
            complete = False
            continue
        at = lines[0]
        assert at is not None
        by = there[at] - starts[first]
        result += [Edit(e.start + by, e.end + by, e.old, e.new, e.reason) for e in these]
    return tuple(result), complete


def _holds_together(result: bytes, now: bytes, package: tuple[str, ...], rules: Rules) -> bool:
    """Whether the result parses, and every decorator that had an import still has one."""
    try:
        return _unbound(result, package, rules) <= _unbound(now, package, rules)
    except Unreadable:
        return False


def _unbound(data: bytes, package: tuple[str, ...], rules: Rules) -> set[str]:
    names = Names(Source(data), package, rules, always=True)
    return {use.name for use in names.uses if names.owner(use.scope, use.name) is None}
