"""The page on gates shows each message as it really looks; numbers differ from run to run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_afml.gates import table
from pytest_afml.gates.limits import SETTINGS
from pytest_afml.gates.pairs import Effort
from pytest_afml.gates.plugin import CHOICES
from pytest_afml.gates.records import record
from pytest_afml.gates.verdict import Pair, judge

pytestmark = pytest.mark.slow  # it starts many processes

pytest.importorskip("pytest_benchmark")

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gates.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```\{code-block\} (\w+)\n:caption: ([^\n]+)\n(.*?)```", re.S)
BLOCKS = BLOCK.findall(PAGE)
FILES = {caption: body for language, caption, body in BLOCKS if language != "text"}
SHOWN = {caption: body for language, caption, body in BLOCKS if language == "text"}

NUMBER = re.compile(r"\d+(?:\\\.\d+)?(?:e\\-\d+)?")
UNIT = re.compile(r"(?<=NUMBER)\\ (?:ns|us|ms|s)\b")


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The inner runs are no workers of xdist, whatever the outer one is."""
    for variable in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT"):
        monkeypatch.delenv(variable, raising=False)


def pattern(line: str) -> str:
    """A line of the page as a regular expression: any number for a number."""
    escaped = re.escape(line.strip("=").strip())
    numbers = UNIT.sub(r"\\ (?:ns|us|ms|s)", NUMBER.sub("NUMBER", escaped))
    spaces = re.sub(r"(?:\\ )+", r"\\s+", numbers)
    return ".*" + spaces.replace("NUMBER", r"[\d.e-]+").replace(r"\.\.\.", ".*") + ".*"


@pytest.mark.parametrize("caption", SHOWN)
def test_the_page_shows_what_a_run_shows(
    pytester: pytest.Pytester, run_in_process: Callable[..., pytest.RunResult], caption: str
) -> None:
    file, *options = caption.split()
    for name in ("pyproject.toml", "sums.py", file):
        (pytester.path / name).write_text(FILES[name])
    result = run_in_process(file, *options)
    result.stdout.re_match_lines([pattern(line) for line in SHOWN[caption].splitlines()])


def test_a_line_of_the_page_does_not_match_just_anything() -> None:
    line = "rolling sums   10.3  9.922 to 11.3  0.500     20  FAIL"
    assert re.match(pattern(line), "rolling sums  0.31  0.3 to 0.4  0.500   20  FAIL")
    assert not re.match(pattern(line), "rolling sums  0.31  0.3 to 0.4  0.500   20  PASS")
    assert re.match(pattern("candidate 209 us, 20 pairs"), "candidate 1.20 ms, 40 pairs")
    assert not re.match(pattern("candidate 209 us, 20 pairs"), "candidate 1.20 m, 40 pairs")


def test_the_page_shows_what_an_unsure_gate_says() -> None:
    block = [
        *[Pair(98e-6, 100e-6)] * 20,
        *[Pair(103e-6, 100e-6)] * 10,
        *[Pair(109e-6, 100e-6)] * 20,
    ]
    verdict = judge([block, block], 1.05, Effort().error_a_look)
    assert f"```text\n{table.unsure('first sums', verdict)}\n```" in PAGE


def test_a_failure_by_few_pairs_says_that_they_are_plain() -> None:
    block = [Pair(3.1, 0.03)] * 2
    said = table.failed("few", judge([block, block], 1.05, Effort().error_a_look))
    assert said.splitlines() == [
        "gate 'few' FAILED: the candidate takes 103.3 x the baseline's time (no interval), the "
        "limit is 1.050",
        "  candidate 3.10 s, baseline 30.0 ms a call; 4 pairs, in two blocks 103.3 and 103.3; "
        "fastest calls 103.3; that is few, and each is beyond 3 times the limit",
    ]


def test_the_page_names_every_setting_option_and_field() -> None:
    effort = Effort()
    values = {
        "on-unsure": '"warn"',
        "max-pairs": effort.max_pairs,
        "max-seconds": f"{effort.max_seconds:g}",
        "pause-seconds": f"{effort.pause_seconds:g}",
    }
    assert set(values) == set(SETTINGS)
    for name, value in values.items():
        assert f"| `{name}` | `{value}` |" in PAGE
    for option in ("--afml-gates", "--afml-gates-json"):
        assert f"| `{option}" in PAGE
        assert f"`{option.removeprefix('--').replace('-', '_')}`" in PAGE
    assert all(f"={choice}`" in PAGE for choice in CHOICES)
    assert all(f"`{field}`" in PAGE for field in record("test", "gate", "pass"))
