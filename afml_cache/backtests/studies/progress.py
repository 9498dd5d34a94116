"""How far a study is: a line on a terminal with hits, computed, failed and the time left."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import Any

from afml_cache.backtests.studies.outcome import COMPUTED, FAILED, HIT

#: Columns that a bar gets before a name is shortened, and a name at least.
_BAR = 8
#: Those between the three, and for words that grow between two outcomes.
_SPARE = 4


class Progress:
    """Counts what becomes of each call, and shows it where somebody is looking.

    Parameters
    ----------
    name : str
        What the study is called.
    total : int or None
        How many calls there are; None: nobody knows.
    shown : bool
        False: count only. Nothing is shown either where standard error is no terminal.
    """

    def __init__(self, name: str, total: int | None, shown: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._name = name
        self._total = total
        self._shown = shown
        self._display: Any = None
        self._bar: Any = None
        self._line: Any = None
        self._since: float | None = None  #: when the first call began that had to be made
        self._last = 0.0  #: when the last one ended

    def __enter__(self) -> Progress:
        if self._shown:
            from rich.console import Console

            console = Console(stderr=True)
            if console.is_terminal or console.is_jupyter:
                from rich import progress

                self._bar = progress.BarColumn()
                self._display = progress.Progress(
                    progress.TextColumn("{task.description}", markup=False),
                    self._bar,
                    # Asked for at each refresh, for time goes by between two outcomes.
                    progress.TextColumn("{task.fields[told]}", markup=False),
                    console=console,
                )
                self._line = self._display.add_task(self._name, total=self._total, told=self)
                self._show()
                self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._display is not None:
            self._show()
            self._display.stop()

    @property
    def done(self) -> int:
        """How many calls there is an outcome of."""
        return self.counts.total()

    def add(self, outcome: str, seconds: float = 0.0) -> None:
        """Count an outcome of a call that took so long to make."""
        self.counts[outcome] += 1
        if outcome != HIT:
            self._last = time.monotonic()
            if self._since is None:  # what workers take to start is no pace
                self._since = self._last - seconds
        if self._display is not None:
            self._show()

    def _show(self) -> None:
        """Name and bar give way to the words, of which the last is the time left."""
        room = self._display.console.width - len(self.told()) - _SPARE
        named = _shortened(self._name, max(room - _BAR, _BAR))
        self._bar.bar_width = max(4, min(40, room - len(named)))
        self._display.update(self._line, completed=self.done, description=named)

    def __str__(self) -> str:
        return self.told()

    def told(self) -> str:
        """How far it is, in words."""
        counts = self.counts
        words = [f"{self.done:,}" if self._total is None else f"{self.done:,} of {self._total:,}"]
        words.append(f"{counts[HIT]:,} hits, {counts[COMPUTED]:,} computed")
        if counts[FAILED]:
            words.append(f"{counts[FAILED]:,} failed")
        left = self.seconds_left()
        if left is not None:
            words.append(f"{_duration(left)} left")
        return ", ".join(words)

    def seconds_left(self) -> float | None:
        """By the pace of the calls that were made, for hits cost nothing; None: nobody knows."""
        made = self.counts[COMPUTED] + self.counts[FAILED]
        if self._total is None or self._since is None or not made or self.done >= self._total:
            return None
        left = (self._last - self._since) / made * (self._total - self.done)
        return max(left - (time.monotonic() - self._last), 0.0)


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: width - 1]}…"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return (
        f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
    )
