"""Hits of tracked functions, counted in memory on the hit's way and written down in batches."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import time

from afml_cache.tracking.outbox import Outbox


class HitCount:
    """The hits of one key in this process that are not written down yet."""

    __slots__ = ("count", "last")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0


_counts: dict[Path, dict[bytes, HitCount]] = {}
_guard, _writing = threading.Lock(), threading.Lock()


def counts_of(directory: Path) -> dict[bytes, HitCount]:
    """The counts of a cache directory, by the digest of the key."""
    with _guard:
        return _counts.setdefault(directory, {})


def first_hit(counts: dict[bytes, HitCount], digest: bytes) -> HitCount:
    """The count of a key that has none yet."""
    with _guard:
        return counts.setdefault(digest, HitCount())


def write_hits(directory: Path) -> None:
    """Write down what was counted; raises one of `outbox.FAULTS`, and keeps the counts then."""
    counts = counts_of(directory)
    if not Outbox(directory).path.exists():
        counts.clear()  # no run was ever recorded there
        return
    with _writing:  # two threads would write down the same hits
        counted = {}
        for digest, one in list(counts.items()):
            count = one.count
            if count:
                counted[digest] = (count, one.last or time())
        if not counted:
            return
        Outbox(directory).add_hits({digest.hex(): one for digest, one in counted.items()})
        for digest, (count, _) in counted.items():
            counts[digest].count -= count


def _after_fork() -> None:
    """In a child: what was counted before is the parent's to write."""
    global _guard, _writing
    _guard, _writing = threading.Lock(), threading.Lock()
    for counts in _counts.values():
        counts.clear()


os.register_at_fork(after_in_child=_after_fork)
