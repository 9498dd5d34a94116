"""Classes in whose place there is another by now, though somebody still holds them.

Reloading could not make them the new ones. An instance or a member of such a class runs beside code
that knows the new class only: nothing of it may be stored.
"""

from __future__ import annotations

import weakref

_superseded: dict[int, weakref.ref[type]] = {}


def supersede(cls: type) -> None:
    """Note that a class is not the one any more that its module defines."""
    number = id(cls)
    _superseded[number] = weakref.ref(cls, lambda _: _superseded.pop(number, None))


def is_superseded(cls: type) -> bool:
    """Whether a class has been noted."""
    return id(cls) in _superseded
