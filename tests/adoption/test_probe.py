"""What a module's functions reach right after its import, asked of a new process."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from afml_cache.adoption.probe import parts_after_import

PROBED = """\
from pathlib import Path

from afml_cache import robust_cacheable
from afml_cache.adoption.probe import parts_after_import

FEE = int(Path(__file__).with_name("fee.txt").read_text())
with Path(__file__).with_name("imports").open("a") as log:
    log.write(".")
print("this is no part of the answer")


@robust_cacheable
def f(x):
    return x + FEE


class Model:
    @staticmethod
    @robust_cacheable
    def fit(x):
        return x - FEE


parts_after_import(f.__wrapped__)
f(1)
"""


@pytest.fixture
def probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "probed_module.py").write_text(PROBED)
    (tmp_path / "fee.txt").write_text("3")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("probed_module")
    del sys.modules["probed_module"]


def test_it_is_what_the_import_gives_and_not_what_the_program_has_set(
    probed: ModuleType, tmp_path: Path
) -> None:
    imported = dict(probed.f.fingerprint().parts)
    probed.FEE = 4
    assert dict(probed.f.fingerprint().parts) != imported
    assert parts_after_import(probed.f.__wrapped__) == imported
    assert probed.Model.fit.fingerprint().parts != parts_after_import(probed.Model.fit.__wrapped__)
    (tmp_path / "fee.txt").write_text("4")
    parts_after_import.__globals__["_asked"].cache_clear()
    assert parts_after_import(probed.f.__wrapped__) == dict(probed.f.fingerprint().parts)


def test_a_module_that_asks_while_it_is_imported_does_not_start_process_after_process(
    probed: ModuleType, tmp_path: Path
) -> None:
    # The program itself, and the process that it has asked.
    assert (tmp_path / "imports").read_text() == ".."


def test_what_cannot_be_imported_again_has_no_answer(probed: ModuleType, tmp_path: Path) -> None:
    def local() -> None: ...

    assert parts_after_import(local) is None
    parts_after_import.__globals__["_asked"].cache_clear()
    (tmp_path / "probed_module.py").write_text("raise SystemExit(0)")
    assert parts_after_import(probed.f.__wrapped__) is None


def test_what_has_no_name_to_import_it_by_has_no_answer() -> None:
    assert parts_after_import(functools.partial(print)) is None


def test_things_on_the_path_that_are_no_text_are_passed_over(
    probed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [tmp_path, *sys.path])
    assert parts_after_import(probed.f.__wrapped__) == dict(probed.f.fingerprint().parts)
