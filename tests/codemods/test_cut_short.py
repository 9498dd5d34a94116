"""What commands do about closed pipes, interrupts, and each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codemods.journal import Journal

ROOT = Path(__file__).resolve().parents[2]
CODE = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x\n"

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_apply_says_what_becomes_of_stored_results(tmp_path: Path, afml_codemod: Command) -> None:
    (tmp_path / "a.py").write_text(CODE)
    assert "What @cacheable has stored is adopted" in afml_codemod("apply").stdout


# ------------------------------------------------------------------ cut short


@pytest.mark.parametrize("arguments", [["plan"], ["plan", "--format", "json"], ["check"]])
@pytest.mark.parametrize("files", [1, 300])
def test_reader_that_goes_away_is_no_failure(
    tmp_path: Path, arguments: list[str], files: int
) -> None:
    for number in range(files):
        (tmp_path / f"m{number}.py").write_text(CODE)
    receive, send = os.pipe()
    os.close(receive)
    process = subprocess.run(
        [sys.executable, "-m", "codemods.cli", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=send,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(send)
    assert (process.returncode, process.stderr) == (141, "")


def test_interrupted_demo_says_that_it_cleaned_up(tmp_path: Path) -> None:
    pytest.importorskip("backtesting", reason="the demonstration's prices")
    process = subprocess.Popen(
        [sys.executable, "-m", "codemods.cli", "demo"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if list(tmp_path.glob("afml-demo-*/legacy_quant/.git/HEAD")):
            break
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    assert errors.strip().endswith("Interrupted; the temporary copy was removed.")
    assert not list(tmp_path.glob("afml-demo-*"))


# ------------------------------------------------------------------ the lock

WORKER = """
import os, sys
from pathlib import Path
from codemods.journal import Journal, JournalError
inside, entered = Path(sys.argv[1], "inside"), 0
for _ in range(400):
    try:
        with Journal(Path(sys.argv[1])).locked():
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            entered += 1
            inside.unlink()
    except JournalError:
        pass
print(entered)
"""


def test_runs_that_change_nothing_never_meet(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for worker in workers:
        output, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
        assert int(output) > 0


def test_run_that_changes_nothing_keeps_what_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / ".afml-codemod").mkdir()
    (tmp_path / ".afml-codemod" / "notes.txt").write_text("mine")
    with Journal(tmp_path).locked():
        pass
    assert (tmp_path / ".afml-codemod" / "notes.txt").read_text() == "mine"
