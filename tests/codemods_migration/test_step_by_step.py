"""A part at a time: phases, limits, patterns, and a person who is asked on a real terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # each runs the repository's tests several times

VERIFY = "pytest -q -p no:cacheprovider"

#: Each is to blame once the one before it has gone back, and not earlier.
ONE_BEHIND_THE_OTHER = """


def migrated(name):
    return f"@robust_cacheable\\ndef {name}(" in SOURCE


@cacheable
def first(ticket):
    return migrated("first")


@cacheable
def second(ticket):
    return migrated("second") and not migrated("first")


@cacheable
def third(ticket):
    return migrated("third") and not migrated("first") and not migrated("second")
"""
CALLS = """

def test_all_three():
    import uuid

    for function in (quant.first, quant.second, quant.third):
        function(uuid.uuid4().hex)
"""


class OnTerminal:
    """A command with a person before it: what is shown is read, what is typed arrives."""

    def __init__(self, made: Any, *arguments: str) -> None:
        self.shown = ""
        self._screen, inside = pty.openpty()
        self.process = subprocess.Popen(
            made.command(*arguments),
            cwd=made.path,
            env=made.environment() | {"TERM": "dumb"},
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(inside)

    def wait_for(self, text: str, seconds: float = 90) -> None:
        """Read until something is shown that was not there when this was last asked."""
        deadline = time.monotonic() + seconds
        begin = len(self.shown)
        while text not in self.shown[begin:]:
            assert self._read(deadline), f"{text!r} was never shown:\n{self.shown}"

    def type(self, text: str) -> None:
        """Type."""
        os.write(self._screen, text.encode())

    def end(self, seconds: float = 90) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        os.close(self._screen)
        return self.process.wait(timeout=10)

    def _read(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        assert left > 0, f"it takes too long:\n{self.shown}"
        ready, _, _ = select.select([self._screen], [], [], left)
        try:
            data = os.read(self._screen, 4096) if ready else b""
        except OSError:  # so Linux tells that nobody has the other end any more
            data = b""
        self.shown += data.decode(errors="replace")
        return bool(data)


def _own_terminal() -> None:
    """Make what is on standard input the terminal that Ctrl-C comes from."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_phase_2_migrates_the_ten_most_valuable_functions(repository: Any) -> None:
    names = [f"dear_{number}" for number in range(10)]
    made = repository(
        "".join(f"\n\n@cacheable\ndef {name}(n):\n    return sum(range(n))\n" for name in names),
        "\n\ndef test_dear():\n"
        + "".join(f"    assert quant.{name}(2_000_000) > 0\n" for name in names),
    )
    done = made.migrate("--phase", "2", "--recheck", "0")
    assert done.returncode == 1, done.stdout + done.stderr
    not_proven = "not proven: no slower cached call, bodies give what is stored."
    assert not_proven in " ".join(done.stdout.split()), "no body was run again"
    became = made.became()
    assert {name for name, what in became.items() if what == "migrated"} == set(names)
    assert {became["returns"], became["ranks"]} == {"left: not this time"}
    text = made.sources()["quant.py"].decode()
    assert text.count("@robust_cacheable\n") == 10
    assert text.count("@cacheable\n") == 2

    refused = made.migrate("--phase", "2", "--limit", "1", "--recheck", "0")
    assert refused.returncode == 3
    assert "1 file has changes that git does not hold yet (quant.py)" in refused.stderr
    made.git("commit", "--all", "--quiet", "--message", "The ten most valuable")
    rest = made.migrate("--phase", "2", "--limit", "1", "--recheck", "0")
    assert rest.returncode == 1, rest.stdout + rest.stderr
    assert sorted(made.became().values()) == ["left: not this time", "migrated"]


def test_only_what_a_pattern_names_is_migrated(repository: Any) -> None:
    made = repository()
    done = made.migrate("--only", "quant.ra*")
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.became() == {"ranks": "migrated"}
    assert "@cacheable\ndef returns" in made.sources()["quant.py"].decode()
    again = made.migrate("--only", "quant.ra*")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing to migrate." in again.stdout
    empty = made.migrate("--only", "")
    assert empty.returncode == 2
    assert "--only needs a pattern" in empty.stderr


def test_the_last_step_adopts_what_was_stored_before_the_first(repository: Any) -> None:
    made = repository()
    assert made.migrate("--only", "ranks").returncode == 0
    made.git("commit", "--all", "--quiet", "--message", "One of them")
    done = made.migrate()
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = made.report()["functions"]
    assert (row["function"], row["after"]["adopted"], row["after"]["computed"]) == ("returns", 1, 0)


def test_a_person_chooses_on_a_terminal(repository: Any) -> None:
    made = repository()
    screen = OnTerminal(made, "migrate", "--verify", VERIFY, "--interactive")
    screen.wait_for("-> @robust_cacheable? [Y/n]")
    first = "returns" if "quant.py::returns ->" in screen.shown else "ranks"
    screen.type("n\n")
    screen.wait_for("-> @robust_cacheable? [Y/n]")
    screen.type("\n")
    assert screen.end() == 0, screen.shown
    (second,) = {"returns", "ranks"} - {first}
    assert made.became() == {first: "left: not this time", second: "migrated"}
    text = made.sources()["quant.py"].decode()
    assert f"@cacheable\ndef {first}(" in text
    assert f"@robust_cacheable\ndef {second}(" in text


def test_a_person_who_wants_nothing_gets_nothing(repository: Any) -> None:
    made = repository()
    before = made.sources()
    screen = OnTerminal(made, "migrate", "--verify", VERIFY, "--interactive", "--limit", "1")
    screen.wait_for("? [Y/n]")
    screen.type("n\n")
    assert screen.end() == 0, screen.shown
    assert "Nothing was changed." in screen.shown
    assert made.sources() == before


def test_a_person_may_leave_at_the_question_and_be_asked_again(repository: Any) -> None:
    made = repository()
    before = made.sources()
    screen = OnTerminal(made, "migrate", "--verify", VERIFY, "--interactive", "--limit", "1")
    screen.wait_for("? [Y/n]")
    screen.type("\x03")
    assert screen.end() == 130, screen.shown
    assert made.sources() == before
    assert "was cut short while planning" in made.codemod("status").stdout
    refused = made.codemod("migrate", "--resume")
    assert refused.returncode == 2
    assert "asks for each function on a terminal, and this is none" in refused.stderr
    again = OnTerminal(made, "migrate", "--resume")
    again.wait_for("? [Y/n]")
    assert "recording `" not in again.shown, "the baseline was whole, and is not run again"
    again.type("y\n")
    assert again.end() == 0, again.shown
    assert sorted(made.became().values()) == ["left: not this time", "migrated"]


def test_who_is_not_at_a_terminal_cannot_be_asked(repository: Any) -> None:
    made = repository()
    done = made.migrate("--interactive")
    assert done.returncode == 2
    assert "--interactive asks on a terminal, and this is none" in done.stderr
    assert not (made.path / ".afml-codemod").exists()


@pytest.mark.whole
def test_two_rounds_are_tried_and_with_keep_going_as_many_as_it_takes(repository: Any) -> None:
    made = repository(ONE_BEHIND_THE_OTHER, CALLS)
    before = made.sources()
    given_up = made.migrate("--recheck", "0")
    assert given_up.returncode == 1, given_up.stdout + given_up.stderr
    assert "Everything is rolled back" in given_up.stdout
    assert made.sources() == before

    kept = made.migrate("--recheck", "0", "--keep-going")
    assert kept.returncode == 1, kept.stdout + kept.stderr
    became = made.became()
    assert {name for name, what in became.items() if what == "migrated"} == {"returns", "ranks"}
    for name in ("first", "second", "third"):
        assert became[name] == "rolled back"
        assert f"results are the same: quant.{name}(" in made.why(name)
        assert f"@cacheable\ndef {name}(" in made.sources()["quant.py"].decode()
    assert "broken" not in made.holds().values()
