"""``restore``: bring back what was cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.store.cleared import Cleared
    from afml_cache.store.store import Store


@click.command()
@click.argument("which", required=False)
@click.option("--list", "only_list", is_flag=True, help="Show what there is; restore nothing.")
@on_a_cache
def restore(store: Store, as_json: bool, which: str | None, only_list: bool) -> None:
    """Bring back what was cleared last, beside what has been cached since.

    WHICH is one of the names that --list shows, or `all`.
    """
    from afml_cache.clearing import list_cleared, restore_cleared
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, line, waiting

    if only_list:
        _list(store, list_cleared(), as_json)
        return
    with waiting("Bringing back"):
        done = restore_cleared(which)
    if as_json:
        content = {
            "entries": done.entries,
            "joblib_entries": done.joblib_entries,
            "present": done.present,
            "unreadable": done.unreadable,
            "conflicts": done.conflicts,
            "left": [_fields(one) for one in done.left],
        }
        print_json("restore", content)
    else:
        line(console(), f"{done}")


def _list(store: Store, found: list[Cleared], as_json: bool) -> None:
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import add_row, console, line, table
    from afml_cache.monitoring.words import bytes_in_words

    if as_json:
        print_json("restore", {"cleared": [_fields(one) for one in found]})
        return
    out = console()
    if not found:
        line(out, f"Nothing can be restored in {store.directory}.")
        return
    rows = table("Name", "Results", "Size", "Until (UTC)", numbers=("Results", "Size"))
    for one in found:
        assert one.path is not None
        assert one.restorable_until is not None
        add_row(
            rows,
            one.path.name,
            f"{one.entries + one.joblib_entries:,}",
            bytes_in_words(one.bytes),
            f"{one.restorable_until:%Y-%m-%d %H:%M}",
        )
    out.print(rows)


def _fields(one: Cleared) -> dict[str, object]:
    return {
        "name": None if one.path is None else one.path.name,
        "entries": one.entries,
        "joblib_entries": one.joblib_entries,
        "size_bytes": one.bytes,
        "cleared_at": one.cleared_at,
        "restorable_until": one.restorable_until,
    }
