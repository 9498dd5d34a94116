"""What is stored of each function: in the store, and by joblib under ``@cacheable``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from afml_cache.cacheable_functions import decorated_functions
from afml_cache.joblib_memory.cleared import joblib_sizes, stored_folders_of
from afml_cache.store.cleared import JOBLIB_FOLDER, Cleared, functions_in
from afml_cache.store.store import Store


@dataclass(slots=True)
class Stored:
    """What is stored of one function."""

    entries: int = 0
    bytes: int = 0
    folders: list[tuple[str, ...]] = field(default_factory=list)  #: joblib's

    @property
    def size(self) -> tuple[int, int]:
        """Entries and bytes."""
        return self.entries, self.bytes


def stored_functions(store: Store) -> dict[str, Stored]:
    """The functions of which anything is stored, by ``module.qualname``."""
    found = {name: Stored(count, size) for name, (count, size) in store.sizes().items()}
    joblibs = joblib_sizes(store.directory / JOBLIB_FOLDER)
    names = {*found, *(_identity_of(folder, found) for folder in joblibs)}
    for name in names:
        for folder in stored_folders_of(name, joblibs):
            held = found.setdefault(name, Stored())
            count, size = joblibs[folder]
            held.entries += count
            held.bytes += size
            held.folders.append(folder)
    return found


def cleared_functions(cleared: Cleared, stored: Mapping[str, Stored]) -> dict[str, tuple[int, int]]:
    """What a clearing has moved aside: entries and bytes by function, sorted.

    Parameters
    ----------
    cleared : Cleared
    stored : mapping
        What there was before, as :func:`stored_functions` found it: it names joblib's folders.
    """
    if cleared.path is None:
        return {}
    found = functions_in(cleared.path)
    joblibs = joblib_sizes(cleared.path / JOBLIB_FOLDER)
    for name, held in stored.items():
        for folder in held.folders:
            if folder in joblibs:
                count, size = found.get(name, (0, 0))
                found[name] = count + joblibs[folder][0], size + joblibs[folder][1]
    return dict(sorted(found.items()))


def _identity_of(folder: tuple[str, ...], known: Collection[str]) -> str:
    """The function of a folder of joblib's: of a program, the one that this process knows."""
    if folder[0].startswith("__main__-"):
        loaded: list[str] = [cached.identity for cached in decorated_functions()]
        for name in (*known, *loaded):
            if folder in stored_folders_of(name, [folder]):
                return name
    return ".".join(folder)
