"""Hits of results that a block has cached, counted on the run of the block that computed them."""

from __future__ import annotations

import time

from afml_cache.store.store import Store
from afml_cache.tracking.hits import counts_of, first_hit
from afml_cache.tracking.outbox import FAULTS, Outbox
from afml_cache.tracking.sender import sender, tell_queue


def count_hit(store: Store, original: str) -> None:
    """Count a hit in memory on the record of a block; it is written down some seconds later."""
    one = first_hit(counts_of(store.directory), bytes.fromhex(original))
    one.count += 1
    one.last = time.time()
    if store.read_only:
        return
    try:
        if Outbox(store.directory).path.exists():
            sender.watch(store.directory, store.sealer())
    except FAULTS as fault:
        tell_queue(store.directory, fault)
