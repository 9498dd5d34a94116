"""A notebook as one Python source, and the way back to the bytes of its JSON.

All code cells share one namespace, so they are read one after the other as a single file: the
engine sees Python and knows nothing of cells. Each piece of that source remembers the JSON
string that it comes from.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from codemods.findings import Code, Finding
from codemods.json_tokens import NotJsonError, Value, scan
from codemods.magics import as_python
from codemods.source import Unreadable

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_LINE = re.compile(r"\bline (\d+)")
_PYTHON = re.compile(r"i?python\d*|pyspark\d*|py|sage", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One JSON string of a cell's source."""

    start: int  #: of its text in :attr:`Notebook.python`
    text: bytes
    begin: int  #: in the file, after the opening quote
    end: int  #: before the closing one


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell; what is not known to be Python is painted over."""

    number: int  #: among all cells of the notebook, from 1
    source: Value
    start: int  #: of its text in :attr:`Notebook.python`
    end: int
    pieces: tuple[Piece, ...]
    problem: Finding | None = None  #: why all of it is painted over

    @property
    def text(self) -> bytes:
        """The cell as it is written."""
        return b"".join(piece.text for piece in self.pieces)


class Notebook:
    """The code cells of one notebook.

    Parameters
    ----------
    data : bytes
        The file.

    Raises
    ------
    Unreadable
        It is not the JSON of a notebook.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        try:
            data.decode("utf-8")
        except UnicodeError as error:
            raise Unreadable(Code.UNDECODABLE, f"is no utf-8 text: {error}") from None
        try:
            top = scan(data)
        except NotJsonError as error:
            line = data.count(b"\n", 0, error.at) + 1
            column = error.at - (data.rfind(b"\n", 0, error.at) + 1) + 1
            text = f"is no notebook: its JSON {error}"
            raise Unreadable(Code.INVALID_NOTEBOOK, text, line, column) from None
        self.language = _language(top, data)  #: of its kernel, where that is another than Python
        found = list(self._code_cells(top))
        texts = [[value.text(data) or "" for value in strings] for _, _, strings, _ in found]
        ends = (_NEWLINE.search("".join(words).encode("utf-8", "replace")) for words in texts)
        newline = next((end[0] for end in ends if end), b"\n")
        # A line that names an encoding counts among the first two lines of a file only.
        shown = [newline * 2]
        self._end = len(shown[0])
        self.cells: list[Cell] = []
        for (number, source, strings, other), words in zip(found, texts, strict=True):
            self._add(number, source, strings, other, words, shown, newline)
        self.python = b"".join(shown)

    def _add(
        self,
        number: int,
        source: Value,
        strings: list[Value],
        other: str | None,
        texts: list[str],
        shown: list[bytes],
        newline: bytes,
    ) -> None:
        start = at = self._end
        pieces = []
        for value, text in zip(strings, texts, strict=True):
            piece = Piece(at, text.encode("utf-8", "surrogatepass"), value.start + 1, value.end - 1)
            pieces.append(piece)
            at += len(piece.text)
        cell = Cell(number, source, start, at, tuple(pieces))
        looks = as_python(cell.text, other)
        shown.append(looks.python)
        self._end = at
        if cell.text and not cell.text.endswith(b"\n"):
            shown.append(newline)
            self._end += len(newline)
        if looks.problem is not None:
            cell = replace(cell, problem=replace(looks.problem, cell=number))
        self.cells.append(cell)

    def _code_cells(self, top: Value) -> Iterator[tuple[int, Value, list[Value], str | None]]:
        """Number, source, the strings that it consists of, and the language if it is another."""
        cells = [top.get("cells")] if top.get("cells") else _worksheets(top)
        if any(value is None or value.kind != "[" for value in cells) or not cells:
            raise Unreadable(Code.INVALID_NOTEBOOK, "is no notebook: there is no list of cells")
        every = [cell for value in cells if value is not None for cell in value.items]
        for number, cell in enumerate(every, start=1):
            kind = cell.get("cell_type")
            if kind is None or kind.text(self.data) != "code":
                continue
            source = cell.get("source") or cell.get("input")
            if source is None:
                continue
            strings = source.items if source.kind == "[" else [source]
            if any(value.kind != '"' for value in strings):
                line = self.data.count(b"\n", 0, source.start) + 1
                text = f"is no notebook: the source of cell {number} is no text"
                raise Unreadable(Code.INVALID_NOTEBOOK, text, line)
            own = cell.get("language") or cell.get("metadata", "vscode", "languageId")
            yield number, source, strings, _other(own, self.data)

    # ---------------------------------------------------------------- places

    @cached_property
    def first_lines(self) -> list[int]:
        """The lines of :attr:`python` on which the cells begin."""
        starts = [0, *(match.end() for match in _NEWLINE.finditer(self.python))]
        return [bisect_right(starts, cell.start) for cell in self.cells]

    def place(self, line: int) -> tuple[int, int]:
        """The number of a cell and the line in it, of a line of :attr:`python`.

        A line before all cells has the number 0: it stands for the file.
        """
        at = bisect_right(self.first_lines, line) - 1
        return (self.cells[at].number, line - self.first_lines[at] + 1) if at >= 0 else (0, 1)

    def placed(self, finding: Finding) -> Finding:
        """A finding about :attr:`python` as one about the notebook."""
        cell, line = self.place(finding.line)
        return replace(finding, cell=cell, line=line, text=self.said(finding.text))

    def said(self, text: str) -> str:
        """A sentence about lines of :attr:`python`, in the notebook's terms."""

        def named(match: re.Match[str]) -> str:
            cell, line = self.place(int(match[1]))
            return f"cell {cell}, line {line}" if cell else match[0]

        return _LINE.sub(named, text)

    def cell_at(self, offset: int) -> Cell | None:
        """The cell that begins last at or before an offset of :attr:`python`."""
        at = bisect_right(self.cells, offset, key=lambda cell: cell.start) - 1
        return self.cells[at] if at >= 0 else None

    @property
    def written(self) -> bytes:
        """:attr:`python` with all cells as they are written, magics and other languages too."""
        parts, at = [], 0
        for cell in self.cells:
            parts += [self.python[at : cell.start], cell.text]
            at = cell.end
        return b"".join([*parts, self.python[at:]])

    @property
    def frame(self) -> list[bytes]:
        """Everything but the sources of the code cells."""
        ends = [0, *(cell.source.end for cell in self.cells)]
        starts = [*(cell.source.start for cell in self.cells), len(self.data)]
        return [self.data[end:start] for end, start in zip(ends, starts, strict=True)]


def _worksheets(top: Value) -> list[Value | None]:
    """Where version 3 of the format keeps its cells."""
    sheets = top.get("worksheets")
    return [sheet.get("cells") for sheet in sheets.items] if sheets is not None else []


def _language(top: Value, data: bytes) -> str | None:
    """The language of the kernel, if it is not Python."""
    named = (
        top.get("metadata", "kernelspec", "language"),
        top.get("metadata", "language_info", "name"),
    )
    others = [_other(value, data) for value in named if value is not None]
    return others[0] if others and None not in others else None


def _other(value: Value | None, data: bytes) -> str | None:
    name = (value.text(data) if value is not None else None) or ""
    return name if name and not _PYTHON.fullmatch(name) else None
