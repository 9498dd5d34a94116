"""How the command looks: consoles, tables and bars; colour and bars on a terminal only."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from afml_cache.monitoring.words import on_screen

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


#: A bar moves once for so many: entries can be small.
_EVERY = 64


def console(*, errors: bool = False) -> Console:
    """A console that writes what it is given, without guessing at markup in it."""
    from afml_cache.cli.terminal import PipeConsole

    return PipeConsole(stderr=errors, highlight=False, soft_wrap=False, emoji=False, markup=False)


def table(*columns: str, numbers: tuple[str, ...] = ()) -> Table:
    """A table of which the first column folds, so that it fits; ``numbers`` are set right."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False, show_edge=False)
    for name in columns:
        if name in numbers:
            made.add_column(name, justify="right", no_wrap=True)
        else:
            made.add_column(name, overflow="fold")
    return made


def add_row(to: Table, *cells: str) -> None:
    """Add a row of plain text."""
    from rich.text import Text

    to.add_row(*(Text(on_screen(cell)) for cell in cells))


def folded(name: str, width: int) -> str:
    """A dotted name in as few lines as fit, broken after its dots.

    >>> folded("research.features.labels", 18)
    'research.features.\\nlabels'
    """
    lines = [""]
    for part in re.findall(r"[^.]*\.|[^.]+", name):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def line(out: Console, text: str, style: str = "") -> None:
    """A sentence: wrapped on a terminal, one line in a pipe."""
    from rich.text import Text

    out.print(Text(on_screen(text), style), soft_wrap=not out.is_terminal)


def ago(when: float | None, now: float | None = None) -> str:
    """How long ago, in one unit, as `prune --max-age` takes it.

    >>> ago(0.0, now=5.2 * 86_400), ago(0.0, now=125.0), ago(None)
    ('5d', '2m', '–')
    """
    if when is None:
        return "–"
    seconds = max((time.time() if now is None else now) - when, 0.0)
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"


def counted(number: int, noun: str, several: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "entry", "entries"), counted(1_200, "function")
    ('1 entry', '1,200 functions')
    """
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say what is being done on standard error, while it is and where that is a terminal."""
    out = console(errors=True) if sys.stderr.isatty() else None
    with nullcontext() if out is None else out.status(what):
        yield


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """A bar on standard error, where that is a terminal; nothing at all elsewhere."""
    out = console(errors=True)
    if not out.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def tell(done: int) -> None:
            if done % _EVERY == 0 or done == total:
                bar.update(task, completed=done)

        yield tell
