"""A small project in a temporary folder, which the tests edit and import anew."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from afml_cache.keys.code import Fingerprint, FunctionCode


class Project:
    """Modules in a folder. ``load`` imports one as a new process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, source: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def load(self, name: str = "quant") -> ModuleType:
        self.unload()
        return importlib.import_module(name)

    def unload(self) -> None:
        importlib.invalidate_caches()
        for name, module in list(sys.modules.items()):
            paths = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
            if any(path and str(path).startswith(str(self.folder)) for path in paths):
                del sys.modules[name]

    def fingerprint(self, function: str = "signal", module: str = "quant") -> Fingerprint:
        value: Any = self.load(module)
        for name in function.split("."):
            value = getattr(value, name)
        return FunctionCode(value).current()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    # Two versions of one size within one tick of the clock would share their bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(folder)
    yield made
    made.unload()
