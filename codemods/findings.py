"""What was left alone, where, and why: a place, a reason code and a sentence.

The set of codes is small and documented, so that a person can act on a finding and a
program can count it. A finding is never an error: the file is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """Why something was left as it is."""

    SYNTAX_ERROR = "syntax-error"
    UNDECODABLE = "undecodable"
    STAR_IMPORT = "star-import"
    RE_EXPORT = "re-export"
    VALUE_USE = "value-use"
    UNKNOWN_ARGUMENTS = "unknown-arguments"
    NAME_COLLISION = "name-collision"
    AMBIGUOUS_BINDING = "ambiguous-binding"
    FALLBACK_DEFINITION = "fallback-definition"
    UNRESOLVED_IMPORT = "unresolved-import"
    CELL_MAGIC = "cell-magic"
    INVALID_NOTEBOOK = "invalid-notebook"
    NOT_LOSSLESS = "not-lossless"
    TOO_DEEP = "too-deep"
    ALREADY_CACHED = "already-cached"
    RETURNS = "returns"
    OPTED_OUT = "opted-out"
    TEST_FILE = "test-file"


#: What each code means, in words that follow "left alone:".
MEANINGS: Mapping[Code, str] = {
    Code.SYNTAX_ERROR: "the file does not parse",
    Code.UNDECODABLE: "the bytes are no text in the declared encoding",
    Code.STAR_IMPORT: "the name can only have come from a star import",
    Code.RE_EXPORT: "the name is handed on to other modules: public API",
    Code.VALUE_USE: "the decorator is used otherwise than to decorate a function",
    Code.UNKNOWN_ARGUMENTS: "the new decorator takes no such arguments",
    Code.NAME_COLLISION: "the new name means something else there",
    Code.AMBIGUOUS_BINDING: "the name is bound to several things",
    Code.FALLBACK_DEFINITION: "an optional import whose fallback does work",
    Code.UNRESOLVED_IMPORT: "the import leads to no known cache module",
    Code.CELL_MAGIC: "a notebook cell in another language",
    Code.INVALID_NOTEBOOK: "not the JSON of a notebook",
    Code.NOT_LOSSLESS: "the bytes would not have survived the round trip",
    Code.TOO_DEEP: "nested too deeply to be parsed",
    Code.ALREADY_CACHED: "the function has a caching decorator of another kind",
    Code.RETURNS: "the function does not return what the decorator needs",
    Code.OPTED_OUT: "a comment ``# afml: keep`` or a pattern of ``keep`` asks for it",
    Code.TEST_FILE: "a verified migration is measured with it",
}

#: Codes that mean: a decorator that should go is still there.
DECORATOR_REMAINS = frozenset(
    {Code.STAR_IMPORT, Code.UNKNOWN_ARGUMENTS, Code.NAME_COLLISION, Code.AMBIGUOUS_BINDING}
    | {Code.FALLBACK_DEFINITION, Code.UNRESOLVED_IMPORT, Code.NOT_LOSSLESS}
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that was left alone."""

    cell: int = field(default=0, kw_only=True)  #: of a notebook, from 1; 0: the file as a whole
    line: int  #: from 1; in the cell, where there is one
    column: int  #: from 1
    code: Code
    text: str
    function: str = ""  #: the qualified name of the function whose decorator it is about

    def at(self, path: str) -> str:
        """One line as compilers write them: ``path:line:column: code: text``."""
        return f"{path}:{place(self.line, self.cell)}:{self.column}: {self.code}: {self.text}"


def place(line: int, cell: int = 0) -> str:
    """A line as people find it: ``12``, or ``cell 3:2`` in a notebook."""
    return f"cell {cell}:{line}" if cell else str(line)
