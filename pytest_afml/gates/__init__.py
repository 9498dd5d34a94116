"""Benchmark gates: two arms measured in pairs, a verdict, a test that fails.

The names that a test needs for annotations and filters, loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_afml.gates.gate import AfmlGate as AfmlGate
    from pytest_afml.gates.gate import GateWarning as GateWarning
    from pytest_afml.gates.verdict import Decision as Decision
    from pytest_afml.gates.verdict import Verdict as Verdict

#: Public name -> the module that defines it.
_HOMES = {"AfmlGate": "gate", "Decision": "verdict", "GateWarning": "gate", "Verdict": "verdict"}

__all__ = ["AfmlGate", "Decision", "GateWarning", "Verdict"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
