"""Checking a whole store for a person: with a count on the way, and removing what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from afml_cache.errors import ClearingError
from afml_cache.outcomes import Reason
from afml_cache.store.claims import Problem, UnavailableError
from afml_cache.store.schema import DamagedIndexError
from afml_cache.store.state import IndexState, state_of
from afml_cache.store.store import Store
from afml_cache.store.verify import verify, verify_files

#: An entry of another secret may be sound: whoever has the secret can tell.
REPAIRABLE = frozenset({Reason.TAMPERED, Reason.UNREADABLE})


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found.

    Parameters
    ----------
    entries : int
        How many were looked at; of a damaged index, the value files.
    problems : list of Problem
    """

    entries: int
    problems: list[Problem]

    @property
    def index_is_damaged(self) -> bool:
        """Whether the index has to be made again."""
        return any(
            one.row or (one.digest is None and one.reason is Reason.UNREADABLE)
            for one in self.problems
        )


def check(store: Store, told: Callable[[int], None] | None = None) -> list[Problem]:
    """Check every byte of every entry; see :func:`examine`."""
    return examine(store, told).problems


def examine(
    store: Store,
    told: Callable[[int], None] | None = None,
    state: IndexState | None = None,
) -> Checked:
    """Check every byte of every entry, and what the index says of it.

    Unlike :meth:`Store.verify`, nothing is repaired by looking: of a store whose index is
    damaged, the value files are checked without it. A store that cannot be read is a problem in
    the list, not an empty one.

    Parameters
    ----------
    store : Store
    told : callable, optional
        Called with the number of entries that have been looked at.
    state : IndexState, optional
        Of the file of the index, where somebody has looked already.
    """
    state = state or state_of(store.directory)
    if state.problem is not None:
        values = store.directory / "values"
        looked, problems = verify_files(values, store._ready(), told)
        return Checked(looked, [state.problem, *problems])
    if state.entries == 0 and not (store.directory / "index.sqlite").exists():
        return Checked(0, [])
    looked = 0

    def count(done: int) -> None:
        nonlocal looked
        looked = done
        if told is not None:
            told(done)

    is_intact = state.entries is not None  # else it could not be read for now
    try:
        found = verify(store._index, store._vault, store._ready(), count, is_intact=is_intact)
    except UnavailableError as down:
        return Checked(0, [Problem(None, None, Reason.STORE_UNAVAILABLE, down.detail)])
    return Checked(looked, found)


def make_index_again(store: Store, checked: Checked) -> None:
    """Make an index anew that is damaged, or whose rows contradict each other.

    It is moved aside. The new one has every sound value file, and of the old one what can be read:
    small results, of which some may have lost their function, and statistics.

    Raises
    ------
    ClearingError
        The store cannot be written to.
    """
    if store.read_only:
        raise ClearingError(
            f"nothing is repaired in the cache {store.directory} in mode 'readonly'; "
            "configure(mode='on') first"
        )
    of_rows = any(one.row for one in checked.problems)
    detail = "its rows contradict each other" if of_rows else "as `afml-cache verify` found"
    index = store._index
    if index.path.exists():
        # A file that is damaged may have been made again by somebody else meanwhile.
        index._repair(DamagedIndexError(detail), certain=of_rows)
    try:
        index.require_writable()
    except UnavailableError as down:
        raise ClearingError(f"The index was not made again. {down.detail}") from down


def repair(store: Store, problems: Iterable[Problem]) -> int:
    """Remove the entries that are damaged; their results are computed again at the next call.

    Entries of another secret, and the index, are left as they are.

    Returns
    -------
    int
        How many were removed.

    Raises
    ------
    ClearingError
        The store cannot be written to.
    """
    damaged: dict[Reason, set[bytes]] = {}
    for problem in problems:
        if problem.digest is not None and problem.reason in REPAIRABLE and not problem.row:
            damaged.setdefault(problem.reason, set()).add(problem.digest)
    if not damaged:
        return 0
    try:
        store._index.require_writable()
    except UnavailableError as down:
        raise ClearingError(f"Nothing was repaired. {down.detail}") from down
    return sum(store.delete(digests, reason) for reason, digests in damaged.items())
