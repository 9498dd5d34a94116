"""A verified migration on a terminal: what goes on, and what came of it, in 80 columns."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from codemods.evidence import percent
from codemods.matching import Key
from codemods.migration.attempt import Attempt
from codemods.migration.judge import Holds
from codemods.migration.look import Looked
from codemods.migration.ordering import Candidate
from codemods.migration.own_cache import names_of
from codemods.migration.proof import Proof
from codemods.migration.state import Step
from codemods.migration.told import Became, Outcome, Report, Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

#: So many sentences on one function, and so many functions in a table, are shown.
SHOWN = 4
ROWS = 20

#: So wide is a function's name in a table; a wider one goes on in the next line.
NAME = 22

_MARKS = {Holds.YES: "yes", Holds.NO: "NO", Holds.UNKNOWN: "?", Holds.IDLE: "-"}
_STYLES = {Holds.YES: "green", Holds.NO: "bold red", Holds.UNKNOWN: "yellow", Holds.IDLE: "dim"}


class Terminal:
    """Tells a migration while it goes on; on a terminal with a line that moves."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._status: Status | None = None

    def step(self, step: Step, text: str) -> None:
        """A step begins."""
        self.quiet()
        if step is Step.REPORT:
            return
        self._out.print(Text(f"- {text}", "bold" if self._out.is_terminal else ""))

    def running(self, run: str, line: str) -> None:
        """A line of the command that runs; only its last one is seen, and only on a terminal."""
        if not self._out.is_terminal:
            return
        if self._status is None:
            self._status = self._out.status("")
            self._status.start()
        self._status.update(Text(f"{run}: {line}"[: max(self._out.width - 6, 20)], "dim"))

    def quiet(self) -> None:
        """Take the moving line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def looked(self, looked: Looked) -> None:
        """What is there."""
        kinds = ", ".join(f"{n} @{name}" for name, n in sorted(looked.decorators.items()))
        health = looked.health
        self._say(f"{looked.found.tree.root}: {kinds or 'no old decorator'}")
        facts = looked.facts
        self._say(f"git: {facts.git}")
        self._say(f"extras installed: {', '.join(facts.extras) or 'none'}")
        if looked.own_package:
            self._say(f"its own cache package: {looked.own_package}")
        if looked.adoption is not None:
            names = ", ".join(names_of(looked.adoption))
            self._say(f"it is to get, as by `afml-codemod adopt-init`: {names}")
        stored = f"{health.joblib_entries} results of @cacheable, {health.entries} entries"
        self._say(f"the cache {health.directory}: {stored}, {facts.cache}")
        for one in health.troubles:
            self._say(f"{one.level}: {one.what}")

    def planned(self, candidates: list[Candidate], chosen: Collection[Key]) -> None:
        """The functions, the most valuable first."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
        table.add_column("function", no_wrap=True)
        table.add_column("becomes", no_wrap=True)
        for name in ("seconds", "hit rate", "predicted"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in candidates[:ROWS]:
            skipped = "" if one.key in chosen else "dim"
            table.add_row(
                Text(in_lines(short(one.path, one.function)), skipped),
                f"@{one.new}" if not skipped else "-",
                f"{one.seconds:.2f}" if one.before is not None else "-",
                _share(one.before),
                _share(one.predicted),
            )
        self._out.print(table)
        if len(candidates) > ROWS:
            self._say(f"... and {len(candidates) - ROWS} more")

    def failed(self, tried: Attempt) -> None:
        """An attempt that broke criteria."""
        self.quiet()
        for one in tried.broken:
            self._out.print(Text(f"  {one.name}: broken ({one.told})", "red"))

    def _say(self, text: str) -> None:
        self._out.print(Text(f"  {text}"), soft_wrap=not self._out.is_terminal)


def show_report(out: Console, report: Report) -> None:
    """The account at the end."""
    if report.criteria:
        out.print()
        out.print(_criteria(report))
    rows = [row for row in report.rows if row.became is not Became.LATER]
    if rows:
        out.print(_rows(rows[:ROWS]))
        if len(rows) > ROWS:
            out.print(f"... and {len(rows) - ROWS} more (see the report)")
    _show_why(out, report)
    _show_uncovered(out, report)
    for note in report.notes:
        out.print(Text(f"note: {note}", "dim"), soft_wrap=not out.is_terminal)
    out.print(Text(in_words(report), "bold" if report.proven else "bold yellow"))


def in_words(report: Report) -> str:
    """How it ended, in a sentence or two."""
    count = sum(1 for row in report.rows if row.became is Became.MIGRATED)
    back = sum(1 for row in report.rows if row.became is Became.ROLLED_BACK)
    functions = "1 function" if count == 1 else f"{count} functions"
    migrated = f"{functions} migrated{_how_far(report)}"
    undo = f" Undo: afml-codemod rollback {report.migration}" if report.migration else ""
    unmeasured = [one.name for one in report.criteria if one.holds is Holds.UNKNOWN]
    match report.outcome:
        case Outcome.NOTHING:
            return "Nothing to migrate."
        case Outcome.LOOKED if report.code:
            return "Nothing was changed: nothing of what was asked for can be migrated."
        case Outcome.LOOKED:
            return "Nothing was changed."
        case Outcome.ROLLED_BACK:
            return "Everything is rolled back: every file is byte for byte what it was."
        case Outcome.PARTLY_KEPT:
            left = len(report.rows) - count - back
            others = f", {left} left alone" if left else ""
            return f"{migrated}; {back} rolled back{others}.{undo}"
        case Outcome.KEPT if report.proven:
            if report.code:
                return f"{migrated}; nothing is broken, but --strict asks for all of it.{undo}"
            return f"{migrated}; every criterion holds.{undo}"
    names = ", ".join(unmeasured)
    return f"{migrated}; nothing is broken, but this is not proven: {names}.{undo}"


def _how_far(report: Report) -> str:
    """``: 14 verified, 1 never called``, or that all of them are."""
    counts = {proof: report.count(proof) for proof in Proof}
    if counts[Proof.VERIFIED] == sum(counts.values()):
        return " and verified" if counts[Proof.VERIFIED] else ""
    return ": " + ", ".join(f"{n} {proof}" for proof, n in counts.items() if n)


def _criteria(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    table.add_column("criterion", no_wrap=True)
    table.add_column("holds", no_wrap=True)
    table.add_column("measured", overflow="fold")
    for one in report.criteria:
        table.add_row(one.name, Text(_MARKS[one.holds], _STYLES[one.holds]), one.told)
    return table


def _rows(rows: Collection[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    table.add_column("function", no_wrap=True)
    table.add_column("became", no_wrap=False)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("hit rate", justify="right", no_wrap=True)
    table.add_column("hit ms", justify="right", no_wrap=True)
    table.add_column("recheck", no_wrap=True)
    for row in rows:
        style = "bold red" if row.became is Became.ROLLED_BACK else ""
        table.add_row(
            in_lines(short(row.path, row.function)),
            Text(row.became, style),
            str(row.before.total) if row.before else "-",
            _change(row),
            _times(row),
            row.recheck.verdict if row.recheck else "-",
        )
    return table


def _show_why(out: Console, report: Report) -> None:
    for row in report.rows:
        if row.why:
            out.print(Text(f"{row.name}: {row.became}", "bold"))
            for what in row.why[:SHOWN]:
                out.print(Text(f"  {what}"), soft_wrap=not out.is_terminal)
            if len(row.why) > SHOWN:
                out.print(f"  ... and {len(row.why) - SHOWN} more")
    if report.outcome is Outcome.ROLLED_BACK:
        for one in report.criteria:
            for fault in one.faults[:SHOWN]:
                if not fault.function:
                    out.print(Text(f"{one.name}: {fault.what}"), soft_wrap=not out.is_terminal)


def _show_uncovered(out: Console, report: Report) -> None:
    """What no criterion has looked at."""
    found = report.uncovered if report.migration else ()
    if found:
        out.print(Text("not covered", "bold"))
    for one in found[:ROWS]:
        out.print(Text(f"  {one}"), soft_wrap=not out.is_terminal)
    if len(found) > ROWS:
        out.print(f"  ... and {len(found) - ROWS} more (see the report)")


def short(path: str, function: str) -> str:
    """A function as a table has room for it: ``features.volatility``."""
    return f"{Path(path).stem}.{function}"


def in_lines(name: str, width: int = NAME) -> str:
    """A name that is too wide, in lines that end where a part of it does.

    >>> print(in_lines("model.feature_importance", 20))
    model.
    feature_importance
    """
    parts: list[str] = []
    for part in re.findall(r"[^.]*\.?", name):  # at dots, else at underscores, else anywhere
        fits = len(part) <= width
        parts += [part] if fits else re.findall(rf"[^_]{{1,{width - 1}}}_?|_", part)
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _share(share: float | None) -> str:
    return "-" if share is None else percent(share)


def _change(row: Row) -> str:
    if row.before is None:
        return "-"
    was = percent(row.before.hit_rate)
    if row.after is None:
        return was
    now = percent(row.after.hit_rate)
    return now if was == now else f"{was} -> {now}"


def _times(row: Row) -> str:
    speed = row.recheck.speed if row.recheck else None
    return f"{speed.old * 1e3:.2g} -> {speed.new * 1e3:.2g}" if speed else "-"
