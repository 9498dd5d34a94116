"""On what ground a migration stands: git, the size of the cache, what is installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from afml_cache import cacheable, robust_cacheable
from codemods.files import git
from codemods.migration.facts import EXTRAS, Facts, extras, git_state
from codemods.migration.health import examine, size

ROOT = Path(__file__).resolve().parents[2]
#: Extras for working on the cache, or for several others together.
OTHERS = {"demo", "docs", "test", "bench", "all"}


def test_git_tells_branch_commit_and_what_it_does_not_hold(repository: Any) -> None:
    made = repository()
    made.git("checkout", "--quiet", "-b", "work")
    commit = (git(made.path, "rev-parse", "--short", "HEAD") or b"").decode().strip()
    assert git_state(made.path, []) == f"work at {commit}, holds everything as it is"
    told = git_state(made.path, ["a.py", "b.py", "c.py", "d.py"])
    assert told.endswith(", 4 files have changes that it does not hold (a.py, b.py, c.py, ...)")
    assert git_state(made.path, ["a.py"]).endswith(
        "1 file has changes that it does not hold (a.py)"
    )
    made.git("checkout", "--quiet", "--detach")
    assert git_state(made.path, []).startswith(f"no branch at {commit}, ")


def test_a_repository_without_a_commit_and_a_folder_without_git(tmp_path: Path) -> None:
    assert git_state(tmp_path, []) == "none here; the journal alone can undo"
    subprocess.run(["git", "init", "--quiet", "-b", "new"], cwd=tmp_path, check=True)
    assert git_state(tmp_path, ["a.py"]).startswith("new, nothing committed yet, 1 file has")


def test_every_extra_of_the_project_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"]) - OTHERS


def test_what_is_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for module in ("plotly", "ray", "optuna"):
        monkeypatch.delitem(sys.modules, module, raising=False)
        (tmp_path / module).mkdir()
    for module in ("plotly", "ray"):
        (tmp_path / module / "__init__.py").touch()
    found = extras()
    assert {"dashboard", "cluster"} <= set(found)
    assert "optuna" not in found, "a folder of that name is no package"
    assert "reload" not in found or "watchfiles" in sys.modules


@pytest.mark.parametrize(
    ("stored", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2.5e9, "2.5 GB"), (4e12, "4000.0 GB")],
)
def test_a_size_is_told_in_a_unit_that_fits(stored: float, told: str) -> None:
    assert Facts("", int(stored), ()).cache == told


@cacheable
def old(text: str) -> str:
    return text * 1000


@robust_cacheable
def new(text: str) -> str:
    return text * 1000


def test_the_size_counts_what_either_decorator_has_stored() -> None:
    assert size(examine()) == 0
    old("a")
    by_old = size(examine())
    assert by_old > 0
    new("b")
    assert size(examine()) > by_old
