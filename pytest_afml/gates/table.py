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

#: Columns of a terminal.
WIDTH = 80

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

NO_GATES = (
    "no test of this run had a gate, and --afml-gates=require asks for some; is it the right "
    "folder, and are they not deselected?"
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


def unused_limits(gates: Sequence[str]) -> str:
    """What is said of limits that nothing was held against."""
    return (
        f"limits that no test of this run used: {', '.join(gates)} (is its test renamed, deleted, "
        "or not collected?)"
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
    names = _names(records)
    measured = [i for i, record in enumerate(records) if record["ratio"] is not None]
    found: list[tuple[str, str]] = []
    if measured:
        numbers = [HEAD[1:], *(_numbers(records[i]) for i in measured)]
        widths = [max(len(row[column]) for row in numbers) for column in range(len(HEAD) - 1)]
        room = WIDTH - sum(widths) - 2 * len(widths)
        first = [HEAD[0], *(_fitted(records[i]["gate"], names[i], room) for i in measured)]
        widths = [max(map(len, first)), *widths]
        verdicts = ["", *(records[i]["verdict"] for i in measured)]
        for name, row, verdict in zip(first, numbers, verdicts, strict=True):
            cells = [
                cell.rjust(width) if column in ("ratio", "limit", "pairs") else cell.ljust(width)
                for column, cell, width in zip(HEAD, (name, *row), widths, strict=True)
            ]
            found.append(("  ".join(cells).rstrip(), verdict))
    for name, record in zip(names, records, strict=True):
        if record["reason"]:
            found.append((f"{record['verdict'].upper()} {name}: {record['reason']}", ""))
    return found


def _names(records: Sequence[Record]) -> list[str]:
    """A name for each record: its gate's, with the test where several have the same gate."""
    tests: dict[str | None, list[str]] = {}
    for record in records:
        tests.setdefault(record["gate"], []).append(record["test"])
    found = []
    for record in records:
        gate, test = record["gate"], record["test"]
        if gate is None:
            found.append(test)
        elif len(tests[gate]) == 1:
            found.append(gate)
        else:
            found.append(f"{gate}, {_apart(test, tests[gate])}")
    return found


def _apart(test: str, others: Sequence[str]) -> str:
    """What tells a test from others: its parameters, what its file has, or all of it."""
    if len({other.partition("[")[0] for other in others}) == 1:
        return test.partition("[")[2].removesuffix("]")
    if len({other.partition("::")[0] for other in others}) == 1:
        return test.partition("::")[2]
    return test


def _fitted(gate: str, name: str, room: int) -> str:
    """A name with a test in it, its middle left out if there is no room for it."""
    if len(name) <= room or name == gate:
        return name
    told = name.removeprefix(f"{gate}, ")
    left = max(room - len(gate) - len(", ..."), 12)
    if len(told) <= left:
        return name
    return f"{gate}, {told[: left // 3]}...{told[len(told) - (left - left // 3) :]}"


def _numbers(record: Record) -> tuple[str, ...]:
    return (
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
