"""A study says on a terminal how far it is, and nothing where there is none."""

from __future__ import annotations

import functools
import io
import os
import pty
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from afml_cache import cached_backtest, sweep
from afml_cache.backtests.studies.progress import Progress

ROOT = Path(__file__).resolve().parents[2]


@cached_backtest("quiet")
def quiet(data: Any, params: dict[str, Any]) -> dict[str, Any]:
    return {"a": params["a"]}


def test_nothing_is_printed_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    sweep(quiet, None, {"a": [1, 2]}, n_jobs=1)
    assert capfd.readouterr() == ("", "")


def test_it_tells_hits_computed_failed_and_the_time_left() -> None:
    shown = Progress("sma", 10, shown=False)
    for _ in range(5):
        shown.add("hit")
    assert shown.told() == "5 of 10, 5 hits, 0 computed"  # hits tell nothing of the time
    shown.add("computed", 100.0)
    shown.add("failed", 100.0)
    left = shown.seconds_left()
    # Two calls in the seconds of the first, since both began then: three more are to come.
    assert left == pytest.approx(150.0, abs=20.0)
    assert shown.told().startswith("7 of 10, 5 hits, 1 computed, 1 failed, ")
    assert shown.told().endswith(" left")


def test_of_an_iterator_nobody_knows_how_much_is_left() -> None:
    shown = Progress("sma", None, shown=False)
    shown.add("computed")
    assert shown.told() == "1, 0 hits, 1 computed" and shown.seconds_left() is None


@pytest.mark.parametrize("width", [80, 120])
def test_name_and_bar_give_way_to_the_words(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    terminal = functools.partial(Console, file=written, force_terminal=True, width=width)
    monkeypatch.setattr("rich.console.Console", lambda stderr: terminal())
    with Progress("slow strategy [daily] with a long name", 1500, shown=True) as shown:
        for outcome in ["hit"] * 26 + ["computed"] * 1276 + ["failed"] * 2:
            shown.add(outcome, 400.0)
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.getvalue()).strip().splitlines()[-1]
    assert "1,304 of 1,500, 26 hits, 1,276 computed, 2 failed, 1 min 0" in last
    assert last.rstrip().endswith(" s left") and "━" * 3 in last and len(last) <= width
    assert last.startswith("slow strategy [daily]" if width == 120 else "slow")


STUDY = """
    from afml_cache import cached_backtest, sweep

    @cached_backtest("momentum")
    def run(data, params):
        return {"a": params["a"]}

    for _ in range(2):
        sweep(run, None, {"a": [1, 2, 3]}, n_jobs=1)
    sweep(run, None, {"a": [4]}, n_jobs=1, progress=False)
"""


def test_on_a_terminal_there_is_a_line(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(STUDY))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    out, _ = process.communicate(timeout=60)
    text = said.decode()
    assert process.returncode == 0 and out == b""
    assert "momentum" in text
    assert "3 of 3, 0 hits, 3 computed" in text and "3 of 3, 3 hits, 0 computed" in text
    assert "of 1" not in text
