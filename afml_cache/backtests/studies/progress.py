"""How far a study is: a line on a terminal with hits, computed, failed and the time left."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import Any

from afml_cache.backtests.studies.outcome import COMPUTED, FAILED, HIT


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
        self._bar: Any = None
        self._line: Any = None
        self._since: float | None = None  #: when the first call was made that had to be

    def __enter__(self) -> Progress:
        if self._shown:
            from rich.console import Console

            console = Console(stderr=True)
            if console.is_terminal or console.is_jupyter:
                from rich import progress

                self._bar = progress.Progress(
                    progress.TextColumn("{task.description}"),
                    progress.BarColumn(),
                    progress.TextColumn("{task.fields[told]}"),
                    console=console,
                )
                self._line = self._bar.add_task(self._name, total=self._total, told=self.told())
                self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def done(self) -> int:
        """How many calls there is an outcome of."""
        return self.counts.total()

    def computing(self) -> None:
        """From now on calls are made."""
        if self._since is None:
            self._since = time.monotonic()

    def add(self, outcome: str) -> None:
        """Count an outcome."""
        self.counts[outcome] += 1
        if self._bar is not None:
            self._bar.update(self._line, completed=self.done, told=self.told())

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
        return (time.monotonic() - self._since) / made * (self._total - self.done)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return (
        f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
    )
