"""A repository on disk that the tests of adoption migrate from ``@cacheable``, as a user would."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from afml_cache.store.store import Store

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
