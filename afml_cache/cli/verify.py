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
    "--repair",
    is_flag=True,
    help="Remove damaged entries, which are computed again when called; make a damaged index anew.",
)
@on_a_cache
def verify(store: Store, as_json: bool, repair: bool) -> None:
    """Check every byte of every entry, and the index; nothing is unpickled.

    Exit codes, added up: 4 bytes that do not fit their seal, or an index that is damaged, lost or
    contradicts the entries; 8 entries of another secret, which cannot be checked; 16 entries that
    cannot be read. With --repair, what was repaired does not count. Results of @cacheable are
    joblib's, which seals nothing: they are counted, not checked.
    """
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, counted, line, progress
    from afml_cache.store import checkup
    from afml_cache.store.cleared import JOBLIB_FOLDER, count_outputs
    from afml_cache.store.repair import were_set_aside
    from afml_cache.store.state import state_of

    state = state_of(store.directory)
    with progress("Checking", state.entries or 0) as told:
        found = checkup.examine(store, told, state)
    checked, removed, made_again = found, 0, False
    if repair:
        if found.index_is_damaged:
            checkup.make_index_again(store, found)
            made_again, checked = True, checkup.examine(store)
        removed = checkup.repair(store, checked.problems)
        if removed:
            checked = checkup.examine(store)
    joblibs = count_outputs(store.directory / JOBLIB_FOLDER)[0]
    aside = [path.name for path in were_set_aside(store.directory)]
    if as_json:
        content = {
            "directory": str(store.directory),
            "entries": found.entries,
            "problems": [_fields(one) for one in found.problems],
            "removed": removed,
            "index_made_again": made_again,
            "joblib_entries": joblibs,
            "indexes_aside": aside,
        }
        print_json("verify", content)
        sys.exit(code_of(checked.problems))
    out = console()
    for one in found.problems:
        key = "" if one.digest is None else f"{one.digest.hex()[:12]} {one.function or ''}"
        kind = "index" if one.row or one.digest is None else one.reason
        if one.reason is Reason.STORE_UNAVAILABLE:
            kind = one.reason
        line(out, f"{kind}: {key}: {one.detail}" if key else f"{kind}: {one.detail}")
    entries = counted(found.entries, "entry was", "entries were")
    if not found.problems:
        line(out, f"{entries} checked; all are sound.")
    else:
        line(out, f"{entries} checked; {counted(len(found.problems), 'problem')}.")
    if joblibs:
        line(out, f"{counted(joblibs, 'result')} of @cacheable: joblib seals none, so not checked.")
    if made_again:
        there = counted(checked.entries, "entry is", "entries are")
        line(out, f"The index was made again: {there} there. What could not be read is lost.")
    if repair:
        line(out, f"{counted(removed, 'damaged entry was', 'damaged entries were')} removed.")
    elif any(one.reason in checkup.REPAIRABLE for one in found.problems):
        does = "removes what is damaged"
        if found.index_is_damaged:
            does += " and makes the index again from what can be read"
        line(out, f"`afml-cache verify --repair` {does}.")
    for name in aside:
        line(out, f"An index was damaged before, and made again: {name} is what it was.")
    sys.exit(code_of(checked.problems))


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


def _fields(one: Problem) -> dict[str, str | bool | None]:
    return {
        "key": None if one.digest is None else one.digest.hex(),
        "function": one.function,
        "reason": one.reason,
        "in_index": one.row or one.digest is None,
        "detail": one.detail,
    }
