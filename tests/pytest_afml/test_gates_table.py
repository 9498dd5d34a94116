"""The table of all gates: pure text, told apart where gates have one name."""

from __future__ import annotations

from typing import Any

from pytest_afml.gates.records import record
from pytest_afml.gates.table import lines
from pytest_afml.gates.verdict import Pair, judge

MEASURED = judge([[Pair(1.0, 2.0)] * 10] * 2, 1.05, 0.001)


def row(gate: str | None, test: str, verdict: str = "pass", reason: str = "") -> dict[str, Any]:
    return record(test, gate, verdict, reason, MEASURED if gate else None)


def names(*records: dict[str, Any]) -> list[str]:
    """The first column."""
    return [line.partition("  ")[0] for line, _ in lines(records)[1:]]


def test_a_gate_that_is_there_once_needs_no_test() -> None:
    assert names(row("labels", "t.py::test_labels[a]"), row("fit", "t.py::test_fit")) == [
        "labels",
        "fit",
    ]


def test_parameters_tell_the_tests_of_one_function_apart() -> None:
    assert names(row("labels", "t.py::test_x[AAPL]"), row("labels", "t.py::test_x[MSFT]")) == [
        "labels, AAPL",
        "labels, MSFT",
    ]


def test_tests_of_several_functions_are_named_and_those_of_several_files_with_the_file() -> None:
    assert names(row("fit", "a.py::test_x"), row("fit", "b.py::test_x")) == [
        "fit, a.py::test_x",
        "fit, b.py::test_x",
    ]
    assert names(
        row("fit", "t.py::test_x[1]"), row("fit", "t.py::test_y"), row("q", "t.py::a")
    ) == [
        "fit, test_x[1]",
        "fit, test_y",
        "q",
    ]


def test_long_names_of_tests_are_shortened_to_80_columns() -> None:
    tests = [f"tests/benchmarks/test_{'very_' * 10}long.py::test_labels[{n}]" for n in "ab"]
    found = lines([row("labels", tests[0]), row("labels", f"{tests[1]}::x")])
    assert all(len(line) <= 80 for line, _ in found)
    assert found[1][0] != found[2][0]


def test_a_name_of_a_gate_is_never_shortened() -> None:
    gate = "g" * 90
    assert names(row(gate, "t.py::test_x[1]"))[0] == gate
    assert names(*(row(gate, f"t.py::test_x[{n}]") for n in (1, 2))) == [f"{gate}, 1", f"{gate}, 2"]


def test_a_reason_is_told_of_the_test_too() -> None:
    found = lines(
        [
            row("labels", "t.py::test_x[AAPL]", "unsure", "the interval contains the limit"),
            row("labels", "t.py::test_x[MSFT]"),
            row(None, "t.py::test_y", "skipped", "benchmarks are disabled"),
        ]
    )
    assert [line for line, _ in found[3:]] == [
        "UNSURE labels, AAPL: the interval contains the limit",
        "SKIPPED t.py::test_y: benchmarks are disabled",
    ]
