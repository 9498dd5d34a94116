"""The one entry that the beginning of a key means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from afml_cache.cli.stop import USAGE, stop

if TYPE_CHECKING:
    from afml_cache.store.store import Entry, Store

#: Fewer digits could be a word.
SHORTEST = 4


def is_key(text: str) -> bool:
    """Whether a text may be a key or the beginning of one."""
    return re.fullmatch(rf"[0-9a-fA-F]{{{SHORTEST},32}}", text) is not None


def entry_of(store: Store, key: str) -> Entry:
    """The entry whose key is, or begins with, ``key``; ends the command unless there is one."""
    if not is_key(key):
        stop(
            f"{key!r} is no key: give at least {SHORTEST} hexadecimal digits, as "
            "`afml-cache ls FUNCTION` shows them.",
            USAGE,
        )
    wanted = key.lower()
    if len(wanted) == 32:
        exact = store.entry(bytes.fromhex(wanted))
        found = [] if exact is None else [exact]
    else:
        found = [entry for entry in store.entries() if entry.digest.hex().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        keys = ", ".join(entry.digest.hex()[: len(wanted) + 4] for entry in found[:5])
        stop(f"{len(found)} keys begin with {key}: {keys}. Give more digits.", USAGE)
    return stop(
        f"No entry of {store.directory} has the key {key}, or it was sealed with another secret "
        "(`afml-cache verify` tells). `afml-cache ls FUNCTION` lists keys.",
        USAGE,
    )
