"""What joblib's results had taken to compute, by its own notes beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afml_cache.joblib_memory.layout import written

#: Results whose price is remembered before it is all read anew.
_REMEMBERED = 10_000


class Prices:
    """Prices of the results of one function, by joblib's hash of the arguments."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def of(self, memorized: Any, arguments: str | None) -> float:
        """Seconds that the stored result had taken; 0.0 where joblib has not noted them."""
        if arguments is None:
            return 0.0
        seconds = self._seconds.get(arguments)
        if seconds is None:
            place = Path(memorized.store_backend.location, memorized.func_id, arguments)
            seconds = written(place / "output.pkl", 0.0).seconds
            self.note(arguments, seconds)
        return seconds

    def note(self, arguments: str | None, seconds: float) -> None:
        """A result was stored that took so long."""
        if arguments is not None:
            if len(self._seconds) >= _REMEMBERED:
                self._seconds.clear()
            self._seconds[arguments] = seconds
