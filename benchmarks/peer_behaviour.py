"""What caches do where it matters: each question is asked of each by running programs.

A question is a sequence of programs in a folder of its own, each a new process, and what they
have to print or leave behind for a yes. Nothing is taken from a peer's documentation.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

#: How the cached function of a program is decorated; ``cached`` takes it.
SETUP = {
    "afml_cache": "from afml_cache import robust_cacheable as cached",
    "joblib": "from joblib import Memory\ncached = Memory('store', verbose=0).cache",
    "diskcache": "import diskcache\ncached = diskcache.Cache('store').memoize()",
    "mandala": """
import os
from mandala.imports import Storage, op as cached
storage = Storage(db_path="store.db", deps_path=os.getcwd())
def called(operation):
    def call(value):
        with storage:
            return storage.unwrap(operation(value))
    return call
""",
}
#: Where a decorated function is called as any other.
PLAINLY = "\ndef called(function):\n    return function\n"

WORK = """
import time
from setup_of_this_program import cached
from helper import scale

@cached
def work(value):
    with open("ran", "a") as file:
        file.write("x")
    {body}
"""
USE = """
import numpy as np, pandas as pd
from setup_of_this_program import called
import work
work = called(work.work)
"""
FRAME = (
    "days = pd.bdate_range('2020', periods=300)\n"
    "frame = pd.DataFrame({'close': np.arange(300.0)}, index=days)\n"
)
#: What a forger would store: unpickling it makes a file.
FORGED = """
import os
class Forged:
    def __reduce__(self):
        return os.system, ("touch owned",)
"""


#: mandala asks at the terminal whether an edit matters. It is told yes; its words are set aside.
YES = "y\n" * 20
SAID = 'You answered: "y"'


class Asked:
    """One folder in which one cache is asked one question."""

    def __init__(self, peer: str, folder: Path) -> None:
        self.folder = folder
        (folder / "setup_of_this_program.py").write_text(
            SETUP[peer] if "def called" in SETUP[peer] else SETUP[peer] + PLAINLY
        )
        self.peer = peer
        self.is_interactive = False
        self.helper("return value * 2")
        self.body("return scale(value)")

    def helper(self, body: str) -> None:
        """Edit what the cached function calls."""
        track = "from mandala.imports import track\n@track\n" if self.peer == "mandala" else ""
        (self.folder / "helper.py").write_text(f"{track}def scale(value):\n    {body}\n")

    def body(self, body: str) -> None:
        """Edit the cached function."""
        (self.folder / "work.py").write_text(WORK.format(body=body))

    def start(self, program: str) -> subprocess.Popen[str]:
        """Run a program that uses the function, in a new process."""
        return subprocess.Popen(
            [sys.executable, "-B", "-c", USE + program],
            cwd=self.folder,
            env={
                **os.environ,
                "AFML_CACHE": str(self.folder / "store"),
                "AFML_CACHE_SECRET": "of the benchmarks",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, program: str) -> str:
        """What a program prints; nothing where it raises before."""
        printed = self.start(program).communicate(YES, timeout=120)[0]
        self.is_interactive |= SAID in printed
        return printed.rpartition(SAID)[2].strip()

    def ran(self) -> int:
        """How often the body has run so far."""
        file = self.folder / "ran"
        return len(file.read_text()) if file.exists() else 0

    def stored(self) -> list[Path]:
        """The files of the store that hold more than a kilobyte, the largest first."""
        files = [
            *self.folder.glob("store/**/*"),
            *self.folder.glob("store.db*"),
        ]
        large = [file for file in files if file.is_file() and file.stat().st_size > 1000]
        return sorted(large, key=lambda file: -file.stat().st_size)


def equal_frames(asked: Asked) -> bool:
    asked.run(FRAME + "work(frame); work(frame.copy()); work(pd.concat([frame[:9], frame[9:]]))")
    return asked.ran() == 1


def looked_into(asked: Asked) -> bool:
    asked.run(FRAME + "work(frame); frame.loc[days[7]]; repr(frame); work(frame)")
    return asked.ran() == 1


def types_apart(asked: Asked) -> bool:
    answers = asked.run("print([work(1), work(1.0), work(True)])")
    return answers == "[2, 2.0, 2]" and asked.ran() == 3


def another_process(asked: Asked) -> bool:
    asked.run(FRAME + "work(frame)")
    asked.run(FRAME + "work(frame)")
    return asked.ran() == 1


def helper_edited(asked: Asked) -> bool:
    asked.run("work(5)")
    asked.helper("return value * 3")
    return asked.run("print(work(5))") == "15"


def comment_edited(asked: Asked) -> bool:
    asked.run("work(5)")
    asked.body("return scale(value)  # twice")
    asked.run("work(5)")
    return asked.ran() == 1


def edit_taken_back(asked: Asked) -> bool:
    for body in ("return scale(value)", "return scale(value) + 1", "return scale(value)"):
        asked.body(body)
        answer = asked.run("print(work(5))")
    return answer == "10" and asked.ran() == 2


def computed_once(asked: Asked) -> bool:
    asked.run("work(1)")  # the store is made, and not by two at once
    asked.body("time.sleep(3)\n    return value")
    started = asked.ran()
    programs = [asked.start("work(5)") for _ in range(2)]
    for program in programs:
        program.communicate(YES, timeout=120)
    return asked.ran() == started + 1


def damage_noticed(asked: Asked) -> str:
    asked.body("import numpy as np\n    return np.full(300_000, value)")
    asked.run("work(5.0)")
    largest = asked.stored()[0]
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    largest.write_bytes(data)
    told = asked.run("print((work(5.0) == 5.0).all())")
    return {"True": "yes", "False": "no, other numbers"}.get(told, "no, it raises")


def forgery_refused(asked: Asked) -> bool:
    """A pickle in the place of each stored value, as whoever can write there could put it."""
    asked.body("import numpy as np\n    return np.full(300_000, value)")
    asked.run("work(5.0)")
    asked.run(
        FORGED
        + """
import pickle, pathlib, sqlite3
evil = pickle.dumps(Forged())
for file in [*pathlib.Path("store").rglob("*"), *pathlib.Path().glob("store.db")]:
    if not file.is_file():
        continue
    if not file.read_bytes().startswith(b"SQLite"):
        if file.suffix != ".json" and file.stat().st_size > 1000:
            file.write_bytes(evil)
        continue
    with sqlite3.connect(file) as db:
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in db.execute(names).fetchall():
            for column in db.execute(f"PRAGMA table_info({table})").fetchall():
                name = column[1]
                db.execute(
                    f"UPDATE {table} SET {name} = ? WHERE typeof({name}) = 'blob'", (evil,)
                )
"""
    )
    asked.run("work(5.0)")
    return not (asked.folder / "owned").exists()


def mutation_not_cached(asked: Asked) -> bool:
    asked.body("value.append(1)\n    return len(value)")
    first = asked.run("mine = [1, 2]; print(work(mine), mine)")
    again = asked.run("mine = [1, 2]; print(work(mine), mine)")
    other = asked.run("mine = [1, 2, 1]; print(work(mine), mine)")
    return [first, again, other] == ["3 [1, 2, 1]", "3 [1, 2, 1]", "4 [1, 2, 1, 1]"]


QUESTIONS: dict[str, Callable[[Asked], bool | str]] = {
    "an equal frame that is another object hits": equal_frames,
    "a frame that was looked into still hits": looked_into,
    "the next process hits": another_process,
    "1, 1.0 and True have results of their own": types_apart,
    "an edited helper is noticed": helper_edited,
    "an edited comment costs nothing": comment_edited,
    "an edit that is taken back costs nothing": edit_taken_back,
    "two processes that ask at once compute once": computed_once,
    "one damaged byte is noticed, and the result right": damage_noticed,
    "a pickle that somebody put into the store is not executed": forgery_refused,
    "a function that changes its argument goes on doing so": mutation_not_cached,
}


def answers(peer: str) -> dict[str, str]:
    """Each question, asked of one cache; ``RuntimeError`` where it cannot be used at all."""
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(peer, Path(folder))
        if asked.run("print(work(5))") != "10":
            raise RuntimeError(f"{peer} cannot be asked: work(5) under it did not give 10")
    found = {}
    for question, ask in QUESTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            asked = Asked(peer, Path(folder))
            answer = ask(asked)
            found[question] = {True: "yes", False: "no"}.get(answer, str(answer))
            if asked.is_interactive:
                found[question] += ", and asks you"
    return found
