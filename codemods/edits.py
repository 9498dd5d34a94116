"""Byte splices: what is replaced where, and how a list of them is carried out or undone.

An edit keeps the bytes it replaces, so that a stale one is noticed instead of damaging a
file, and so that it can be turned around.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


class StaleEditError(ValueError):
    """The bytes at an edit's place are not the ones it was planned on."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace ``old`` (the bytes from ``start`` to ``end``) by ``new``.

    >>> splice(b"@cacheable", [Edit(1, 10, b"cacheable", b"robust_cacheable", "why")])
    b'@robust_cacheable'
    """

    start: int
    end: int
    old: bytes
    new: bytes
    reason: str


def splice(data: bytes, edits: Iterable[Edit]) -> bytes:
    """``data`` with every edit carried out.

    Raises
    ------
    StaleEditError
        An edit was planned on other bytes, or two edits overlap.
    """
    pieces: list[bytes] = []
    done = 0
    for edit in sorted(edits):
        if edit.start < done or data[edit.start : edit.end] != edit.old:
            raise StaleEditError(f"the bytes at {edit.start} are not {edit.old!r}")
        pieces += (data[done : edit.start], edit.new)
        done = edit.end
    pieces.append(data[done:])
    return b"".join(pieces)


def inverse(edits: Iterable[Edit]) -> list[Edit]:
    """The edits that undo ``edits``, placed on the bytes that :func:`splice` returned.

    Edits that touch there come back as one: two deletions in a row leave one place, at which
    their order could not be told any more.
    """
    undo: list[Edit] = []
    shift = 0
    for edit in sorted(edits):
        start = edit.start + shift
        end, old, new = start + len(edit.new), edit.new, edit.old
        if undo and undo[-1].end == start:
            last = undo.pop()
            start, old, new = last.start, last.old + old, last.new + new
        undo.append(Edit(start, end, old, new, edit.reason))
        shift += len(edit.new) - len(edit.old)
    return undo


def merged(edits: Iterable[Edit]) -> list[Edit]:
    """Edits with what is put in at one place as one, in the order in which it is given.

    >>> [e.new for e in merged([Edit(0, 0, b"", b"z", ""), Edit(0, 0, b"", b"a", "")])]
    [b'za']
    """
    found: dict[tuple[int, int], Edit] = {}
    for edit in edits:
        place = edit.start, edit.end
        before = found.get(place)
        if before is not None and edit.start == edit.end:
            found[place] = replace(before, new=before.new + edit.new)
        else:
            found[place] = edit
    return list(found.values())


_TOKEN = re.compile(rb"#[^\r\n]*+|\w+|\s|[^\w\s]")


def smallest(start: int, old: bytes, new: bytes, reason: str) -> list[Edit]:
    """The edits that turn ``old``, which lies at ``start``, into ``new``, token by token.

    >>> [(e.start, e.old, e.new) for e in smallest(7, b"a, b", b"a, c, b", "why")]
    [(10, b'', b'c, ')]
    """
    a: Sequence[bytes] = _TOKEN.findall(old)
    b: Sequence[bytes] = _TOKEN.findall(new)
    offsets = [start]
    for token in a:
        offsets.append(offsets[-1] + len(token))
    same = 0  # what both begin with and end with need not be compared with everything else
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    ends = 0
    while ends < min(len(a), len(b)) - same and a[-ends - 1] == b[-ends - 1]:
        ends += 1
    middle = a[same : len(a) - ends], b[same : len(b) - ends]
    matcher = difflib.SequenceMatcher(None, *middle, autojunk=False)
    return [
        Edit(
            offsets[same + i1],
            offsets[same + i2],
            b"".join(middle[0][i1:i2]),
            b"".join(middle[1][j1:j2]),
            reason,
        )
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def by_lines(start: int, old: bytes, new: bytes, reason: str) -> list[Edit]:
    """As :func:`smallest`, for long texts: only lines that differ are compared by tokens.

    >>> [(e.start, e.old, e.new) for e in by_lines(0, b"a\\nb\\nc", b"a\\nx\\nc", "why")]
    [(2, b'b', b'x')]
    """
    a, b = old.splitlines(keepends=True), new.splitlines(keepends=True)
    offsets = [start]
    for line in a:
        offsets.append(offsets[-1] + len(line))
    edits: list[Edit] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag != "equal":
            edits += smallest(offsets[i1], b"".join(a[i1:i2]), b"".join(b[j1:j2]), reason)
    return edits
