"""How the demonstration looks: headings, a spinner while it waits, tables, verdicts.

On a terminal there is colour and something that moves; into a pipe or a file go plain lines of at
most 80 columns.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from codemods.demo_repository import Counts, Run
from codemods.terminal import PipeConsole

_WIDTH = 80


class Stage:
    """The console that the story is told on, and the promises that were checked.

    Parameters
    ----------
    console : Console, optional
        Where to; the standard output by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        chosen = console or PipeConsole(highlight=False)
        if chosen.width > _WIDTH:
            chosen.width = _WIDTH
        self.console = chosen
        self.broken: list[str] = []
        self._chapters = 0

    @property
    def colour(self) -> bool:
        """Whether what other commands print may be coloured."""
        return self.console.is_terminal and self.console.color_system is not None

    def chapter(self, title: str) -> None:
        """Begin the next part of the story."""
        self._chapters += 1
        self.console.print()
        heading = Text(f"{self._chapters}. {title}", style="bold")
        self.console.print(Rule(heading, align="left", style="cyan"))

    def say(self, text: str) -> None:
        """A paragraph, wrapped."""
        self.console.print(Text(text))

    def line(self, text: str) -> None:
        """One line that a command prints, as it comes; a long one goes on below."""
        parts = [text] if len(text) <= _WIDTH - 2 else textwrap.wrap(
            text, _WIDTH - 2, subsequent_indent=" " * 6, break_on_hyphens=False
        )  # fmt: skip
        for part in parts:
            self.console.print(Text(f"  {part}"), soft_wrap=True)

    def show(self, output: str) -> None:
        """What a command printed, as it printed it, colours and long lines included."""
        for line in output.rstrip().lstrip("\n").splitlines():
            self.console.print(Text.from_ansi(f"  {line}"), soft_wrap=True)

    def show_edit(self, file: str, old: str, new: str) -> None:
        """A small edit as a coloured diff."""
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=99)
        self.console.print(Text(f"  {file}", style="bold"))
        for line in list(lines)[3:]:
            style = {"+": "green", "-": "red"}.get(line[0], "dim")
            self.console.print(Text(f"  {line}", style=style))

    def promise(self, text: str, held: bool, instead: str = "") -> None:
        """Say whether what was promised has come true; ``instead`` tells what happened."""
        mark = Text("  ok  ", style="bold green") if held else Text("  NO  ", style="bold red")
        self.console.print(Text.assemble(mark, text))
        if not held:
            self.broken.append(f"{text}: {instead}" if instead else text)
            if instead:
                self.console.print(Text(f"      {instead}", style="red"))

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """A spinner while something goes on that has no stages."""
        if self.console.is_terminal:
            with self.console.status(f"  {title}"):
                yield
        else:
            yield

    def outcome(self, run: Run) -> None:
        """One line on a run."""
        told = Text(f"  {run.name}: ")
        told.append(f"{run.seconds:.1f} s", style="bold")
        told.append(f"; {_in_words(run.counts)}")
        self.console.print(told)

    def table_of_functions(
        self, functions: Mapping[str, Counts], notes: Mapping[str, str] | None = None
    ) -> None:
        """A row a function, those that computed first."""
        adopted = any(counts.adopted for counts in functions.values())
        table = Table(box=None, padding=(0, 1), header_style="dim")
        table.add_column(" function", no_wrap=True)
        for name in ("hits", *(["adopted"] if adopted else []), "computed"):
            table.add_column(name, justify="right")
        table.add_column("why", overflow="fold")
        for function, counts in sorted(functions.items(), key=lambda item: -item[1].computed):
            note = (notes or {}).get(function, "") if counts.computed else ""
            numbers = (counts.hits, *([counts.adopted] if adopted else []), counts.computed)
            table.add_row(
                f" {'.'.join(function.split('.')[-2:])}",
                *(str(number) if number else "-" for number in numbers),
                ": ".join(filter(None, (counts.why, note))),
                style="bold yellow" if counts.computed else None,
            )
        self.console.print(table)

    def table_of_runs(self, runs: Sequence[Run]) -> None:
        """A row a run, with a bar as long as it took."""
        table = Table(box=None, padding=(0, 1), header_style="dim")
        table.add_column(" run")
        for name in ("seconds", "hits", "adopted", "computed"):
            table.add_column(name, justify="right")
        table.add_column("")
        longest = max(run.seconds for run in runs)
        for run in runs:
            table.add_row(
                f" {run.name}",
                f"{run.seconds:.1f}",
                str(run.counts.hits),
                str(run.counts.adopted),
                str(run.counts.computed),
                Text("#" * max(1, round(16 * run.seconds / longest)), style="cyan"),
            )
        self.console.print(table)


def _in_words(counts: Counts) -> str:
    parts = [f"{counts.hits} hits"]
    if counts.adopted:
        parts.append(f"{counts.adopted} adopted")
    why = f" ({counts.why})" if counts.why else ""
    parts.append(f"{counts.computed} computed{why}")
    return ", ".join(parts)
