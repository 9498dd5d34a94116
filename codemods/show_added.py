"""How the commands that only add something tell what they have done, or would do."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from codemods.show import show_diff, show_failures, show_left_alone, show_undo

if TYPE_CHECKING:
    from rich.console import Console

    from codemods.draft import Rewrite
    from codemods.runner import Applied, Survey


def show_before(out: Console, found: Survey) -> None:
    """The diff of what would be done, and what would be left alone."""
    for entry in found.changes:
        show_diff(out, found, entry)
    show_left_alone(out, found.planned)
    show_failures(out, found.failures)
    rewrites = [rewrite for entry in found.changes for rewrite in entry.plan.rewrites]
    if rewrites:
        out.print(f"{_sentence('To add', rewrites, len(found.changes))} Nothing is written yet.")
    else:
        out.print("Nothing to add.")


def show_added(out: Console, found: Survey, done: Applied) -> None:
    """What has been added and what not, and how to take it back."""
    from rich.text import Text

    show_left_alone(out, found.planned)
    show_failures(out, done.failures)
    if done.migration is None:
        out.print("Nothing was changed.")
        return
    rewrites = [
        rewrite
        for entry in found.changes
        if entry.path in done.changed
        for rewrite in entry.plan.rewrites
    ]
    for name, count in sorted(Counter(rewrite.new for rewrite in rewrites).items()):
        functions = "1 function" if count == 1 else f"{count} functions"
        what = f"  @{name}: {functions}" if rewrites[0].function else f"  {name}"
        out.print(Text(what, "green"), soft_wrap=True)
    out.print(_sentence("Added", rewrites, len(done.changed)))
    show_undo(out, found.tree.root, done.migration)


def _sentence(verb: str, rewrites: list[Rewrite], files: int) -> str:
    """``Added decorators to 2 functions in 1 file.``"""
    count = len(rewrites)
    where = "1 file" if files == 1 else f"{files} files"
    if rewrites[0].function:
        to = "a decorator to 1 function" if count == 1 else f"decorators to {count} functions"
        return f"{verb}: {to} in {where}." if verb == "To add" else f"{verb} {to} in {where}."
    names = "1 name" if count == 1 else f"{count} names"
    return f"{verb}: {names} in {where}." if verb == "To add" else f"{verb} {names} in {where}."
