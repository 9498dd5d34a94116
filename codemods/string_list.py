"""Putting strings into a list or tuple that is written out, and taking them out again.

A list of strings is cut and changed as the names of an import are: layout, quotes, comments
and trailing commas stay, and what was sorted stays sorted.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence

from codemods.edits import Edit, smallest
from codemods.imports import Item, NameList, changed
from codemods.source import Source

WIDTH = 88  #: a line that would outgrow it is broken

StringList = ast.List | ast.Tuple

_REST_OF_LINE = re.compile(rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_COMMA = re.compile(rb"((?:[ \t\f\r\n]|\\(?:\r\n|\r|\n)|#[^\r\n]*)*),")
_INDENT = re.compile(rb"[ \t\f]*")


def put_in(source: Source, there: StringList, names: Sequence[str], reason: str) -> list[Edit]:
    """The edits, in the UTF-8 bytes of the file, that put ``names`` into ``there``."""
    if not names:
        return []
    cut = _cut(source, there)
    quote = b"'" if cut.items and cut.items[0].text.endswith(b"'") else b'"'
    add = [quote + name.encode() + quote for name in names]
    old = source.segment(there)
    if cut.items:
        single = len(cut.items) == 1 and isinstance(there, ast.Tuple) and b"\n" not in old
        new = changed(cut, add=add, beside=len(cut.items) - 1)
        if single:  # the comma that makes ("a",) a tuple is needed no more
            new = re.sub(rb",(?=\s*\)\Z)", b"", new)
    else:
        comma = b"," if isinstance(there, ast.Tuple) and len(add) == 1 else b""
        new = old[:1] + b", ".join(add) + comma + old[1:]
    if not re.search(rb"[\r\n#]", old) and old[:1] in (b"[", b"("):
        new = _broken(source, there, new)
    return smallest(source.start(there), old, new, reason)


def take_out(source: Source, there: StringList, names: Collection[str], reason: str) -> list[Edit]:
    """The edits that take the elements that are one of ``names`` out of ``there``."""
    cut = _cut(source, there)
    gone = {n for n, e in enumerate(there.elts) if isinstance(e, ast.Constant) and e.value in names}
    if not gone:
        return []
    new = changed(cut, remove=gone)
    if isinstance(there, ast.Tuple) and len(there.elts) - len(gone) == 1:
        last = next(item.text for n, item in enumerate(cut.items) if n not in gone)
        if not re.search(re.escape(last) + rb"\s*,", new):
            new = new.replace(last, last + b",", 1)
    return smallest(source.start(there), source.segment(there), new, reason)


def _cut(source: Source, there: StringList) -> NameList:
    data, start, end = source.utf8, source.start(there), source.end(there)
    bracketed = data[start : start + 1] in (b"[", b"(")
    at = start + 1 if bracketed else start
    if bracketed:
        rest = _REST_OF_LINE.match(data, at, end)
        at = rest.end() if rest else at
    head, items = data[start:at], []
    for part in there.elts:
        begin, stop = source.start(part), source.end(part)
        comma = _COMMA.match(data, stop, end)
        after = comma.end() if comma else stop
        rest = _REST_OF_LINE.match(data, after, end) if bracketed else None
        trail = rest[0] if rest else b""
        gap = comma[1] if comma else b""
        items.append(Item(data[at:begin], data[begin:stop], gap, comma is not None, trail))
        at = after + len(trail)
    return NameList(head, tuple(items), data[at:end], bracketed)


def _broken(source: Source, there: StringList, new: bytes) -> bytes:
    """``new``, one element a line where its line would be too long."""
    start = source.start(there)
    begin = source.line_starts[source.line_of(start) - 1]
    if start - begin + len(new) <= WIDTH:
        return new
    indent = _INDENT.match(source.utf8, begin)
    outer = indent[0] if indent else b""
    lines = [source.newline + outer + b"    " + text + b"," for text in _elements(new)]
    return new[:1] + b"".join(lines) + source.newline + outer + new[-1:]


def _elements(text: bytes) -> list[bytes]:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, StringList)
    return [text[part.col_offset : part.end_col_offset] for part in node.elts]
