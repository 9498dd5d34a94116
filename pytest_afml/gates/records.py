"""What is kept of each gate: a record that travels with the test's report, and the file of all."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from pytest_afml.gates.verdict import Verdict

#: Raised when a field changes its meaning or goes away.
SCHEMA = 1

#: The name of the record on a report.
ON_REPORT = "afml_gate"

_NUMBERS = ("limit", "ratio", "low", "high", "minimum_ratio", "pairs", "candidate", "baseline")


def record(
    test: str,
    gate: str | None,
    verdict: str,
    reason: str = "",
    measured: Verdict | None = None,
    loops: tuple[int, int] = (1, 1),
) -> dict[str, Any]:
    """What is known of a gate, in types that JSON has; times are seconds a call.

    ``verdict`` is pass, fail or unsure; skipped where nothing could be measured, error where
    the arms could not be compared.
    """
    numbers = {name: getattr(measured, name, None) for name in _NUMBERS}
    found: dict[str, Any] = {"test": test, "gate": gate, "verdict": verdict, "reason": reason}
    found |= {
        name: value if value is None or isfinite(value) else None for name, value in numbers.items()
    }
    found["blocks"] = list(measured.block_ratios) if measured else []
    found["loops"] = list(loops)
    return found


def plain(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The file of all records, as JSON can hold it."""
    return {"schema": SCHEMA, "gates": list(records)}
