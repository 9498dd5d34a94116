"""``prune``: make room, by size and age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.store.store import Store
    from afml_cache.store.upkeep import Freed


def _size(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    from afml_cache.errors import ConfigurationError
    from afml_cache.settings import parse_size

    try:
        return parse_size(text)
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def _age(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    from afml_cache.errors import ConfigurationError
    from afml_cache.settings import parse_age

    try:
        return parse_age(text)
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option(
    "--max-size",
    callback=_size,
    metavar="SIZE",
    help="Keep so much, as 2GB: what is cheapest to compute again a megabyte goes first.",
)
@click.option(
    "--max-age",
    callback=_age,
    metavar="AGE",
    help="Remove what was not used for so long, as 30d.",
)
@click.option("--compact", is_flag=True, help="Also remove leftovers and compact the index.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed; remove nothing.")
@on_a_cache
def prune(
    store: Store,
    as_json: bool,
    max_size: int | None,
    max_age: float | None,
    compact: bool,
    dry_run: bool,
) -> None:
    """Remove results for good: what has expired, and what is over the limits that are given.

    Results of @cacheable are joblib's: no limit is applied to them.
    """
    from afml_cache.cli.screen import waiting
    from afml_cache.selective_cleaner import cache_maintenance, optimize_cache_system

    if dry_run:
        from afml_cache.store.foresight import would_free

        with waiting("Looking at what would go"):
            expired, evicted = would_free(store, max_size, max_age)
        _tell(expired, evicted, as_json, dry_run=True)
        return
    run = optimize_cache_system if compact else cache_maintenance
    megabytes = None if max_size is None else max_size / 1e6
    days = None if max_age is None else max_age / 86_400.0
    with waiting("Making room"):
        done = run(False, megabytes, days)
    _tell(done.expired, done.evicted, as_json, freed=done.freed_bytes, words=str(done))


def _tell(
    expired: Freed,
    evicted: Freed,
    as_json: bool,
    *,
    dry_run: bool = False,
    freed: int | None = None,
    words: str = "",
) -> None:
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, line

    if freed is None:
        freed = expired.bytes + evicted.bytes
    if as_json:
        content = {
            "dry_run": dry_run,
            "freed_bytes": freed,
            "expired": _fields(expired),
            "evicted": _fields(evicted),
        }
        print_json("prune", content)
        return
    out = console()
    if words:
        for text in words.splitlines():
            line(out, text)
        return
    if not (expired or evicted):
        line(out, "Nothing would be removed.")
    for what, one in (("expired or unused too long", expired), ("over the size limit", evicted)):
        if one:
            line(out, f"{what}: {one} would be removed")
        for name, (count, size) in sorted(one.functions.items()):
            line(out, f"  {name}: {count:,} entries ({size / 1e6:,.1f} MB)")


def _fields(one: Freed) -> dict[str, Any]:
    functions = [
        {"function": name, "entries": count, "size_bytes": size}
        for name, (count, size) in sorted(one.functions.items())
    ]
    return {"entries": one.entries, "size_bytes": one.bytes, "functions": functions}
