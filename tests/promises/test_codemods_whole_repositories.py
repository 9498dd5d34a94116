"""Whole repositories: the legacy example before and after, and a standard library that stays."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "legacy_quant"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and ".afml-codemod" not in path.parts
    }


@pytest.fixture
def legacy(codemod: Any) -> Any:
    shutil.copytree(
        EXAMPLE,
        codemod.folder,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"),
    )
    return codemod


def its_tests(folder: Path) -> str:
    """Run the repository's own tests; the line that sums them up, without the time."""
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    # Of a function that changes its argument the new decorator warns, so warnings do not count.
    return done.stdout.splitlines()[-1].rpartition(" in ")[0].partition(", 1 warning")[0]


@pytest.mark.slow
@pytest.mark.whole
@pytest.mark.timeout(600)
@pytest.mark.parametrize("options", [[], ["--to", "robust"]], ids=["auto", "robust"])
def test_the_example_passes_its_own_tests_before_and_after(legacy: Any, options: list[str]) -> None:
    said = its_tests(legacy.folder)
    assert "passed" in said and "failed" not in said
    before = digests(legacy.folder)
    legacy("apply", "--yes", "--no-pin", *options)
    changed = {
        name for name, digest in digests(legacy.folder).items() if before.get(name) != digest
    }
    assert changed and all(name.endswith((".py", ".ipynb")) for name in changed)
    assert its_tests(legacy.folder) == said
    legacy("check", *options)
    legacy("rollback")
    assert digests(legacy.folder) == before


def test_nothing_is_left_of_the_old_decorator_in_the_example(legacy: Any) -> None:
    before = digests(legacy.folder)
    legacy("check", code=1)
    told = json.loads(legacy("plan", "--format", "json").stdout)
    functions = sum(len(file["functions"]) for file in told["files"])
    assert functions > 10
    legacy("apply", "--yes", "--no-pin")
    legacy("check")
    again = digests(legacy.folder)
    legacy("apply", "--yes", "--no-pin")
    assert digests(legacy.folder) == again
    legacy("rollback")
    assert digests(legacy.folder) == before


@pytest.mark.slow
@pytest.mark.whole
@pytest.mark.timeout(600)
def test_the_standard_library_goes_through_untouched(
    codemod: Any, contents: Callable[[Path], dict[str, tuple[object, ...]]]
) -> None:
    """Also its files that do not parse or have no known encoding; a copy, with the tests in it."""
    library = Path(sysconfig.get_paths()["stdlib"])
    there = codemod.folder / "library"
    shutil.copytree(
        library,
        there,
        symlinks=True,
        ignore=shutil.ignore_patterns("site-packages", "__pycache__", "*.so", "*.a", "config-*"),
    )
    before = contents(there)
    assert sum(name.endswith(".py") for name in before) > 1000
    told = json.loads(codemod("plan", "--format", "json").stdout)
    assert told["failures"] == [] and told["files"] == []
    assert "Nothing to migrate" in codemod("apply", "--yes", "--no-pin").stdout
    codemod("check")
    assert contents(there) == before
    assert not (codemod.folder / ".afml-codemod").exists()


@pytest.mark.slow
@pytest.mark.whole
@pytest.mark.timeout(600)
def test_the_standard_library_changes_at_an_added_function_only(codemod: Any) -> None:
    """Every file of it gets an import and a function; there and back, each byte is what it was."""
    library = Path(sysconfig.get_paths()["stdlib"])
    added = b"\nfrom afml.cache import cacheable\n\n\n@cacheable\ndef added(x):\n    return x\n"
    count = 0
    for path in sorted(library.glob("*.py")) + sorted(library.glob("*/*.py")):
        name = path.relative_to(library)
        if "site-packages" in name.parts or "lib2to3" in name.parts or "test" in name.parts:
            continue
        codemod.write(f"lib/{name}", path.read_bytes() + added)
        count += 1
    assert count > 300
    before = digests(codemod.folder)
    codemod("apply", "--yes", "--no-pin")
    # A file that others import all names from keeps the old one importable.
    ends = (
        added.replace(b"cacheable", b"robust_cacheable"),
        added.replace(b"@cacheable", b"@robust_cacheable").replace(
            b"cacheable\n\n", b"cacheable, robust_cacheable\n\n"
        ),
    )
    for path in codemod.folder.rglob("*.py"):
        assert path.read_bytes().endswith(ends), path
    original = library / "ast.py"
    assert codemod.read("lib/ast.py").startswith(original.read_bytes())
    codemod("rollback")
    assert digests(codemod.folder) == before
