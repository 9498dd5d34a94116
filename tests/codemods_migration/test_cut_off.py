"""Cut off at certain instants, a migration is described, and brought to either end."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.whole]  # each is a migration or two

CUT_OFF = Path(__file__).with_name("cut_off.py")

MORE = """

@cacheable
def pinned(prices):
    return max(prices)
"""
ALPHA = """
from afml_cache import cacheable


@cacheable
def alpha(prices):
    return min(prices)
"""
#: Fails as soon as `pinned` is migrated; it is no pytest, so the others are found by halves.
VERIFY = 'sh -c \'! grep -A1 "^@robust" quant.py | grep -q "def pinned"\''
MIGRATE = ("migrate", "--verify", VERIFY, "--recheck", "0")

#: What happens next -> the file that is about to be written, a part of its text, the how manieth.
INSTANTS = {
    "the journal tells of it": ("migration.json", '"applying"', 1),
    "the second of two files is migrated": ("quant.py", "@robust_cacheable", 1),
    "the journal tells that it is done": ("migration.json", '"applied"', 1),
    "it is verified": ("state.json", '"step": "verifying"', 1),
    "its first file is undone to look for the one at fault": ("alpha.py", "@cacheable", 1),
    "a half is tried": ("quant.py", "@robust_cacheable", 2),
    "the journal tells that a half is undone": ("migration.json", '"rolled back"', 2),
    "what is at fault is noted": ("state.json", "all existing tests pass", 1),
    "the others are migrated": ("migration.json", '"applied"', 5),
    "the report is written": ("migration-report.html", "-", 1),
}
KILL, INTERRUPT = signal.SIGKILL, signal.SIGINT


@pytest.fixture
def made(repository: Any) -> Any:
    """A repository with two files to migrate."""
    return repository(MORE, more={"alpha.py": ALPHA})


def cut_off(made: Any, instant: tuple[str, str, int], how: signal.Signals, *command: str) -> None:
    """Run a command to an instant at which it is cut off."""
    name, text, nth = instant
    done = subprocess.run(
        [sys.executable, str(CUT_OFF), how.name, name, text, str(nth), *command],
        cwd=made.path,
        env=made.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
    )
    expected = 130 if how is INTERRUPT else -KILL
    assert done.returncode == expected, done.stdout + done.stderr


def assert_as_it_was(made: Any) -> None:
    """Nothing is left: no change, no new file, and nothing to bring to an end."""
    assert made.changes() == ""
    said = made.codemod("status").stdout
    assert "cut short" not in said
    assert "applying" not in said and "applied" not in said


@pytest.mark.parametrize("how", [KILL, INTERRUPT], ids=["killed", "interrupted"])
@pytest.mark.parametrize("instant", INSTANTS)
def test_before_an_instant(made: Any, instant: str, how: signal.Signals) -> None:
    cut_off(made, INSTANTS[instant], how, *MIGRATE)
    assert "was cut short while" in made.codemod("status").stdout
    resumes = (list(INSTANTS).index(instant) + (how is KILL)) % 2
    if resumes:
        resumed = made.codemod("migrate", "--resume")
        assert resumed.returncode == 1, resumed.stdout + resumed.stderr
        became = made.became()
        assert became.pop("pinned") == "rolled back"
        assert became == dict.fromkeys(("alpha", "returns", "ranks"), "migrated")
        assert "@cacheable\ndef pinned" in made.sources()["quant.py"].decode()
        assert "@robust_cacheable\ndef ranks" in made.sources()["quant.py"].decode()
        assert "cut short" not in made.codemod("status").stdout
    rolled_back = made.codemod("rollback", *(["--all"] if resumes else []))
    assert rolled_back.returncode == 0, rolled_back.stdout + rolled_back.stderr
    assert_as_it_was(made)


@pytest.mark.parametrize("how", [KILL, INTERRUPT], ids=["killed", "interrupted"])
@pytest.mark.parametrize("instant", [("alpha.py", "-", 1), ("quant.py", "-", 1)])
def test_a_rollback_that_was_cut_off_is_run_again(
    made: Any, instant: tuple[str, str, int], how: signal.Signals
) -> None:
    cut_off(made, INSTANTS["it is verified"], KILL, *MIGRATE)
    cut_off(made, instant, how, "rollback")
    assert "was cut short while applying" in made.codemod("status").stdout
    assert made.changes() != ""
    again = made.codemod("rollback")
    assert again.returncode == 0, again.stdout + again.stderr
    assert_as_it_was(made)


def test_a_migration_may_be_cut_off_again_and_again(made: Any) -> None:
    cut_off(made, INSTANTS["the second of two files is migrated"], KILL, *MIGRATE)
    resume = ("migrate", "--resume")
    cut_off(made, INSTANTS["a half is tried"], INTERRUPT, *resume)
    cut_off(made, INSTANTS["the journal tells that it is done"], KILL, *resume)
    cut_off(made, ("alpha.py", "@cacheable", 1), KILL, "rollback")
    resumed = made.codemod("migrate", "--resume")
    assert resumed.returncode == 1, resumed.stdout + resumed.stderr
    assert made.became()["pinned"] == "rolled back"
    assert made.codemod("rollback", "--all").returncode == 0
    assert_as_it_was(made)
