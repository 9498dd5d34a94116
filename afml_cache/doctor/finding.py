"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: An error keeps the cache from working, a warning from working well; a note is good to know.
Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: what was looked at, how bad it is, what is the case, and what to do."""

    check: str
    level: Level
    what: str
    remedy: str
