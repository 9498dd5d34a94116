"""The copy of the example that the demonstration works on, and what can be measured on it.

Everything happens in processes of its own, as it would for a user: the pipeline, the tests,
the codemods and the look at the counters. Nothing here imports the cache or pandas.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Import name -> the distribution that brings it.
NEEDED = {
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "backtesting": "backtesting",
    "arch": "arch",
}

#: Folders that tools write beside the sources; they are no part of the repository.
_NOT_SOURCES = (".git", ".afml-codemod", ".pytest_cache", "__pycache__")

_PACKAGE = Path(__file__).parent
_STAGE = re.compile(r"\[ *(\d+)/(\d+)\] +(.*)")
_STATISTICS = "import afml_cache, json; print(json.dumps(afml_cache.get_cache_stats()))"


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the calls of one function."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    seconds_saved: float = 0.0  #: of computation

    @property
    def calls(self) -> int:
        """All calls, however they ended."""
        return self.hits + self.adopted + self.computed

    @property
    def why(self) -> str:
        """The reasons of the computed calls in words: ``3 code, 1 argument``."""
        return ", ".join(f"{number} {reason}" for reason, number in self.reasons.items())

    def __add__(self, other: Counts) -> Counts:
        return self._combine(other, 1)

    def __sub__(self, earlier: Counts) -> Counts:
        return self._combine(earlier, -1)

    def _combine(self, other: Counts, sign: int) -> Counts:
        reasons = {
            reason: self.reasons.get(reason, 0) + sign * other.reasons.get(reason, 0)
            for reason in [*self.reasons, *(r for r in other.reasons if r not in self.reasons)]
        }
        return Counts(
            self.hits + sign * other.hits,
            self.adopted + sign * other.adopted,
            self.computed + sign * other.computed,
            {reason: number for reason, number in reasons.items() if number},
            self.seconds_saved + sign * other.seconds_saved,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pipeline: how long it took, what it printed and what the cache did."""

    name: str
    seconds: float
    table: str
    results: bytes
    functions: Mapping[str, Counts]

    @property
    def counts(self) -> Counts:
        """All functions together."""
        return sum(self.functions.values(), Counts())


#: Told the number of the finished stage, how many there are, and what it says.
Progress = Callable[[int, int, str], None]


class Repository:
    """A copy of the example with a cache of its own.

    Parameters
    ----------
    directory : Path
        An empty folder, for the copy, the cache and the results.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "legacy_quant"
        self._cache = directory / "cache"
        self._results = directory / "results.json"
        example = find_example()
        ignored = shutil.ignore_patterns(*_NOT_SOURCES, ".mypy_cache", ".ruff_cache")
        shutil.copytree(example, self.path, ignore=ignored)
        self._environment = _environment(self._cache, example)
        self._counted: dict[str, Counts] = {}
        self.under_git = self._make_git_repository()

    def run(self, name: str, progress: Progress) -> Run:
        """Run the pipeline; ``progress`` hears of each stage when it is done."""
        command = [sys.executable, "-m", "legacy_quant.run", "--json", str(self._results)]
        self._results.unlink(missing_ok=True)
        began = time.perf_counter()
        lines = []
        for line in self._lines(command):
            stage = _STAGE.match(line)
            if stage:
                progress(int(stage[1]), int(stage[2]), stage[3])
            else:
                lines.append(line)
        seconds = time.perf_counter() - began
        table = "\n".join(lines[:-1]).strip("\n")
        return Run(name, seconds, table, self._results.read_bytes(), self._count())

    def record(self, runs: Sequence[Run]) -> Path:
        """The statistics of ``runs`` as a file that ``--evidence`` reads."""
        rows = []
        for name in sorted({name for run in runs for name in run.functions}):
            counts = sum((run.functions.get(name, Counts()) for run in runs), Counts())
            rows.append(
                {
                    "function": name,
                    "calls": counts.calls,
                    "hits": counts.hits + counts.adopted,
                    "misses": counts.computed,
                }
            )
        document = {"format": "afml-cache evidence", "version": 1, "functions": rows}
        path = self.directory / "cache_stats.json"
        path.write_text(json.dumps(document, indent=1))
        return path

    def test(self) -> str | None:
        """pytest's closing line when the repository's own tests pass; None without pytest."""
        if find_spec("pytest") is None:
            return None
        # The journal's and the user's plugins have no part in it: these are the example's tests.
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "--color=no",
        ]
        return list(self._lines(command))[-1].strip("= ")

    def codemod(self, *arguments: str, colour: bool = False) -> str:
        """What ``afml-codemod`` prints for these arguments."""
        command = [sys.executable, "-m", "codemods.cli", *arguments]
        painted = {"FORCE_COLOR": "1"} if colour else {"NO_COLOR": "1"}
        return "\n".join(self._lines(command, environment=painted))

    def tree(self) -> dict[str, str]:
        """Relative path -> digest of the bytes and the mode, for every file."""
        return {str(path.relative_to(self.path)): _digest(path) for path in sorted(self._sources())}

    def replace(self, file: str, old: str, new: str) -> None:
        """Edit a file as a person would; ``old`` has to be in it, once."""
        path = self.path / file
        text = path.read_bytes().decode()
        if text.count(old) != 1:
            raise DemoError(f"{path} does not hold the lines that are to be edited, once")
        path.write_bytes(text.replace(old, new).encode())

    def git(self, *arguments: str) -> str:
        """What git prints for these arguments, without the user's configuration."""
        identity = ("-c", "user.name=demo", "-c", "user.email=demo@localhost")
        return "\n".join(self._lines(["git", *identity, *arguments]))

    def _make_git_repository(self) -> bool:
        if shutil.which("git") is None:
            return False
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Everything as it was")
        return True

    def _sources(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.path):
            folders[:] = [name for name in folders if name not in _NOT_SOURCES]
            yield from (Path(folder, file) for file in files)

    def _count(self) -> dict[str, Counts]:
        """What the cache did since the last time, for the functions that were called."""
        command = [sys.executable, "-W", "ignore", "-c", _STATISTICS]
        *_, printed = self._lines(command, cwd=self.directory)
        now = {function: _counts(row) for function, row in json.loads(printed).items()}
        since = {name: counts - self._counted.get(name, Counts()) for name, counts in now.items()}
        self._counted = now
        return {name: counts for name, counts in since.items() if counts.calls}

    def _lines(
        self,
        command: Sequence[str],
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[str]:
        """The lines that a command prints, as they come.

        Raises
        ------
        DemoError
            The command has failed.
        """
        tail: list[str] = []
        with subprocess.Popen(
            command,
            cwd=cwd or self.path,
            env={**self._environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    tail = [*tail[-29:], line.rstrip("\n")]
                    yield tail[-1]
            except BaseException:  # Control-C, or a reader that stops early: leave no process
                process.kill()
                raise
        if process.returncode:
            shown = " ".join(command)
            raise DemoError("\n".join([f"exit code {process.returncode} of: {shown}", "", *tail]))


def find_example() -> Path:
    """The example, in an installed wheel or in a checkout."""
    packaged = _PACKAGE / "examples" / "legacy_quant"
    checkout = _PACKAGE.parent / "examples" / "legacy_quant"
    for place in (packaged, checkout):
        if (place / "legacy_quant" / "run.py").is_file():
            return place
    raise DemoError(
        f"the example repository is neither at {packaged} nor at {checkout};"
        " install afml-cache anew"
    )


def missing_packages() -> list[str]:
    """The distributions that the demonstration needs and that are not installed."""
    return [package for name, package in NEEDED.items() if find_spec(name) is None]


def _environment(cache: Path, example: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AFML_", "GIT_", "PYTEST_"))
        and name not in ("PYTHONPATH", "FORCE_COLOR", "NO_COLOR")
    }
    private = {
        "AFML_CACHE": str(cache),
        # A secret for this cache alone: no file in the user's configuration is read or made.
        "AFML_CACHE_SECRET": secrets.token_hex(32),
        # The copy holds sources and nothing else, so that it can be compared byte for byte.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "COLUMNS": "78",  # what the commands print is shown indented, in 80 columns
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    # Paths are made absolute: the commands run elsewhere. A checkout that is not installed
    # has to be found from there as well.
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    roots = [str(Path(path).absolute()) for path in named if path]
    if not example.is_relative_to(_PACKAGE):
        roots.insert(0, str(_PACKAGE.parent))
    if roots:
        private["PYTHONPATH"] = os.pathsep.join(roots)
    return kept | private


def _counts(row: Mapping[str, Any]) -> Counts:
    return Counts(
        row["hits"], row["adopted"], row["computed"], row["reasons"], row["seconds_saved"]
    )


def _digest(path: Path) -> str:
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mode:o}"
