"""``show``: what the store knows of one result, without opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.store.store import Store


@click.command()
@click.argument("key")
@on_a_cache
def show(store: Store, as_json: bool, key: str) -> None:
    """What the store knows of one result: its call, its code, its dates. The value stays shut.

    KEY is a key or its beginning, as `afml-cache ls FUNCTION` and f.cache_key(...) give it.
    """
    from afml_cache.by_date import extents_of_entry
    from afml_cache.cli.document import entry_fields, iso, print_json
    from afml_cache.cli.find import entry_of
    from afml_cache.cli.ls import dates_of
    from afml_cache.cli.screen import ago, console, line
    from afml_cache.keys.explain import brief
    from afml_cache.monitoring.words import bytes_in_words, seconds_in_words

    entry = entry_of(store, key)
    described = store.description(entry.digest)
    arguments = {name: brief(one) for name, one in described.get("arguments", {}).items()}
    parts = sorted(described.get("parts", {}))
    packages = described.get("packages", {})
    left_out = [tuple(item) for item in described.get("left_out", [])]
    dates = dates_of(extents_of_entry(entry, described))
    if as_json:
        content = {
            **entry_fields(entry),
            "arguments": arguments,
            "dates": dates,
            "code": parts,
            "packages": packages,
            "left_out": [{"name": name, "why": why} for name, why in left_out],
        }
        print_json("show", content)
        return
    out = console()
    line(out, f"{entry.function}", "bold")
    line(out, f"key        {entry.digest.hex()}")
    line(out, f"stored     {iso(entry.created)} ({ago(entry.created)} ago)")
    line(out, f"used       {iso(entry.used)} ({ago(entry.used)} ago)")
    if entry.expires is not None:
        line(out, f"expires    {iso(entry.expires)}")
    line(out, f"size       {bytes_in_words(entry.size)}, took {seconds_in_words(entry.seconds)}")
    for title, rows in (
        ("arguments", [f"{name} = {text}" for name, text in arguments.items()]),
        ("dates", [f"{name}: {text}" for name, text in dates.items()]),
        ("code", parts),
        ("packages", [f"{name} {version}" for name, version in sorted(packages.items())]),
        ("not in the key", [f"{name} ({why})" for name, why in left_out]),
    ):
        if rows:
            line(out, title, "bold")
            for text in rows:
                line(out, f"  {text}")
