"""``ls``: the functions that have results stored, or the results of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.keys.extent import Extent, Period
    from afml_cache.store.store import Entry, Store

#: So many digits of a key are shown; `show` takes the beginning of one.
DIGITS = 12


@click.command()
@click.argument("function", required=False)
@click.option("--since", metavar="DATE", help="Only results of arguments with dates from here on.")
@click.option("--until", metavar="DATE", help="Only results of arguments with dates up to here.")
@on_a_cache
def ls(
    store: Store, as_json: bool, function: str | None, since: str | None, until: str | None
) -> None:
    """The functions that have results; with FUNCTION or dates, the results themselves.

    Dates are those that the arguments cover (2024-03 is all of March), as
    @time_aware_cacheable has stored them; what has no dates is left out where one is given.
    """
    if function is None and since is None and until is None:
        _functions(store, as_json)
        return
    from afml_cache.by_date import extents_of_entry, period_between
    from afml_cache.stored_functions import stored_functions

    period = period_between(since, until)
    if function is not None:
        function = _identity(function, stored_functions(store))
    found = []
    for entry in store.entries(function):
        extents = extents_of_entry(entry, store.description(entry.digest))
        if period is None or period.meets(extents):
            found.append((entry, extents))
    found.sort(key=lambda item: item[0].created, reverse=True)
    if as_json:
        _entries_as_json(store, found)
    else:
        _entries_as_table(found, function, period)


def _functions(store: Store, as_json: bool) -> None:
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import add_row, console, line, table
    from afml_cache.monitoring.words import bytes_in_words
    from afml_cache.stored_functions import stored_functions

    stored = sorted(stored_functions(store).items())
    if as_json:
        listed = [
            {"function": name, "entries": one.entries, "size_bytes": one.bytes}
            for name, one in stored
        ]
        print_json("ls", {"directory": str(store.directory), "functions": listed})
        return
    out = console()
    if not stored:
        line(out, f"Nothing is stored in {store.directory}.")
        return
    rows = table("Function", "Results", "Size", numbers=("Results", "Size"))
    for name, one in stored:
        add_row(rows, name, f"{one.entries:,}", bytes_in_words(one.bytes))
    out.print(rows)


def _identity(function: str, stored: Mapping[str, Any]) -> str:
    from afml_cache.monitoring.figures import identity_among

    return identity_among(function, stored)


def _entries_as_json(store: Store, found: list[tuple[Entry, dict[str, Extent]]]) -> None:
    from afml_cache.cli.document import entry_fields, print_json

    listed = [
        {
            **entry_fields(entry),
            "dates": dates_of(extents),
        }
        for entry, extents in found
    ]
    print_json("ls", {"directory": str(store.directory), "entries": listed})


def dates_of(extents: Mapping[str, Extent]) -> dict[str, str]:
    """What each argument covers, in words."""
    if not extents:
        return {}  # and pandas is not loaded
    from afml_cache.by_date import span_of

    return {name: str(span_of(extent)) for name, extent in extents.items()}


def _entries_as_table(
    found: list[tuple[Entry, dict[str, Extent]]], function: str | None, period: Period | None
) -> None:
    from afml_cache.cli.screen import add_row, ago, console, line, table
    from afml_cache.monitoring.words import bytes_in_words, seconds_in_words

    out = console()
    if not found:
        of = "" if function is None else f" of {function}"
        when = "" if period is None else " with such dates"
        line(
            out, f"The store holds no results{of}{when} (joblib's, of @cacheable, are not listed)."
        )
        return
    numbers = ("Size", "Took", "Stored", "Used")
    named = function is None
    described = [_described(entry, extents, named, out.width) for entry, extents in found]
    what = ("Function" if named else "Dates",) if any(described) else ()
    rows = table("Key", *what, *numbers, numbers=numbers)
    for (entry, _), text in zip(found, described, strict=True):
        add_row(
            rows,
            entry.digest.hex()[:DIGITS],
            *((text,) if what else ()),
            bytes_in_words(entry.size),
            seconds_in_words(entry.seconds),
            ago(entry.created),
            ago(entry.used),
        )
    out.print(rows)


def _described(entry: Entry, extents: Mapping[str, Extent], named: bool, width: int) -> str:
    """The function, where it is ``named``, and the dates of an entry, on some lines."""
    from afml_cache.cli.screen import folded

    lines = [folded(entry.function, max(width - 50, 20))] if named else []
    lines += [f"{name} {span}" for name, span in dates_of(extents).items()]
    return "\n".join(lines)
