"""How plans, results and migrations look on a terminal; what a pipe gets is the same text.

Everything here prints values that others made. Nothing is decided, read or written, except
that a diff reads the file it is about.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codemods.diff import unified
from codemods.findings import place

if TYPE_CHECKING:
    from rich.console import Console

    from codemods.draft import Rewrite
    from codemods.findings import Finding
    from codemods.journal import Journal
    from codemods.pinning import Pinned
    from codemods.rollback import RolledBack
    from codemods.runner import Applied, Failure, Planned, Survey


def console(*, errors: bool = False) -> Console:
    """A console: colour on a terminal only; 80 columns at least in a pipe."""
    from codemods.terminal import PipeConsole

    return PipeConsole(stderr=errors, highlight=False, soft_wrap=False, emoji=False, markup=False)


def show_plan(out: Console, found: Survey, *, diff: bool, to_do: str = "migrate") -> None:
    """The table of functions, what is left alone, and a line that sums it up."""
    functions = sum(len(entry.plan.rewrites) for entry in found.changes)
    if functions:
        out.print(_table(found.changes, out.width), "")
    if diff:
        for entry in found.changes:
            show_diff(out, found, entry)
    show_left_alone(out, found.planned)
    show_not_selected(out, found)
    show_failures(out, found.failures)
    if functions:
        files = _count(len(found.changes), "file")
        out.print(f"{_count(functions, 'function')} in {files} to {to_do}; nothing is written yet.")
    else:
        out.print(f"Nothing to {to_do}.")


def _table(changes: Iterable[Planned], width: int) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, expand=False, pad_edge=False, show_edge=False)
    table.add_column("Function", overflow="fold")
    table.add_column("From, to", no_wrap=True)
    table.add_column("Why", overflow="fold")
    for entry in changes:
        for rewrite in entry.plan.rewrites:
            where = Text(rewrite.function, "bold")
            for line in _folded(
                f"{entry.path}:{place(rewrite.line, rewrite.cell)}", max(width - 50, 30)
            ):
                where.append(f"\n{line}", "dim not bold")
            names = Text(f"@{rewrite.old}\n", "red")
            names.append(f"@{rewrite.new}", "green")
            because = Text(rewrite.reason)
            if rewrite.evidence:
                because.append(f"\n{rewrite.evidence}", "dim")
            table.add_row(where, names, because)
    return table


def why(rewrite: Rewrite) -> str:
    """The reason for a rewrite, and what was recorded of the function, on one line."""
    return f"{rewrite.reason}; {rewrite.evidence}" if rewrite.evidence else rewrite.reason


def _folded(place: str, width: int) -> Iterator[str]:
    """A path in as few lines as fit, broken after its slashes."""
    line = ""
    for part in re.findall(r"[^/]*/|[^/]+", place):
        if line and len(line) + len(part) > width:
            yield line
            line = ""
        line += part
    yield line


def show_diff(out: Console, found: Survey, entry: Planned) -> None:
    """What would be done to one file, as a unified diff."""
    from rich.text import Text

    data = (found.tree.root / entry.path).read_bytes()
    styles = {"+++": "bold", "---": "bold", "@": "cyan", "+": "green", "-": "red"}
    for line in unified(entry.path, data, entry.plan):
        style = next((s for start, s in styles.items() if line.startswith(start)), "")
        out.print(Text(line, style), soft_wrap=True)
    out.print()


def show_left_alone(out: Console, planned: Iterable[Planned]) -> None:
    """What stays as it is, and why, a line each."""
    from rich.text import Text

    lines = [(entry.path, finding) for entry in planned for finding in entry.plan.findings]
    if not lines:
        return
    reasons = Counter(finding.code.value for _, finding in lines)
    counted = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    out.print(Text(f"Left alone ({counted}):", "bold"))
    for path, finding in lines:
        text = Text(f"  {path}:{place(finding.line, finding.cell)}:{finding.column}: ")
        text.append(finding.code, "yellow")
        text.append(f": {finding.text}")
        out.print(text, soft_wrap=not out.is_terminal)
    out.print()


def show_not_selected(out: Console, found: Survey) -> None:
    """How many functions were not asked for, by reason."""
    from rich.text import Text

    if found.selected is not None and found.selected.notes:
        out.print(Text("Not selected:", "bold"))
        for note in found.selected.notes:
            out.print(Text(f"  {note.text}"), soft_wrap=not out.is_terminal)
        out.print()


def show_failures(out: Console, failures: Iterable[Failure]) -> None:
    """Files that failed, a line each."""
    from rich.text import Text

    failures = list(failures)
    if failures:
        out.print(Text("Failed; these files are as they were:", "bold red"))
        for failure in failures:
            out.print(Text(f"  {failure.path}: {failure.text}"), soft_wrap=not out.is_terminal)
        out.print()


def show_applied(out: Console, found: Survey, done: Applied, did: str) -> None:
    """The summary of a run: changed, left alone and why, failed."""
    from rich.text import Text

    changed = set(done.changed)
    rewrites = [
        rewrite
        for entry in found.changes
        if entry.path in changed
        for rewrite in entry.plan.rewrites
    ]
    show_left_alone(out, found.planned)
    show_not_selected(out, found)
    show_failures(out, done.failures)
    if done.migration is None:
        out.print("Nothing was changed.")
        return
    into = Counter(rewrite.new for rewrite in rewrites)
    for name, count in sorted(into.items()):
        out.print(Text(f"  @{name}: {_count(count, 'function')}", "green"))
    files = _count(len(changed), "file")
    out.print(f"{did} {_count(len(rewrites), 'function')} in {files}.")
    show_undo(out, found.tree.root, done.migration)


def show_undo(out: Console, root: Path, migration: str) -> None:
    """The command that takes back what has been done."""
    undo = f"afml-codemod rollback {migration}"
    if not Path.cwd().is_relative_to(root):
        undo += f" --root {root}"
    out.print(f"Undo it with: {undo}", soft_wrap=True)


def show_pinned(out: Console, pinned: Pinned | None) -> None:
    """What becomes of the results that the old decorator has stored."""
    out.print("What @cacheable has stored is adopted where the code is still the same.")
    if pinned is None:
        return
    if not (pinned.files or pinned.failed):
        out.print(f"There is nothing stored in {pinned.place}.", soft_wrap=True)
    if pinned.pinned:
        out.print(
            f"Pinned the code that the results of {_count(len(pinned.pinned), 'function')}"
            " belong to."
        )
    if pinned.failed:
        out.print("Not pinned, so until its first call any edit keeps its older results out:")
    for why in pinned.failed:
        out.print(f"  {why}", soft_wrap=not out.is_terminal)


def show_rollback(out: Console, result: RolledBack) -> None:
    """What was restored, what was undone around somebody's edits, and what conflicts."""
    from rich.text import Text

    if result.conflicts:
        out.print(Text("Conflicts; these places are as somebody left them:", "bold red"))
        for conflict in result.conflicts:
            where = f":{place(conflict.line, conflict.cell)}" if conflict.line else ""
            out.print(Text(f"  {conflict.path}{where}"), soft_wrap=True)
            out.print(Text(f"    the migration left: {conflict.ours}", "green"), soft_wrap=True)
            out.print(Text(f"    there is now:       {conflict.theirs}", "red"), soft_wrap=True)
        out.print()
    show_failures(out, result.failures)
    out.print(f"Migration {result.migration.id} is {result.migration.state}.")
    for files, text in (
        (result.restored, "restored byte for byte"),
        (result.undone, "edited since: only the migration's own edits were undone"),
        (result.already, "already as before"),
    ):
        if files:
            out.print(f"  {_count(len(files), 'file')} {text}", soft_wrap=True)
    if result.settled:
        places = _count(len(result.settled), "place")
        out.print(f"  {places} gone, as was told before: nothing left to undo", soft_wrap=True)


def show_status(out: Console, journal: Journal) -> None:
    """The migrations, and what of each still stands."""
    from codemods.rollback import standing

    found = list(journal.migrations())
    if not found:
        out.print("No migrations.")
    for migration in found:
        rewrites = [rewrite for record in migration.files for rewrite in record.rewrites]
        functions = sum(1 for rewrite in rewrites if rewrite.function)
        names = len(rewrites) - functions  # added to a package of the repository's own
        what = [_count(functions, "function")] if functions or not names else []
        what += [_count(names, "name")] if names else []
        by = "" if migration.command == "apply" else f" by {migration.command}"
        out.print(
            f"{migration.id}  {migration.state}{by}:"
            f" {' and '.join(what)} in {_count(len(migration.files), 'file')}"
        )
        counts = Counter(standing(journal.root, record)[0].value for record in migration.files)
        now = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        out.print(f"    the files now: {now}", soft_wrap=True)


def as_json(found: Survey) -> str:
    """A plan for machines."""
    selected = found.selected

    def recorded_of(path: str, function: str) -> dict[str, Any]:
        recorded = selected.matched.recorded.get((path, function)) if selected else None
        if recorded is None:
            return {}
        more = {"hit_rate": recorded.hit_rate, "cost": recorded.cost}
        return {"evidence": asdict(recorded) | more}

    files = [
        {
            "path": entry.path,
            "digest": entry.plan.digest,
            "functions": [
                {
                    "function": rewrite.function,
                    **_line(rewrite),
                    "from": rewrite.old,
                    "to": rewrite.new,
                    "reason": rewrite.reason,
                }
                | recorded_of(entry.path, rewrite.function)
                for rewrite in entry.plan.rewrites
            ],
            "findings": [
                {**_line(f), "column": f.column, "code": f.code, "text": f.text}
                | ({"function": f.function} if f.function else {})
                for f in entry.plan.findings
            ],
        }
        for entry in found.planned
    ]
    failures = [{"path": failure.path, "text": failure.text} for failure in found.failures]
    root = os.fspath(found.tree.root)
    document = {"version": 1, "root": root, "files": files, "failures": failures}
    document["not_selected"] = [
        {"reason": note.why, "text": note.text, "count": len(note.about), "about": note.about}
        for note in (selected.notes if selected else ())
    ]
    return json.dumps(document, indent=1)


def _line(of: Rewrite | Finding) -> dict[str, int]:
    """The line of something; in a notebook, its cell too."""
    return {"cell": of.cell, "line": of.line} if of.cell else {"line": of.line}


@contextmanager
def progress(out: Console, what: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; nothing at all in a pipe."""
    if not out.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def progress_if_any(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """The same on standard error, from the first file on: without one, nothing is loaded."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        bars: list[Callable[[int, int], None] | None] = []

        def tell(done: int, total: int) -> None:
            if not bars:
                bars.append(stack.enter_context(progress(console(errors=True), what)))
            if bars[0] is not None:
                bars[0](done, total)

        yield tell


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
