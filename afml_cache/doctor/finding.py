"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: An error keeps the cache from working, a warning from working well; a note is good to know.
Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: what was looked at, how bad it is, what is the case, and what to do.

    Parameters
    ----------
    check : str
    level : {"error", "warning", "note"}
    what, remedy : str
    for_others : str, optional
        What is the case, for a bundle: without the text of an error that is not ours, which may
        quote a value. Empty: ``what``.
    """

    check: str
    level: Level
    what: str
    remedy: str
    for_others: str = ""

    def fields(self, *, for_others: bool = False) -> dict[str, str]:
        """As a document has it."""
        what = self.for_others if for_others and self.for_others else self.what
        return {"check": self.check, "level": self.level, "what": what, "remedy": self.remedy}
