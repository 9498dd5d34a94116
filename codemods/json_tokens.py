"""JSON with positions: which bytes of a file a value is written in.

A reader of its own, since none that keeps positions ships with Python. It is strict where
``json`` is, nests as deep as a file does, and remembers the upper levels only: a notebook is
known by those, and its outputs may hold millions of numbers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import NoReturn

#: Levels that are remembered; below them there is only syntax to check.
KEPT = 7

_BOM = b"\xef\xbb\xbf"
_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_SCALAR = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity"
_TOKEN = re.compile(
    _SPACE + rb"(?:(?P<string>" + _STRING + rb")|(?P<scalar>" + _SCALAR + rb")"
    rb"|(?P<mark>[][{},:]))"
)
#: Values of a list up to the last comma, all at once.
_RUN = re.compile(
    rb"(?:" + _SPACE + rb"(?:" + _STRING + rb"|" + _SCALAR + rb")" + _SPACE + rb",)++"
)
_REST = re.compile(rb"[ \t\r\n]*")


class NotJsonError(ValueError):
    """The bytes are no JSON.

    Attributes
    ----------
    at : int
        The place where that shows.
    """

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at


@dataclass(slots=True)
class Value:
    """A value and the bytes from ``start`` to ``end`` that it is written in."""

    kind: str  #: ``{``, ``[``, ``"``, or nothing for numbers, truth values and null
    start: int
    end: int
    members: dict[str, Value] = field(default_factory=dict)  #: of two with one name, the last
    items: list[Value] = field(default_factory=list)

    def get(self, *names: str) -> Value | None:
        """The value that is reached by names, if there is one."""
        found: Value | None = self
        for name in names:
            found = found.members.get(name) if found is not None else None
        return found

    def text(self, data: bytes) -> str | None:
        """The string that is written there; None where it is none."""
        if self.kind != '"':
            return None
        text: str = json.loads(data[self.start : self.end])
        return text


def scan(data: bytes) -> Value:
    """The outermost value.

    Raises
    ------
    NotJsonError
        ``data`` is no JSON.

    >>> cells = scan(b'{"cells": ["a", 1]}').get("cells")
    >>> [(item.start, item.end) for item in cells.items]
    [(11, 14), (16, 17)]
    """
    return _Scanner(data).run()


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = len(_BOM) if data.startswith(_BOM) else 0
        self.open: list[Value] = []
        self.top: Value | None = None

    def run(self) -> Value:
        expected = "value"
        while expected != "nothing":
            if expected == "value" and len(self.open) >= KEPT and self.open[-1].kind == "[":
                run = _RUN.match(self.data, self.at)
                self.at = run.end() if run is not None else self.at
            match = _TOKEN.match(self.data, self.at)
            if match is None:
                self.fail(expected)
            kind, begin = match.lastgroup or "", match.start(match.lastgroup or 0)
            mark = chr(self.data[begin]) if kind == "mark" else ""
            if expected in ("value", "value or ]") and (kind != "mark" or mark in "{["):
                expected = self.value(kind, mark, begin, match.end())
            elif expected in ("a name", "a name or }") and kind == "string":
                self.name = json.loads(self.data[begin : match.end()])
                expected = ":"
            elif expected == ":" and mark == ":":
                expected = "value"
            elif expected.startswith(", or ") and mark == ",":
                expected = "a name" if self.open[-1].kind == "{" else "value"
            elif mark and mark == expected[-1] and mark in "]}":
                expected = self.close(match.end())
            else:
                self.fail(expected)
            self.at = match.end()
        rest = _REST.match(self.data, self.at)
        if rest is not None and rest.end() < len(self.data):
            self.fail("nothing")
        assert self.top is not None
        return self.top

    def value(self, kind: str, mark: str, begin: int, end: int) -> str:
        value = Value(mark or ('"' if kind == "string" else ""), begin, end)
        if not self.open:
            self.top = value
        elif len(self.open) < KEPT:
            above = self.open[-1]
            if above.kind == "{":
                above.members[self.name] = value
            else:
                above.items.append(value)
        if not mark:
            return self.after_value()
        self.open.append(value)
        return "a name or }" if mark == "{" else "value or ]"

    def close(self, end: int) -> str:
        self.open.pop().end = end
        return self.after_value()

    def after_value(self) -> str:
        if not self.open:
            return "nothing"
        return ", or }" if self.open[-1].kind == "{" else ", or ]"

    def fail(self, expected: str) -> NoReturn:
        rest = _REST.match(self.data, self.at)
        at = rest.end() if rest is not None else self.at
        what = "the file to end" if expected == "nothing" else expected
        there = self.data[at : at + 10].split(b"\n")[0].decode("utf-8", "replace")
        raise NotJsonError(at, f"expected {what}, found {there!r}" if there else f"misses {what}")
