"""What was left alone, where, and why: a place, a reason code and a sentence.

The set of codes is small and documented, so that a person can act on a finding and a
program can count it. A finding is never an error: the file is as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Why something was left as it is."""

    SYNTAX_ERROR = "syntax-error"  #: the file does not parse
    UNDECODABLE = "undecodable"  #: the bytes are no text in the declared encoding
    STAR_IMPORT = "star-import"  #: the name can only have come from a star import
    RE_EXPORT = "re-export"  #: the name is handed on to other modules: public API
    VALUE_USE = "value-use"  #: the decorator is used otherwise than to decorate a function
    UNKNOWN_ARGUMENTS = "unknown-arguments"  #: the new decorator takes no such arguments
    NAME_COLLISION = "name-collision"  #: the new name means something else there
    AMBIGUOUS_BINDING = "ambiguous-binding"  #: the name is bound to several things
    FALLBACK_DEFINITION = "fallback-definition"  #: an optional import whose fallback does work
    UNRESOLVED_IMPORT = "unresolved-import"  #: the import leads to no known cache module
    CELL_MAGIC = "cell-magic"  #: a notebook cell in another language
    INVALID_NOTEBOOK = "invalid-notebook"  #: not the JSON of a notebook
    NOT_LOSSLESS = "not-lossless"  #: the bytes would not have survived the round trip
    TOO_DEEP = "too-deep"  #: nested too deeply to be parsed
    ALREADY_CACHED = "already-cached"  #: the function has a caching decorator of another kind
    RETURNS = "returns"  #: the function does not return what the decorator needs
    OPTED_OUT = "opted-out"  #: a comment ``# afml: keep`` asks to leave it


#: Codes that mean: a decorator that should go is still there.
DECORATOR_REMAINS = frozenset(
    {Code.STAR_IMPORT, Code.UNKNOWN_ARGUMENTS, Code.NAME_COLLISION, Code.AMBIGUOUS_BINDING}
    | {Code.FALLBACK_DEFINITION, Code.UNRESOLVED_IMPORT, Code.NOT_LOSSLESS}
)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that was left alone."""

    line: int  #: from 1
    column: int  #: from 1
    code: Code
    text: str

    def at(self, path: str) -> str:
        """One line as compilers write them: ``path:line:column: code: text``."""
        return f"{path}:{self.line}:{self.column}: {self.code}: {self.text}"
