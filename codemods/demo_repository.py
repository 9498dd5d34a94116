"""The copy of the example that the demonstration works on, and what can be measured on it.

Everything happens in processes of its own, as it would for a user: the tests, the codemods and
the look at the counters. Nothing here imports the cache or pandas.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
    "pytest": "pytest",
}

#: Folders that tools write beside the sources; they are no part of the repository.
_NOT_SOURCES = (".git", ".afml-codemod", ".pytest_cache", "__pycache__")

_PACKAGE = Path(__file__).parent
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
    """One run of the tests, or more: how long it took, how it ended and what the cache did."""

    name: str
    seconds: float
    closing: str  #: the last line
    functions: Mapping[str, Counts]

    @property
    def counts(self) -> Counts:
        """All functions together."""
        return sum(self.functions.values(), Counts())


class Repository:
    """A copy of the example with a cache of its own.

    Parameters
    ----------
    directory : Path
        An empty folder, for the copy, the cache and the report.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "legacy_quant"
        self._cache = directory / "cache"
        self._report = directory / "migration-report.html"
        example = find_example()
        ignored = shutil.ignore_patterns(*_NOT_SOURCES, ".mypy_cache", ".ruff_cache")
        shutil.copytree(example, self.path, ignore=ignored)
        self._environment = _environment(self._cache, example)
        self._counted: dict[str, Counts] = {}
        self.under_git = self._make_git_repository()

    def test(self, name: str) -> Run:
        """Run the repository's own tests."""
        # The journal's and the user's plugins have no part in it: these are the example's tests.
        options = ("-q", "-x", "-p", "no:cacheprovider", "--color=no")
        began = time.perf_counter()
        *_, closing = self._lines([sys.executable, "-m", "pytest", *options])
        seconds = time.perf_counter() - began
        return Run(name, seconds, closing.strip("= "), self._count())

    def migrate(self, verify: str, told: Callable[[str], None]) -> tuple[Run, Mapping[str, Any]]:
        """Run the verified migration; ``told`` hears each line; also its report."""
        command = ["migrate", "--verify", verify, "--report", str(self._report), str(self.path)]
        began = time.perf_counter()
        closing = ""
        for closing in self._codemod(command, fine=(0, 1)):
            told(closing)
        seconds = time.perf_counter() - began
        report: dict[str, Any] = json.loads(self._report.with_suffix(".json").read_text())
        return Run("migrate, 4 runs", seconds, closing, self._count()), report

    def codemod(self, *arguments: str) -> str:
        """What ``afml-codemod`` prints for these arguments."""
        return "\n".join(self._codemod(arguments))

    def _codemod(self, arguments: Sequence[str], fine: Collection[int] = (0,)) -> Iterator[str]:
        command = [sys.executable, "-m", "codemods.cli", *arguments]
        return self._lines(command, environment={"NO_COLOR": "1"}, fine=fine)

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
        fine: Collection[int] = (0,),
    ) -> Iterator[str]:
        """The lines that a command prints, as they come; ``fine`` are its good exit codes.

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
        if process.returncode not in fine:
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
