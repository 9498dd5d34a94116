"""The console that the command prints on: a reader that has gone ends no process here."""

from __future__ import annotations

from rich.console import Console


class PipeConsole(Console):
    """A console that raises where its reader has gone; rich's own would exit with code 1."""

    def on_broken_pipe(self) -> None:
        """Leave it to :func:`afml_cache.cli.cut_short.cut_short`."""
        raise BrokenPipeError
