"""Backward-compatibility checks: the fixture ``afml_compat`` and what its tests write.

Names are loaded on first use: importing this costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_afml.compat.cases import Args as Args
    from pytest_afml.compat.cases import args as args
    from pytest_afml.compat.difference import Difference as Difference
    from pytest_afml.compat.fixture import AfmlCompat as AfmlCompat
    from pytest_afml.compat.golden import Verdict as Verdict
    from pytest_afml.compat.pairs import HITS as HITS
    from pytest_afml.compat.pairs import MISSES as MISSES
    from pytest_afml.compat.pairs import Pair as Pair
    from pytest_afml.compat.upgrades import PANDAS_3 as PANDAS_3

#: Public name -> the module that defines it.
_HOMES = {
    "AfmlCompat": "fixture",
    "Args": "cases",
    "Difference": "difference",
    "HITS": "pairs",
    "MISSES": "pairs",
    "PANDAS_3": "upgrades",
    "Pair": "pairs",
    "Verdict": "golden",
    "args": "cases",
}

__all__ = [
    "HITS",
    "MISSES",
    "PANDAS_3",
    "AfmlCompat",
    "Args",
    "Difference",
    "Pair",
    "Verdict",
    "args",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
