"""``status``: the cache in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache

if TYPE_CHECKING:
    from afml_cache.store.store import Store


@click.command()
@on_a_cache
def status(store: Store, as_json: bool) -> None:
    """The cache in numbers: calls, hits, what was saved, what is stored."""
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, counted, line
    from afml_cache.monitoring.summary import get_cache_summary
    from afml_cache.monitoring.words import (
        bytes_in_words,
        not_counting,
        percent,
        seconds_in_words,
    )

    found = get_cache_summary()
    if as_json:
        print_json("status", found)
        return
    out = console()
    calls = counted(found["total_calls"], "call")
    if found["total_calls"]:
        calls += (
            f", {percent(found['hit_rate'])} hits, {counted(found['misses'], 'miss', 'misses')}"
        )
    if found["adopted"]:
        calls += f", {found['adopted']:,} adopted from @cacheable"
    saved = "not known"
    if found["saved_s"] is not None:
        saved = seconds_in_words(found["saved_s"]) + not_counting(found["saved_unknown"])
    rows = [
        ("Cache", str(store.directory)),
        ("Calls", calls),
        ("Functions", f"{found['functions_tracked']:,}"),
        ("Saved", saved),
        (
            "Stored",
            f"{counted(found['entries'], 'result')}, {bytes_in_words(found['size_bytes'])}",
        ),
    ]
    if found["joblib_entries"]:
        joblibs = counted(found["joblib_entries"], "result")
        size = bytes_in_words(found["joblib_size_bytes"])
        rows.append(("@cacheable", f"{joblibs}, {size}"))
    if found["cleared_bytes"]:
        size = bytes_in_words(found["cleared_bytes"])
        rows.append(("Cleared", f"{size} can be restored: afml-cache restore"))
    for name, text in rows:
        line(out, f"{name:<11} {text}")
