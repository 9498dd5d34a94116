"""``health``: whether the cache is well, and what to do where it is not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache
from afml_cache.cli.stop import DONE, FOUND

if TYPE_CHECKING:
    from afml_cache.store.store import Store


@click.command()
@on_a_cache
def health(store: Store, as_json: bool) -> None:  # noqa: ARG001 - it is in use
    """Whether the cache is well: findings, each with its remedy. Exit 1: something to do."""
    from afml_cache.cache_monitoring import get_cache_monitor
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, line
    from afml_cache.monitoring.health import health_in_words

    found = get_cache_monitor().generate_health_report()
    if as_json:
        print_json("health", found)
    else:
        out = console()
        for text in health_in_words(found).splitlines():
            line(out, text)
    to_do = any(finding["kind"] != "keep" for finding in found["findings"])
    sys.exit(FOUND if to_do else DONE)
