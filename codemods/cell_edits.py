"""Edits of a notebook's Python as edits of its JSON: inside of strings, escaped as the file does.

A source is one string, or a list of them, most often a line each. A line that is added becomes
a string of its own there, and one that goes takes its quotes and its comma with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from codemods.edits import Edit
from codemods.notebook import Cell, Notebook, Piece

_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
)
_BEYOND_ASCII = re.compile(rb"\\u(?!00[0-7])")
_NEWLINE_INSIDE = re.compile(rb"(?:\r\n|\r|\n)(?!\Z)")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class OutsideOfCellsError(ValueError):
    """An edit does not lie within one code cell."""


def in_file(notebook: Notebook, edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Edits of ``notebook.python`` as edits of ``notebook.data``.

    Raises
    ------
    OutsideOfCellsError
        One of them does not lie within a code cell.
    """
    escaped = _escapes(notebook.data)
    return tuple(_in_file(notebook, edit, escaped) for edit in _joined(notebook, edits))


def _joined(notebook: Notebook, edits: Iterable[Edit]) -> list[Edit]:
    """Edits of a cell that touch, as one: together they may take whole strings away."""
    joined: list[Edit] = []
    for edit in sorted(edits):
        touch = bool(joined) and joined[-1].end == edit.start
        if touch and notebook.cell_at(joined[-1].start) is notebook.cell_at(edit.start):
            last = joined.pop()
            edit = Edit(last.start, edit.end, last.old + edit.old, last.new + edit.new, last.reason)
        joined.append(edit)
    return joined


def _in_file(notebook: Notebook, edit: Edit, escaped: bool) -> Edit:
    cell = notebook.cell_at(edit.start)
    if cell is None or cell.problem is not None or not cell.pieces:
        raise OutsideOfCellsError("an edit lies in no code cell")
    start, end, new = edit.start, edit.end, edit.new
    over = end - cell.end
    if over > 0:  # the newline that ends the last line of a cell is not a part of it
        gap = notebook.python[cell.end : end]
        if not edit.old.endswith(gap) or notebook.cell_at(end - 1) is not cell:
            raise OutsideOfCellsError("an edit reaches from one cell into the next")
        if new.endswith(gap):
            end, new = cell.end, new[:-over]
        elif not new and start > cell.start and notebook.python[start - over : start] == gap:
            start, end = start - over, cell.end  # the newline before it goes in its place
        else:
            end = cell.end
    first, last = _first(cell, start, end), _last(cell, start, end)
    if not new and first.start == start and _end(last) == end and cell.source.kind == "[":
        begin, stop = _whole(cell, first, last)
        return Edit(begin, stop, notebook.data[begin:stop], b"", edit.reason)
    begin = first.begin + _written(notebook.data[first.begin : first.end], start - first.start)
    stop = last.begin + _written(notebook.data[last.begin : last.end], end - last.start)
    text = _escaped(new, escaped)
    if cell.source.kind == "[" and not _NEWLINE_INSIDE.search(first.text):
        text = _strings(notebook, cell, last, end, new, escaped)
        following = cell.pieces.index(last) + 1
        ended, ends = edit.old.endswith((b"\n", b"\r")), new.endswith((b"\n", b"\r"))
        if end == _end(last) and ended and not ends and following < len(cell.pieces):
            stop = cell.pieces[following].begin  # two lines have become one
    return Edit(begin, stop, notebook.data[begin:stop], text, edit.reason)


def _first(cell: Cell, start: int, end: int) -> Piece:
    """The string in which something begins."""
    fitting = [p for p in cell.pieces if p.start <= start <= _end(p)]
    if start == end and len(fitting) > 1 and not fitting[0].text.endswith((b"\n", b"\r")):
        return fitting[0]  # what is added to the end of a line
    return next((p for p in fitting if start < _end(p)), fitting[-1])


def _last(cell: Cell, start: int, end: int) -> Piece:
    """The string in which something ends."""
    if start == end:
        return _first(cell, start, end)
    return next(p for p in cell.pieces if p.start < end <= _end(p))


def _end(piece: Piece) -> int:
    return piece.start + len(piece.text)


def _whole(cell: Cell, first: Piece, last: Piece) -> tuple[int, int]:
    """The bytes of whole strings, with one of the commas beside them."""
    before, after = cell.pieces.index(first), cell.pieces.index(last) + 1
    if after < len(cell.pieces):
        return first.begin - 1, cell.pieces[after].begin - 1
    if before:
        return cell.pieces[before - 1].end + 1, last.end + 1
    return cell.source.start + 1, cell.source.end - 1


def _strings(
    notebook: Notebook, cell: Cell, last: Piece, end: int, new: bytes, escaped: bool
) -> bytes:
    """New text with a string for every line."""
    lines = [_escaped(line, escaped) for line in _LINE.findall(new)]
    if not lines:
        return b""
    if new.endswith((b"\n", b"\r")) and end < _end(last):
        lines.append(b"")
    return (b'"' + _between(notebook, cell) + b'"').join(lines)


def _between(notebook: Notebook, cell: Cell) -> bytes:
    """What stands between two strings of a list: a comma and white space."""
    for other in (cell, *notebook.cells):
        if other.source.kind == "[" and len(other.pieces) > 1:
            one, two = other.pieces[:2]
            return notebook.data[one.end + 1 : two.begin - 1]
    lead = notebook.data[cell.source.start + 1 : cell.pieces[0].begin - 1]
    return b"," + (lead or b" ")


def _written(raw: bytes, wanted: int) -> int:
    """Where in the inside of a JSON string a byte of its text is written."""
    text = at = 0
    for escape in _ESCAPE.finditer(raw):
        plain = escape.start() - at
        if wanted <= text + plain:
            break
        text += plain + len(json.loads(b'"' + escape[0] + b'"').encode("utf-8"))
        at = escape.end()
    return at + wanted - text


def _escaped(text: bytes, ascii_only: bool) -> bytes:
    return json.dumps(text.decode("utf-8"), ensure_ascii=ascii_only)[1:-1].encode("utf-8")


def _escapes(data: bytes) -> bool:
    """Whether the file writes what is not ASCII as escapes."""
    if not data.isascii():
        return False
    for found in _BEYOND_ASCII.finditer(data):
        before = data[max(found.start() - 50, 0) : found.start()]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:  # the backslash is not escaped
            return True
    return False
