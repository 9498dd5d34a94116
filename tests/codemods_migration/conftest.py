"""A small repository with its own tests and cache, and the command run on it as a person would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

QUANT = """
from pathlib import Path

import numpy as np

from afml_cache import cacheable

#: What the modules say; some functions below are so unwise as to depend on it.
SOURCE = Path(__file__).read_text()


@cacheable
def returns(prices):
    return np.diff(np.log(prices))


@cacheable
def ranks(prices, top=3):
    return sorted(prices)[:top]
"""

TESTS = """
import numpy as np

import quant

PRICES = [100.0, 101.5, 99.25, 103.0]


def test_returns():
    assert len(quant.returns(PRICES)) == 3
    assert quant.returns(PRICES)[0] > 0


def test_ranks():
    assert quant.ranks(PRICES) == [99.25, 100.0, 101.5]
"""


@dataclass
class Repository:
    """A git repository with a cache of its own."""

    path: Path
    cache: Path
    more: dict[str, str] = field(default_factory=dict)  #: of the environment
    patience: float = 110  #: seconds for one command

    def environment(self) -> dict[str, str]:
        """What its commands run in."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AFML_", "PYTEST_"))}
        return kept | {
            "AFML_CACHE": str(self.cache),
            "AFML_CACHE_SECRET": "of the tests",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "80",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **self.more,
        }

    def command(self, *arguments: str) -> list[str]:
        """afml-codemod, for a process."""
        return [sys.executable, "-m", "codemods.cli", *arguments]

    def codemod(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run afml-codemod here."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.path,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.patience,
        )

    def migrate(self, *arguments: str, verify: str = "pytest -q -p no:cacheprovider") -> Any:
        """Run the verified migration."""
        return self.codemod("migrate", "--verify", verify, *arguments)

    def report(self) -> dict[str, Any]:
        """What it has written for machines."""
        found: dict[str, Any] = json.loads((self.path / "migration-report.json").read_text())
        return found

    def became(self) -> dict[str, str]:
        """What became of each function."""
        return {one["function"]: one["became"] for one in self.report()["functions"]}

    def why(self, function: str) -> str:
        """Why a function went back, in one line."""
        (row,) = [one for one in self.report()["functions"] if one["function"] == function]
        return " ".join(row["why"])

    def holds(self) -> dict[str, str]:
        """What was said of each criterion."""
        return {one["name"]: one["holds"] for one in self.report()["criteria"]}

    def sources(self) -> dict[str, bytes]:
        """Every source file's bytes."""
        return {path.name: path.read_bytes() for path in sorted(self.path.glob("*.py"))}

    def changes(self) -> str:
        """What git finds changed or new; nothing where all is as it was committed."""
        done = subprocess.run(
            ["git", "status", "--porcelain"],
            cwd=self.path,
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def git(self, *arguments: str) -> None:
        """Run git here."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@localhost")
        subprocess.run(
            ["git", *identity, *arguments], cwd=self.path, env=self.environment(), check=True
        )


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Repository]:
    """Make one; what is given is added to its modules."""

    def make(quant: str = "", tests: str = "", more: Mapping[str, str] | None = None) -> Repository:
        made = Repository(tmp_path / "repository", tmp_path / "cache")
        made.path.mkdir()
        files = {
            "quant.py": QUANT + quant,
            "test_quant.py": TESTS + tests,
            "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
            ".gitignore": "migration-report.*\n",
            **(more or {}),
        }
        for name, text in files.items():
            (made.path / name).write_text(text.lstrip("\n"))
        made.git("init", "--quiet")
        made.git("add", "--all")
        made.git("commit", "--quiet", "--message", "Everything as it was")
        return made

    return make
