"""One difference between two keys, in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Lines of a diff that are shown in text; ``diff`` has them all.
MOST_LINES = 40


class Kind(StrEnum):
    """What differs."""

    ARGUMENT = "argument"
    COLUMN = "column"
    ROWS = "rows"
    CODE = "code"
    PACKAGE = "package"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: ``kind``, the ``name`` of what differs, and a sentence on it.

    Of edited code ``file`` and ``line`` say where it is now, and ``diff`` is the unified diff of
    its normalised source, a line each; empty where the earlier source was not kept.
    """

    kind: Kind
    name: str
    text: str
    file: str | None = None
    line: int | None = None
    diff: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text

    def short_diff(self) -> list[str]:
        """The diff as far as it is shown in text."""
        if len(self.diff) <= MOST_LINES:
            return list(self.diff)
        left = len(self.diff) - MOST_LINES + 1
        return [*self.diff[: MOST_LINES - 1], f"... {left} more lines of the diff"]
