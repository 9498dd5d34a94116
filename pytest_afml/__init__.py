"""The pytest plugin of afml-cache; the types of its fixtures, loaded on first use.

``def test_x(afml_cache: AfmlCache) -> None`` is what they are for.

pytest would rewrite the asserts of whatever is installed along with a plugin, and warn where it is
imported already; there are none to rewrite here: PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_afml.cache import AfmlCache as AfmlCache
    from pytest_afml.calls import Calls as Calls
    from pytest_afml.compat.fixture import AfmlCompat as AfmlCompat
    from pytest_afml.gates.gate import AfmlGate as AfmlGate
    from pytest_afml.gates.gate import GateWarning as GateWarning

#: Public name -> the module that defines it.
_HOMES = {
    "AfmlCache": "cache",
    "AfmlCompat": "compat.fixture",
    "AfmlGate": "gates.gate",
    "Calls": "calls",
    "GateWarning": "gates.gate",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
