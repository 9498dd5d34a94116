"""A Python file as bytes, text and syntax tree, with positions that lead back to the bytes.

``ast`` counts columns in UTF-8 bytes of the decoded text; a file may carry a byte-order
mark or be written in another encoding. Everything that plans edits asks here where a node
lies in the bytes of the file.
"""

from __future__ import annotations

import ast
import io
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

from codemods.edits import Edit
from codemods.findings import Code, Finding

_NEWLINE = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class Unreadable(Exception):
    """The file cannot be worked on; the finding says why."""

    def __init__(self, code: Code, text: str, line: int = 1, column: int = 1) -> None:
        super().__init__(text)
        self.finding = Finding(line, column, code, text)


class Source:
    """One file that has been decoded and parsed.

    Parameters
    ----------
    data : bytes
        The file as it lies on the disk.
    cells : sequence of int
        Where it is the Python of a notebook: the lines on which its cells begin.

    Raises
    ------
    Unreadable
        It is no text in its encoding, no Python, or nested too deeply.
    """

    def __init__(self, data: bytes, cells: Sequence[int] = ()) -> None:
        self.data = data
        self.cells = cells
        self.encoding, self.mark = _encoding(data)
        try:
            self.text = data[self.mark :].decode(self.encoding)
        except (UnicodeError, LookupError) as error:
            raise Unreadable(Code.UNDECODABLE, f"is no {self.encoding} text: {error}") from None
        self.utf8 = data[self.mark :]
        if self.encoding != "utf-8":
            try:
                same = self.text.encode(self.encoding) == self.utf8
            except UnicodeError:
                same = False
            if not same:
                raise Unreadable(
                    Code.NOT_LOSSLESS, f"does not survive a round trip through {self.encoding}"
                )
            self.utf8 = self.text.encode("utf-8")
        self.tree = parse(self.text)

    @cached_property
    def line_starts(self) -> list[int]:
        """Where each line begins in :attr:`utf8`."""
        return [0, *(match.end() for match in _NEWLINE.finditer(self.utf8))]

    def offset(self, line: int, column: int) -> int:
        """The place in :attr:`utf8` of a position as ``ast`` gives it."""
        return self.line_starts[line - 1] + column

    def start(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where ``node`` begins in :attr:`utf8`."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Where ``node`` ends in :attr:`utf8`."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr | ast.stmt | ast.alias) -> bytes:
        """The UTF-8 bytes of ``node``."""
        return self.utf8[self.start(node) : self.end(node)]

    def line_of(self, offset: int) -> int:
        """The number, from 1, of the line that ``offset`` of :attr:`utf8` lies in."""
        return bisect_right(self.line_starts, offset)

    def cell_of(self, line: int) -> int:
        """Which cell of a notebook a line belongs to; the same for all lines of other files."""
        return bisect_right(self.cells, line)

    def line(self, number: int) -> bytes:
        """Line ``number`` (from 1) with its newline."""
        starts = self.line_starts
        end = starts[number] if number < len(starts) else len(self.utf8)
        return self.utf8[starts[number - 1] : end]

    def column(self, line: int, column: int) -> int:
        """A column for people: characters, from 1."""
        begin = self.line_starts[line - 1]
        return len(self.utf8[begin : begin + column].decode("utf-8", "replace")) + 1

    def in_file(self, offset: int) -> int:
        """The place in the file's own bytes of an offset into :attr:`utf8`."""
        if self.encoding == "utf-8":
            return offset + self.mark
        return self.mark + len(self.utf8[:offset].decode("utf-8").encode(self.encoding))

    def encoded(self, text: bytes) -> bytes:
        """UTF-8 bytes in the file's own encoding."""
        if self.encoding == "utf-8":
            return text
        return text.decode("utf-8").encode(self.encoding)

    def placed(self, edits: Iterable[Edit]) -> tuple[Edit, ...]:
        """Edits of :attr:`utf8`, in the file's own bytes and encoding."""
        return tuple(
            Edit(
                self.in_file(edit.start),
                self.in_file(edit.end),
                self.encoded(edit.old),
                self.encoded(edit.new),
                edit.reason,
            )
            for edit in sorted(edits)
        )

    def newline_at(self, offset: int) -> bytes:
        """The newline of the line that ``offset`` of :attr:`utf8` lies in."""
        match = _NEWLINE.search(self.utf8, offset)
        return match[0] if match else self.newline

    @cached_property
    def comments(self) -> dict[int, bytes]:
        """Every comment by the number of its line."""
        from tokenize import COMMENT, TokenError, generate_tokens

        text = self.text.replace("\r\n", "\n").replace("\r", "\n")
        found: dict[int, bytes] = {}
        try:
            for token in generate_tokens(io.StringIO(text).readline):
                if token.type == COMMENT:
                    found[token.start[0]] = token.string.encode()
        except (TokenError, SyntaxError):  # newer syntax: what has been read until then counts
            pass
        return found

    @cached_property
    def newline(self) -> bytes:
        """The newline that the file uses first."""
        match = _NEWLINE.search(self.utf8)
        return match[0] if match else b"\n"


def _encoding(data: bytes) -> tuple[str, int]:
    from tokenize import detect_encoding

    try:
        encoding, _ = detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise Unreadable(Code.UNDECODABLE, str(error)) from None
    mark = len(_BOM) if data.startswith(_BOM) else 0
    return ("utf-8" if encoding == "utf-8-sig" else encoding), mark


def decoded(data: bytes) -> str:
    """The text of a file for people to read; what is no text shows as a question mark."""
    encoding, mark = _encoding(data)
    return data[mark:].decode(encoding, "replace")


def parse(text: str, *, may_be_newer: bool = True) -> ast.Module:
    """The syntax tree, by ``ast``, or by LibCST's help where the syntax is newer than we are.

    Asking LibCST takes a third of a second; ``may_be_newer=False`` does without.

    Raises
    ------
    Unreadable
        Neither makes sense of it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file's own invalid escapes are not our business
            return ast.parse(text)
    except (RecursionError, MemoryError):  # MemoryError: how CPython's parser says "too deep"
        raise Unreadable(Code.TOO_DEEP, "is nested too deeply to be parsed") from None
    except ValueError as error:  # null bytes, before Python 3.12
        raise Unreadable(Code.SYNTAX_ERROR, str(error)) from None
    except SyntaxError as error:
        failure = error
    from codemods.newer_syntax import ParserDiedError, ShadowedError, lowered

    try:
        text_before = lowered(text) if may_be_newer else None
    except ParserDiedError:
        raise Unreadable(Code.TOO_DEEP, "is nested too deeply to be parsed") from None
    except ShadowedError:
        text = "a type parameter is called like a decorator; a newer Python can tell them apart"
        raise Unreadable(Code.AMBIGUOUS_BINDING, text) from None
    if text_before is not None:
        try:
            return ast.parse(text_before)
        except SyntaxError:
            pass  # the error in the text as written is the one to show
    line, column = failure.lineno or 1, max(failure.offset or 1, 1)
    raise Unreadable(Code.SYNTAX_ERROR, f"does not parse: {failure.msg}", line, column)
