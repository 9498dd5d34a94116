"""``verify``: every byte of every entry against its seal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache
from afml_cache.cli.stop import CORRUPT, UNREADABLE, UNTRUSTED
from afml_cache.outcomes import Reason

if TYPE_CHECKING:
    from afml_cache.store.claims import Problem
    from afml_cache.store.store import Store


@click.command()
@click.option(
    "--repair", is_flag=True, help="Remove damaged entries; they are computed again when called."
)
@on_a_cache
def verify(store: Store, as_json: bool, repair: bool) -> None:
    """Check every byte of every entry; nothing is unpickled.

    Exit codes, added up: 4 bytes that do not fit their seal or a damaged index, 8 entries of
    another secret, which cannot be checked, 16 entries that cannot be read. With --repair, what
    was repaired does not count.
    """
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, counted, line, progress
    from afml_cache.store import checkup

    total = sum(count for count, _ in store.sizes().values())
    with progress("Checking", total) as told:
        problems = checkup.check(store, told)
    removed = checkup.repair(store, problems) if repair else 0
    left = checkup.check(store) if removed else problems
    if as_json:
        content = {
            "directory": str(store.directory),
            "entries": total,
            "problems": [_fields(one) for one in problems],
            "removed": removed,
        }
        print_json("verify", content)
        sys.exit(code_of(left))
    out = console()
    for one in problems:
        key = "the index" if one.digest is None else one.digest.hex()[:12]
        line(out, f"{one.reason}: {key} {one.function or ''}: {one.detail}")
    entries = counted(total, "entry was", "entries were")
    if not problems:
        line(out, f"{entries} checked; all are sound.")
    else:
        line(out, f"{entries} checked; {counted(len(problems), 'problem')}.")
    if repair:
        line(out, f"{counted(removed, 'damaged entry was', 'damaged entries were')} removed.")
    elif any(one.reason in checkup.REPAIRABLE and one.digest for one in problems):
        line(out, "`afml-cache verify --repair` removes what is damaged.")
    sys.exit(code_of(left))


def code_of(problems: Iterable[Problem]) -> int:
    """The exit code, one bit for each kind of problem."""
    code = 0
    for one in problems:
        if one.reason is Reason.OTHER_SECRET:
            code |= UNTRUSTED
        elif one.reason is Reason.TAMPERED or (
            one.digest is None and one.reason is Reason.UNREADABLE
        ):
            code |= CORRUPT
        else:
            code |= UNREADABLE
    return code


def _fields(one: Problem) -> dict[str, str | None]:
    return {
        "key": None if one.digest is None else one.digest.hex(),
        "function": one.function,
        "reason": one.reason,
        "detail": one.detail,
    }
