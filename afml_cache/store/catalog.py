"""What the index tells of the entries: which there are, and what each says of itself.

No value is opened for it, and a fault of the index is an empty answer. Looking makes no index where
there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from afml_cache.store import notes, rows, valuefile
from afml_cache.store.claims import BadEntryError, Entry
from afml_cache.store.faults import Faults
from afml_cache.store.index import Index

T = TypeVar("T")


class Catalog:
    """The entries of one store that can be opened with the secret in force.

    Parameters
    ----------
    index, faults
        Of the store.
    sealer : callable
        Gives the id of the secret in force; asked at every look.
    """

    def __init__(self, index: Index, faults: Faults, sealer: Callable[[], bytes]) -> None:
        self._index = index
        self._faults = faults
        self._sealer = sealer

    def all(self, function: str | None) -> Iterator[Entry]:
        """The entries of one function, or every one, by digest."""
        after: bytes | None = b""
        while after is not None:
            found, after = self._page(function, after)
            yield from found

    def where(
        self, condition: str, values: Callable[[bytes], tuple[Any, ...]], at_most: int = -1
    ) -> list[Entry]:
        """The entries that a condition in SQL holds for; ``values`` has the id of the secret."""

        def look() -> list[Entry]:
            sealer = self._sealer()
            return self._index.read(
                lambda cursor: rows.entries(cursor, sealer, condition, values(sealer), at_most)
            )

        return self._ask(look, [])

    def description(self, digest: bytes) -> dict[str, Any]:
        """What one entry says about its arguments; empty when there is none."""

        def look() -> dict[str, Any]:
            slot = digest + self._sealer()
            query = "SELECT packed FROM description WHERE slot=?"
            row = self._index.read(lambda cursor: cursor.execute(query, (slot,)).fetchone())
            return valuefile.unpack_record(row[0]) if row else {}

        return self._ask(look, {})

    def note(self, digest: bytes) -> dict[str, Any]:
        """What descriptions refer to by a digest; empty where it is not kept."""

        def look() -> dict[str, Any]:
            found = self._index.read(lambda cursor: notes.find(cursor, digest))
            try:
                return valuefile.unpack_record(found) if found is not None else {}
            except BadEntryError:  # damaged: as good as not kept
                return {}

        return self._faults.ask(look, {})

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Entries and their bytes, by function, whoever sealed them."""
        query = "SELECT function, count(*), total(size) FROM claim GROUP BY function"

        def look() -> dict[str, tuple[int, int]]:
            found = self._index.read(lambda cursor: cursor.execute(query).fetchall())
            return {str(function): (int(count), int(size)) for function, count, size in found}

        return self._ask(look, {})

    def last_used(self) -> dict[str, float]:
        """When an entry of each function was last used or stored, since the epoch."""
        query = "SELECT function, max(used) FROM claim GROUP BY function"

        def look() -> dict[str, float]:
            found = self._index.read(lambda cursor: cursor.execute(query).fetchall())
            return {str(f): used for f, used in found if isinstance(used, int | float)}

        return self._ask(look, {})

    def _page(self, function: str | None, after: bytes) -> tuple[list[Entry], bytes | None]:
        def look() -> tuple[list[Entry], bytes | None]:
            sealer = self._sealer()
            return self._index.read(lambda cursor: rows.page(cursor, sealer, function, after))

        nothing: tuple[list[Entry], bytes | None] = [], None
        return self._ask(look, nothing)

    def _ask(self, look: Callable[[], T], nothing: T) -> T:
        return nothing if self._index.absent() else self._faults.ask(look, nothing)
