"""The console that commands and the demonstration print on.

It differs from rich's own in one thing: a reader that has gone ends no process here.
"""

from __future__ import annotations

from rich.console import Console


class PipeConsole(Console):
    """A console that raises where its reader has gone; rich's own would exit with code 1."""

    def on_broken_pipe(self) -> None:
        """Leave it to :func:`codemods.cut_short.cut_short`, which every command runs under."""
        raise BrokenPipeError
