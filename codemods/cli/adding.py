"""What commands that add something do with their plans: show them, or carry them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codemods.cli.carry_out import carry_out
from codemods.cli.stop import FAILED

if TYPE_CHECKING:
    from codemods.runner import Survey


def add(found: Survey, command: str, *, dry_run: bool, yes: bool) -> int:
    """The exit code, after everything has been done and told."""
    from codemods.show import console
    from codemods.show_added import show_added, show_before

    out = console()
    if dry_run:
        show_before(out, found)
        return FAILED if found.failures else 0
    done = carry_out(found, out, "Adding", yes=yes, command=command)
    show_added(out, found, done)
    return FAILED if done.failures else 0
