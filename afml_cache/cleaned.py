"""What a selective clearing and a maintenance have done, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afml_cache.store.cleared import Cleared
from afml_cache.store.upkeep import Freed


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What a selective clearing moved aside, or would move.

    Parameters
    ----------
    functions : dict of str to (int, int)
        Entries and bytes by ``module.qualname``, with joblib's under ``@cacheable``.
    cleared : Cleared
        Where it is now; false where nothing was moved.
    dry_run : bool
        Nothing was moved: this is what would be.
    unmatched : tuple of str
        Names that were given and that nothing bears: nothing that is stored or, where code is
        compared, nothing that is loaded.
    unsure : tuple of str
        What was left alone, and why: it cannot be told whether the code of a function has changed,
        or whether some functions are of a module that was given.
    """

    functions: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    cleared: Cleared = field(default_factory=Cleared)
    dry_run: bool = False
    unmatched: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()

    @property
    def entries(self) -> int:
        """How many."""
        return sum(count for count, _ in self.functions.values())

    @property
    def bytes(self) -> int:
        """What they take on disk."""
        return sum(size for _, size in self.functions.values())

    def __bool__(self) -> bool:
        return self.entries > 0

    def __str__(self) -> str:
        if self.functions:
            verb = "would be cleared" if self.dry_run else "cleared"
            told = [f"{verb}: {self.entries:,} entries ({self.bytes / 1e6:,.1f} MB)"]
            if self.cleared.restorable_until is not None:
                told[0] += f", restorable until {self.cleared.restorable_until:%Y-%m-%d %H:%M} UTC"
        else:
            told = ["nothing to clear"]
        for name, (count, size) in sorted(self.functions.items()):
            told.append(f"  {name}: {count:,} entries ({size / 1e6:,.1f} MB)")
        told += [f"  no function matches {name}" for name in self.unmatched]
        told += [f"  left alone: {why}" for why in self.unsure]
        return "\n".join(told)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What :func:`cache_maintenance` did.

    Parameters
    ----------
    changed : Cleaning
        Entries of changed code, moved aside.
    expired, evicted, leftovers : Freed
        Removed for good: past their time, over the size limit, left by killed processes.
    outdated : tuple of Cleared
        What had been cleared and cannot be restored any more: more than seven days ago, or the
        size limit needed its room.
    index_bytes : int
        What compacting the index gave back to the disk.
    entries, bytes : int
        What the store holds now.
    joblib_bytes : int
        What ``@cacheable`` holds beside it; no limit is applied to that.
    """

    changed: Cleaning = field(default_factory=Cleaning)
    expired: Freed = field(default_factory=Freed)
    evicted: Freed = field(default_factory=Freed)
    leftovers: Freed = field(default_factory=Freed)
    outdated: tuple[Cleared, ...] = ()
    index_bytes: int = 0
    entries: int = 0
    bytes: int = 0
    joblib_bytes: int = 0

    @property
    def freed_bytes(self) -> int:
        """Bytes that are free on the disk now; what was moved aside does not count."""
        removed = self.expired.bytes + self.evicted.bytes + self.leftovers.bytes
        return removed + self.index_bytes + sum(cleared.bytes for cleared in self.outdated)

    def __str__(self) -> str:
        told = [f"freed {self.freed_bytes / 1e6:,.1f} MB"]
        for what, freed in (
            ("expired or unused too long", self.expired),
            ("evicted to keep the size limit", self.evicted),
            ("left by processes that were killed", self.leftovers),
        ):
            if freed:
                told.append(f"{what}: {freed}")
        told += [
            f"cleared earlier, and now removed: {cleared.contents}" for cleared in self.outdated
        ]
        if self.changed or self.changed.unsure:
            told.append(f"code that changed: {self.changed}")
        told.append(f"the store holds {self.entries:,} entries ({self.bytes / 1e6:,.1f} MB)")
        if self.joblib_bytes:
            size = f"{self.joblib_bytes / 1e6:,.1f} MB"
            told.append(f"@cacheable holds {size} beside it, which no limit is applied to")
        return "\n".join(told)
