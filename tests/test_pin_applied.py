"""Applying a migration pins the code that the stored results belong to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LABELS = """\
from afml.cache import cacheable
from quant.helpers import scale, SETTINGS


@cacheable
def label(x):
    print("computed")
    return scale(x) + SETTINGS["fee"]


class Model:
    @cacheable(ignore=["self"])
    def fit(self, x):
        print("fitted")
        return scale(x)
"""
HELPERS = """\
SETTINGS = {"fee": 1}


def scale(x):
    return x * 2
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    package = root / "quant"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "labels.py").write_text(LABELS)
    (package / "helpers.py").write_text(HELPERS)
    return root


@pytest.fixture
def call(repository: Path) -> Callable[[str], list[str]]:
    """Run a statement in a new process of the project's; returns the lines that it printed."""

    def run(statement: str) -> list[str]:
        source = f"import sys; sys.path[:0] = [{str(repository)!r}, {str(ROOT)!r}]; {statement}"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-B", "-c", source],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


def apply(repository: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "codemods.cli", "apply", "--yes", *options, str(repository)],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


USE = "from quant.labels import label, Model; print(label(3), Model().fit(3))"


def test_an_edit_between_migrating_and_the_first_call_is_noticed(
    repository: Path, call: Callable[[str], list[str]]
) -> None:
    assert call(USE) == ["computed", "fitted", "7", "6"]
    assert "Pinned the code that the results of 2 functions belong to" in apply(repository)
    (repository / "quant" / "helpers.py").write_text(HELPERS.replace("* 2", "* 10"))
    assert call(USE) == ["computed", "fitted", "31", "30"]
    (repository / "quant" / "helpers.py").write_text(HELPERS)
    assert call(USE) == ["7", "6"]  # adopted: it is the code that was pinned


def test_what_the_program_sets_before_it_calls_does_not_keep_results_out(
    repository: Path, call: Callable[[str], list[str]]
) -> None:
    started = f"import quant.helpers; quant.helpers.SETTINGS['fee'] = 5; {USE}"
    assert call(started) == ["computed", "fitted", "11", "6"]
    apply(repository)
    assert call(started) == ["11", "6"]


def test_without_a_pin_the_first_call_decides(
    repository: Path, call: Callable[[str], list[str]]
) -> None:
    call(USE)
    assert "Pinned" not in apply(repository, "--no-pin")
    assert call(USE) == ["7", "6"]


def test_modules_without_stored_results_are_not_imported(repository: Path) -> None:
    (repository / "quant" / "labels.py").write_text(LABELS + "\nopen('imported', 'w').close()\n")
    (repository.parent / "cache" / "joblib_cache").mkdir(parents=True)
    assert "Pinned" not in apply(repository)
    assert not (ROOT / "imported").exists()


def test_a_module_that_cannot_be_imported_is_named_and_the_migration_stands(
    repository: Path, call: Callable[[str], list[str]]
) -> None:
    call(USE)
    (repository / "quant" / "labels.py").write_text(f"import no_such_module_at_all\n{LABELS}")
    told = apply(repository)
    assert "Migrated 2 functions in 1 file" in told
    assert "Not pinned" in told
    assert "quant.labels cannot be imported" in told
    assert not list(repository.rglob("*.pyc"))


def test_a_second_migration_keeps_the_pin_of_the_first(
    repository: Path, call: Callable[[str], list[str]]
) -> None:
    call(USE)
    apply(repository)
    subprocess.run(
        [sys.executable, "-m", "codemods.cli", "rollback", "--root", str(repository)],
        check=True,
        capture_output=True,
        cwd=ROOT,
    )
    assert "2 functions had been pinned before" in apply(repository)
