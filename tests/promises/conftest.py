"""Repositories on disk that the tests migrate from ``@cacheable``, as a user would."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from afml_cache.store.store import Store
from codemods.plan import plan
from tests.promises.codemod_cases import Case

#: What the bodies of cached functions call, so that a body that ran is known to have run.
NOTE = """
    def note(*what):
        with open({log!r}, "a") as log:
            print(*what, file=log)
"""


@dataclass
class Told:
    """What ``cache_info()`` says of the calls in a block."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class Repository:
    """A package named ``desk``, imported anew as by a new process; its functions use a cache."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.log = folder / "ran.log"
        self.write("__init__.py", "")
        self.write("noting.py", NOTE.format(log=str(self.log)))

    def path(self, name: str) -> Path:
        return self.folder / "desk" / name

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(textwrap.dedent(text))

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
        self.path(name).write_text(text.replace(old, new))

    def migrate(self, name: str = "main.py", decorator: str = "robust_cacheable") -> None:
        """Rename ``cacheable``, and nothing else."""
        text, renamed = re.subn(r"\bcacheable\b", decorator, self.path(name).read_text())
        assert renamed
        self.path(name).write_text(text)

    def load(self, name: str = "main") -> Any:
        forget()
        return importlib.import_module(f"desk.{name}")

    def ran(self) -> list[str]:
        """What the bodies noted since this was last asked."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines()
        self.log.unlink()
        return lines

    def warm(self, use: Callable[[Any], object]) -> Any:
        """Use the module under the old decorator until no body runs; what it returned then."""
        self.ran()
        for _ in range(5):
            result = use(self.load())
            if not self.ran():
                return result
        raise AssertionError("the old decorator misses every time")

    @contextlib.contextmanager
    def counting(self, function: Any) -> Iterator[Told]:
        """What becomes of the function's calls in a block, known when it has ended."""
        told, before = Told(), function.cache_info()
        yield told
        after = function.cache_info()
        told.hits = after.hits - before.hits
        told.adopted = after.adopted - before.adopted
        told.computed = after.computed - before.computed
        for reason, times in after.reasons.items():
            if times != before.reasons.get(reason, 0):
                told.reasons[reason] = times - before.reasons.get(reason, 0)

    @property
    def joblib(self) -> Path:
        """Where joblib keeps its files of the active store."""
        return self.store.directory / "joblib_cache" / "joblib"

    def outputs(self, function: str = "main/f") -> list[Path]:
        """joblib's results of a function, at least one."""
        found = sorted((self.joblib / "desk" / function).glob("*/output.pkl"))
        assert found, function
        return found

    def age(self, seconds: float, function: str = "main/f") -> None:
        """Make joblib's entries of a function older, in all that tells their time."""
        for output in self.outputs(function):
            described = output.parent / "metadata.json"
            metadata = json.loads(described.read_text())
            if "time" in metadata:
                metadata["time"] -= seconds
            described.write_text(json.dumps(metadata))
            for path in (output, described, output.parent):
                then = path.stat().st_mtime - seconds
                os.utime(path, (then, then))


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "desk"]:
        del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def repo(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A package ``desk``, empty but for ``desk.noting``, beside the scripts of ``run_python``."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    yield Repository(tmp_path, store)
    forget()


@pytest.fixture
def contents() -> Callable[[Path], dict[str, tuple[object, ...]]]:
    """Everything that a folder holds, with modes and times, to be compared with later."""

    def look(folder: Path) -> dict[str, tuple[object, ...]]:
        assert folder.is_dir()
        seen: dict[str, tuple[object, ...]] = {}
        for path in [folder, *sorted(folder.rglob("*"))]:
            about = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            seen[str(path)] = (about.st_mode, about.st_ino, about.st_mtime_ns, content)
        return seen

    return look


ROOT = Path(__file__).resolve().parent.parent.parent

#: Imports what scripts need once, then runs each of them in a process forked for it.
PARENT_OF_SCRIPTS = """
import json, os, runpy, sys, traceback
import pandas
from afml.cache import cacheable, robust_cacheable, time_aware_cacheable

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(asked["folder"])
        os.environ["AFML_CACHE"] = asked["cache"]
        printed = os.open("printed", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        sys.path.insert(0, asked["folder"])
        code = 0
        try:
            runpy.run_path(asked["script"], run_name="__main__")
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture(scope="session")
def parent_of_scripts() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT_OF_SCRIPTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def printed_by(parent_of_scripts: subprocess.Popen[str]) -> Callable[..., tuple[int, str]]:
    """Run a script in a process of its own, on a new cache: its exit code and what it printed."""

    def run(folder: Path, script: str = "case.py") -> tuple[int, str]:
        cache = Path(tempfile.mkdtemp(dir=folder.parent, prefix="cache-"))
        asked = {"folder": str(folder), "script": script, "cache": str(cache)}
        assert parent_of_scripts.stdin is not None
        assert parent_of_scripts.stdout is not None
        parent_of_scripts.stdin.write(json.dumps(asked) + "\n")
        parent_of_scripts.stdin.flush()
        code = int(parent_of_scripts.stdout.readline())
        return code, (folder / "printed").read_text()

    return run


@pytest.fixture
def check_case(
    tmp_path: Path, printed_by: Callable[..., tuple[int, str]]
) -> Callable[[Case], None]:
    """A file becomes what it has to, once and for all, and prints what it printed before."""

    def check(case: Case) -> None:
        found = plan(case.before)
        assert found.carry_out(case.before).decode() == case.after.decode()
        left = tuple(finding.code.value for finding in found.findings)
        assert left == case.left or case.left == ("anything",)
        again = plan(case.after)
        assert again.carry_out(case.after) == case.after, "a second run changes something"
        said = []
        for what, data in [("before", case.before), ("after", case.after)]:
            folder = tmp_path / what
            folder.mkdir()
            (folder / "case.py").write_bytes(data)
            code, printed = printed_by(folder)
            assert (code == 0) == case.runs or (what == "after" and not case.runs), printed
            said.append(printed.replace(str(folder), ""))
        if case.runs:
            assert said[0].strip(), "it shows nothing"
            assert said[1] == said[0]

    return check


@dataclass
class Command:
    """``afml-codemod`` as a person runs it, in a process of its own; its input is no terminal."""

    folder: Path

    def __call__(
        self, *arguments: object, code: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "codemods.cli", *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def findings(self, *arguments: object) -> list[tuple[str, int, str]]:
        """What ``plan`` leaves alone: path, line and reason."""
        told = json.loads(self("plan", "--format", "json", *arguments).stdout)
        return [
            (file["path"], finding["line"], finding["code"])
            for file in told["files"]
            for finding in file["findings"]
        ]


@pytest.fixture
def codemod(tmp_path: Path) -> Command:
    """``afml-codemod`` in an empty folder that is no git repository."""
    folder = tmp_path / "desk_repository"
    folder.mkdir()
    return Command(folder)
