"""The module of each stored function, as its newest entry has it down.

A name alone, ``research.labels.Model.fit``, does not tell a class from a module.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from afml_cache.store import valuefile
from afml_cache.store.claims import BadEntryError
from afml_cache.store.store import Store

_NEWEST = (
    "SELECT packed FROM claim JOIN description USING (slot) WHERE function=? "
    "ORDER BY created DESC LIMIT 1"
)


def modules_of(store: Store, functions: Collection[str]) -> dict[str, str]:
    """The module of each function, without those of which no entry says it.

    Parameters
    ----------
    store : Store
    functions : collection of str
        As ``module.qualname``.
    """

    def look(cursor: sqlite3.Cursor) -> dict[str, str]:
        found = {}
        for function in functions:
            row = cursor.execute(_NEWEST, (function,)).fetchone()
            module = None if row is None else _module_in(row[0])
            if module is not None and function.startswith(f"{module}."):
                found[function] = module
        return found

    return store._faults.ask(lambda: store._index.read(look), {})


def _module_in(packed: object) -> str | None:
    try:
        described = valuefile.unpack_record(packed) if isinstance(packed, bytes) else {}
    except BadEntryError:  # `verify` names it
        return None
    module = described.get("module")
    return module if isinstance(module, str) else None
