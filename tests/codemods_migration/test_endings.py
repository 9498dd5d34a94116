"""However a migration is made to end, the tests that it runs end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codemods.migration.endings import as_interrupts, put_off

ROOT = Path(__file__).resolve().parents[2]

#: Runs a command as a migration does, and ends as one does.
MIGRATING = """
import sys
from pathlib import Path
from codemods.cut_short import cut_short
from codemods.migration.command import run
from codemods.migration.endings import as_interrupts
with cut_short(), as_interrupts():
    print(run(sys.argv[1], Path.cwd(), Path.cwd(), "run").code)
"""
#: Starts a process of its own, as tests with workers do, says who they are, and goes on for long.
LONG = "sh -c 'sleep 60 & echo $! $$ > them.tmp; mv them.tmp them; wait'"


@pytest.fixture(autouse=True)
def _signals_as_in_a_terminal() -> Iterator[None]:
    """These tests may run in the background, or under `nohup`, where some are ignored."""
    usual = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {one: signal.signal(one, handler) for one, handler in usual.items()}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def is_alive(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def started(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """The process that runs the command, and those of the command."""
    migrating = subprocess.Popen(
        [sys.executable, "-c", MIGRATING, LONG],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.fspath(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (folder / "them").exists():
        assert migrating.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    return migrating, [int(one) for one in (folder / "them").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize(
    "how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name
)
def test_no_test_goes_on_after_its_migration(tmp_path: Path, how: signal.Signals) -> None:
    migrating, them = started(tmp_path)
    assert all(map(is_alive, them))
    migrating.send_signal(how)
    _, said = migrating.communicate(timeout=30)
    if how is signal.SIGKILL:
        assert migrating.returncode == -how
    else:
        assert migrating.returncode == 130
        assert "Interrupted. `afml-codemod status` tells what stands." in said
    deadline = time.monotonic() + 10
    while any(map(is_alive, them)):
        assert time.monotonic() < deadline, "the command's processes go on"
        time.sleep(0.01)


def test_what_a_command_leaves_running_on_purpose_is_left(tmp_path: Path) -> None:
    leaving = "sh -c 'sleep 60 > /dev/null 2>&1 & echo $! > it'"
    done = subprocess.run(
        [sys.executable, "-c", MIGRATING, leaving],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "0\n"
    left = int((tmp_path / "it").read_text())
    try:
        assert Path("/proc", str(left)).exists() or sys.platform != "linux"
    finally:
        os.kill(left, signal.SIGKILL)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with as_interrupts():
            signal.raise_signal(signal.SIGHUP)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def in_one_piece(number: signal.Signals, *, early: bool) -> list[str]:
    """What is done when a signal comes while it is put off; let through before the end, or not."""
    done = []
    try:
        with as_interrupts(), put_off() as let_through:
            signal.raise_signal(number)
            done.append("in one piece")
            if early:
                let_through()
            done.append("to the end")
    except KeyboardInterrupt:
        done.append("interrupted")
    return done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_what_is_put_off_comes_when_it_is_let_through(number: signal.Signals) -> None:
    assert in_one_piece(number, early=True) == ["in one piece", "interrupted"]
    assert in_one_piece(number, early=False) == ["in one piece", "to the end", "interrupted"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
