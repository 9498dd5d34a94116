"""Cut off at random instants, a migration comes to an end, and a rollback gives every byte back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.whole, pytest.mark.timeout(900)]

#: So long it goes on with another round; AFML_SOAK_SECONDS for more.
SECONDS = float(os.environ.get("AFML_SOAK_SECONDS", "150"))
SEED = int(os.environ.get("AFML_SOAK_SEED", "20"))
#: It is cut off so many times before it is let go to its end.
TIMES = 2

MIGRATE = ("migrate", "--verify", "pytest -q -p no:cacheprovider")
PACKAGE = Path(__file__).resolve().parents[1] / "data" / "own_cache"
PINNED = """

@cacheable
def pinned(prices):
    return max(prices)
"""
CALLS = """

def test_the_text_of_the_module():
    assert "@cacheable\\ndef pinned" in quant.SOURCE


def test_pinned():
    assert quant.pinned(PRICES) == 103.0
"""


@pytest.fixture
def made(repository: Any) -> Any:
    """A repository with a cache of its own, and one function that has to stay."""
    made = repository(PINNED, CALLS)
    made.patience = 400
    package = made.path / "afml" / "cache"
    package.mkdir(parents=True)
    for file in PACKAGE.iterdir():
        (package / file.name.removesuffix(".txt")).write_bytes(file.read_bytes())
    quant = made.path / "quant.py"
    quant.write_text(quant.read_text().replace("from afml_cache", "from afml.cache"))
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Its own cache")
    return made


def run(made: Any, arguments: tuple[str, ...], seconds: float, how: signal.Signals) -> int:
    """Run a command, and cut it off after some time; its exit code."""
    process = subprocess.Popen(
        made.command(*arguments),
        cwd=made.path,
        env=made.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
        return process.wait(timeout=60)


def cut_short(made: Any) -> bool:
    """What `status` says."""
    said = made.codemod("status")
    assert said.returncode == 0, said.stdout + said.stderr
    return "was cut short while" in said.stdout


def one_round(made: Any, chance: random.Random, longest: float, after: Callable[[], None]) -> None:
    """Begin, be cut off, and come to one end or the other."""
    told = []
    command = MIGRATE
    for _ in range(TIMES):
        seconds = chance.uniform(0, longest)
        how = chance.choice([signal.SIGKILL, signal.SIGINT])
        code = run(made, command, seconds, how)
        told.append((command[0], round(seconds, 2), how.name, code))
        command = ("migrate", "--resume") if cut_short(made) else MIGRATE
        if command == MIGRATE and made.changes():  # it had come to its end already
            break
    resumes = command != MIGRATE and chance.random() < 0.5
    if resumes:
        resumed = made.codemod(*command)
        told.append(("resumed", resumed.returncode))
        assert resumed.returncode == 1, (told, resumed.stdout + resumed.stderr)
        assert made.became()["pinned"] == "rolled back", told
        assert made.became()["ranks"] == "migrated", told
    while made.changes() or cut_short(made):
        rolled_back = made.codemod("rollback")
        told.append(("rolled back", rolled_back.returncode))
        assert rolled_back.returncode == 0, (told, rolled_back.stdout + rolled_back.stderr)
        assert len(told) < 10, told
    after()
    assert made.changes() == "", told
    assert not cut_short(made), told


def test_a_migration_survives_being_cut_off_at_any_instant(made: Any) -> None:
    began = time.monotonic()
    whole = made.codemod(*MIGRATE)
    longest = time.monotonic() - began
    assert whole.returncode == 1, whole.stdout + whole.stderr
    assert made.became()["pinned"] == "rolled back"
    assert made.codemod("rollback").returncode == 0
    assert made.changes() == ""
    chance = random.Random(SEED)
    rounds = 0
    while rounds < 2 or time.monotonic() - began < SECONDS:
        one_round(made, chance, longest, lambda: end_tests(made.path))
        rounds += 1


def end_tests(path: Path) -> None:
    """End the tests that killed migrations have left behind, by the folder they run in."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            here = entry.joinpath("cwd").resolve()
        except OSError:  # another user's, or gone
            continue
        if here == path and int(entry.name) != os.getpid():
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:  # it has just ended by itself
                pass
