"""What a gate says: the messages of one, the table of all. Decides nothing."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_afml.gates.limits import SECTION
from pytest_afml.gates.verdict import PLAIN, Doubt, Verdict

#: What is known of one gate; see `records`.
Record = Mapping[str, Any]

HEAD = ("gate", "ratio", "interval", "limit", "pairs", "verdict")

SECOND = (
    "afml_gate was called a second time; a test has one gate (parametrize it, or write another "
    "test)"
)
UNCALLED = "afml_gate was not called"
ALSO_BENCHMARK = (
    "afml_gate has pytest-benchmark measure the candidate, so its test cannot use benchmark, too; "
    "write another test"
)

_DOUBTS = {
    Doubt.FEW: "{pairs} pairs are too few to tell",
    Doubt.INTERVAL: "the interval contains the limit",
    Doubt.BLOCKS: "pairs taken at another time say otherwise ({blocks})",
    Doubt.MINIMUM: "the fastest calls say otherwise ({minimum})",
}


def failed(name: str, verdict: Verdict) -> str:
    """The message of a gate that fails."""
    return f"gate {name!r} FAILED: {_measured(verdict)}\n{_grounds(verdict)}{_told_by_few(verdict)}"


def unsure(name: str, verdict: Verdict) -> str:
    """The message of a gate that cannot tell."""
    return (
        f"gate {name!r} is UNSURE, {doubt(verdict)}: {_measured(verdict)}\n{_grounds(verdict)}\n"
        f"  run it on a calmer machine, raise max-pairs or max-seconds under {SECTION}, or move "
        "the limit away from what is true"
    )


def different(name: str, found: str) -> str:
    """The message of a gate whose arms return different results."""
    return (
        f"gate {name!r} compares nothing: {found}\n"
        "  both arms have to return equal results; same=... takes a comparison of your own"
    )


def no_verdict(name: str, reason: str) -> str:
    """The message of a test that catches what its gate has raised."""
    return f"gate {name!r} has no verdict, and the test goes on: {reason}"


def no_function(name: str, given: object, wanted: str) -> str:
    """What is said of an argument that cannot be called."""
    return f"{name} is {reprlib.repr(given)}, and has to be a function {wanted}"


def no_answer(same: object, answer: object) -> str:
    """What is said of a comparison that returns neither True nor False."""
    return (
        f"{_name(same)} returned {reprlib.repr(answer)}; it has to return True or False (one that "
        "raises where the results differ needs a function around it)"
    )


def not_the_same(same: object) -> str:
    """What is said where a comparison says no."""
    return f"{_name(same)} does not find the two results the same"


def _name(function: object) -> str:
    return getattr(function, "__qualname__", None) or repr(function)


def cannot_measure(reason: str) -> str:
    """The message of a gate where nothing can be measured."""
    return f"no gate can measure here: {reason}"


def required(reason: str) -> str:
    """The message of a gate that has to measure where it cannot."""
    return f"{cannot_measure(reason)} (--afml-gates=require)"


def doubt(verdict: Verdict) -> str:
    """Why a gate is unsure."""
    if verdict.doubt is None:
        return ""
    return _DOUBTS[verdict.doubt].format(
        pairs=verdict.pairs,
        blocks=", ".join(number(ratio) for ratio in verdict.block_ratios),
        minimum=number(verdict.minimum_ratio),
    )


def _measured(verdict: Verdict) -> str:
    return (
        f"the candidate takes {number(verdict.ratio)} x the baseline's time "
        f"({span(verdict.low, verdict.high)}), the limit is {number(verdict.limit)}"
    )


def _grounds(verdict: Verdict) -> str:
    blocks = " and ".join(number(ratio) for ratio in verdict.block_ratios)
    return (
        f"  candidate {duration(verdict.candidate)}, baseline {duration(verdict.baseline)} a call;"
        f" {verdict.pairs} pairs, in two blocks {blocks}; fastest calls"
        f" {number(verdict.minimum_ratio)}"
    )


def lines(records: Sequence[Record]) -> list[tuple[str, str]]:
    """The table, line by line, each with the verdict that colours it.

    >>> row = {"gate": "labels", "test": "t.py::t", "verdict": "pass", "reason": "", "ratio": 0.5,
    ...        "low": 0.4, "high": 0.6, "limit": 1.05, "pairs": 20}
    >>> for line, _ in lines([row]):
    ...     print(line)
    gate    ratio  interval        limit  pairs  verdict
    labels  0.500  0.400 to 0.600  1.050     20  PASS
    """
    measured = [record for record in records if record["ratio"] is not None]
    found: list[tuple[str, str]] = []
    if measured:
        rows = [HEAD, *(_cells(record) for record in measured)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        verdicts = ["", *(record["verdict"] for record in measured)]
        for row, verdict in zip(rows, verdicts, strict=True):
            cells = [
                cell.rjust(width) if column in ("ratio", "limit", "pairs") else cell.ljust(width)
                for column, cell, width in zip(HEAD, row, widths, strict=True)
            ]
            found.append(("  ".join(cells).rstrip(), verdict))
    for record in records:
        if record["reason"]:
            what = record["gate"] or record["test"]
            found.append((f"{record['verdict'].upper()} {what}: {record['reason']}", ""))
    return found


def _cells(record: Record) -> tuple[str, ...]:
    return (
        record["gate"],
        number(record["ratio"]),
        span(record["low"], record["high"]),
        number(record["limit"]),
        str(record["pairs"]),
        record["verdict"].upper(),
    )


def _told_by_few(verdict: Verdict) -> str:
    """Why there is a decision without an interval."""
    if verdict.high != math.inf:
        return ""
    return f"; that is few, and each is beyond {PLAIN:g} times the limit"


def span(low: float, high: float | None) -> str:
    """An interval; one without an end says nothing."""
    return "no interval" if high in (None, float("inf")) else f"{number(low)} to {number(high)}"


def number(ratio: float | None) -> str:
    """A ratio with three digits that count.

    >>> number(1.05), number(0.0042), number(12.345)
    ('1.050', '0.00420', '12.3')
    """
    assert ratio is not None
    if 0 < ratio < 0.1:
        return f"{ratio:#.3g}" if ratio >= 1e-4 else f"{ratio:.2e}"
    return f"{ratio:.3f}" if ratio < 10 else f"{ratio:.1f}"


def duration(seconds: float) -> str:
    """Seconds in a unit that suits them.

    >>> duration(4.2e-6), duration(0.0123), duration(2.5)
    ('4.20 us', '12.3 ms', '2.50 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:#.3g} {unit}".replace(". ", " ")
    return f"{seconds * 1e9:.0f} ns"
