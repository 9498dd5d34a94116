"""``prune``: make room, by size and age."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.store.cleared import Cleared
    from afml_cache.store.foresight import Foreseen
    from afml_cache.store.store import Store
    from afml_cache.store.upkeep import Freed

T = TypeVar("T")


def _size(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    from afml_cache.settings import parse_size

    return None if text is None else _read(text, parse_size, "2GB, 500MB")


def _age(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    from afml_cache.settings import parse_age

    return None if text is None else _read(text, parse_age, "30d, 12h")


def _read(text: str, parse: Callable[[str], T], examples: str) -> T:
    """A limit with its unit: who types 2 means gigabytes, and nothing could be had back."""
    from afml_cache.errors import ConfigurationError

    if re.fullmatch(r"[0-9_.\s]+", text):
        raise click.BadParameter(f"{text!r} has no unit; write {examples}")
    try:
        return parse(text)
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
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_a_cache
def prune(
    store: Store,
    as_json: bool,
    max_size: int | None,
    max_age: float | None,
    compact: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Remove results for good: what has expired, and what is over the limits that are given.

    What was cleared and could still be restored counts towards --max-size. Asks before anything
    goes that could still have been used. Results of @cacheable are joblib's: no limit is applied
    to them.
    """
    from afml_cache.cli.ask import agreed
    from afml_cache.cli.screen import waiting
    from afml_cache.selective_cleaner import cache_maintenance, optimize_cache_system
    from afml_cache.store.foresight import would_free

    if dry_run or not yes:
        size_limit = store.size_limit if max_size is None else max_size
        age_limit = store.age_limit if max_age is None else max_age
        with waiting("Looking at what would go"):
            found = would_free(store, size_limit, age_limit)
        if dry_run:
            _foretell(found, as_json)
            return
        question = _question(found, store, age_limit)
        if question and not agreed(question, yes=False):
            click.echo("Nothing was removed.", err=True)
            return
    run = optimize_cache_system if compact else cache_maintenance
    megabytes = None if max_size is None else max_size / 1e6
    days = None if max_age is None else max_age / 86_400.0
    before = _entries(store)
    try:
        with waiting("Making room"):
            done = run(False, megabytes, days)
    except KeyboardInterrupt:
        gone = before - _entries(store)
        click.echo(f"{gone:,} results had been removed by then; all others are there.", err=True)
        raise
    if as_json:
        _print(False, done.freed_bytes, done.expired, done.evicted, done.outdated)
        return
    from afml_cache.cli.screen import console, line

    for text in str(done).splitlines():
        line(console(), text)


def _entries(store: Store) -> int:
    return sum(count for count, _ in store.sizes().values())


def _question(found: Foreseen, store: Store, age_limit: float | None) -> str:
    """What a person is asked; empty where nothing goes that could still have been used."""
    entries = found.evicted.entries + (found.expired.entries if age_limit is not None else 0)
    told = []
    if entries:
        size = found.evicted.bytes + (found.expired.bytes if age_limit is not None else 0)
        told.append(f"{entries:,} results ({size / 1e6:,.1f} MB)")
    if found.cleared:
        count = sum(map(_results, found.cleared))
        size = sum(one.bytes for one in found.cleared)
        told.append(f"{count:,} cleared results ({size / 1e6:,.1f} MB) that could be restored")
    return f"Remove {' and '.join(told)} from {store.directory} for good?" if told else ""


def _results(cleared: Cleared) -> int:
    return cleared.entries + cleared.joblib_entries


def _foretell(found: Foreseen, as_json: bool) -> None:
    from afml_cache.cli.screen import console, line

    gone = (*found.outdated, *found.cleared)
    if as_json:
        freed = found.expired.bytes + found.evicted.bytes + sum(one.bytes for one in gone)
        _print(True, freed, found.expired, found.evicted, gone)
        return
    out = console()
    if not found:
        line(out, "Nothing would be removed.")
    for what, one in (
        ("expired or unused too long", found.expired),
        ("over the size limit", found.evicted),
    ):
        if one:
            line(out, f"{what}: {one} would be removed")
        for name, (count, size) in sorted(one.functions.items()):
            line(out, f"  {name}: {count:,} entries ({size / 1e6:,.1f} MB)")
    for what, several in (
        ("cleared earlier, and restorable no more", found.outdated),
        ("cleared earlier, and restorable", found.cleared),
    ):
        for cleared in several:
            assert cleared.path is not None
            line(
                out,
                f"{what}: {_results(cleared):,} results ({cleared.bytes / 1e6:,.1f} MB), "
                f"{cleared.path.name}, would be removed",
            )


def _print(
    dry_run: bool, freed: int, expired: Freed, evicted: Freed, cleared: Sequence[Cleared]
) -> None:
    from afml_cache.cli.document import print_json

    listed = [
        {
            "name": None if one.path is None else one.path.name,
            "entries": _results(one),
            "size_bytes": one.bytes,
        }
        for one in cleared
    ]
    content = {
        "dry_run": dry_run,
        "freed_bytes": freed,
        "expired": _fields(expired),
        "evicted": _fields(evicted),
        "cleared": listed,
    }
    print_json("prune", content)


def _fields(one: Freed) -> dict[str, Any]:
    functions = [
        {"function": name, "entries": count, "size_bytes": size}
        for name, (count, size) in sorted(one.functions.items())
    ]
    return {"entries": one.entries, "size_bytes": one.bytes, "functions": functions}
