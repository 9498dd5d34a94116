"""Which code a run is of: an edited helper makes another, and its commit stands there."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from afml_cache import get_mlflow_cache

pytest.importorskip("mlflow")

STRATEGY = """
from afml_cache import mlflow_cached
import helper_of_run

@mlflow_cached
def train(x):
    return {"score": helper_of_run.edge(x)}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A project of two modules in a folder of its own, with this line in its helper."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def load(line):
        (folder / "helper_of_run.py").write_text(f"def edge(x):\n    return {line}\n")
        (folder / "train_of_run.py").write_text(STRATEGY)
        for name in ("helper_of_run", "train_of_run"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("train_of_run").train

    yield load
    for name in ("helper_of_run", "train_of_run"):
        sys.modules.pop(name, None)


def test_an_edited_helper_makes_another_run_and_going_back_none(load, runs):
    assert load("x + 1")(1) == {"score": 2}
    edited = load("x + 10")
    assert edited.run_for(1) is None
    assert edited(1) == {"score": 11}
    first, second = runs()
    assert first.data.tags["afml.function"] == second.data.tags["afml.function"]
    assert first.data.tags["afml.code"] != second.data.tags["afml.code"]
    assert first.data.tags["afml.key"] != second.data.tags["afml.key"]
    assert edited.run_for(1).info.run_id == second.info.run_id

    back = load("x + 1")
    assert back(1) == {"score": 2}
    assert back.run_for(1).info.run_id == first.info.run_id
    get_mlflow_cache().sync()
    assert [run.data.tags.get("afml.hits") for run in runs()] == ["1", None]


def test_the_commit_of_the_functions_repository_is_a_tag_as_mlflow_has_it(load, runs, tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(tmp_path / "project")]
    train = load("x")
    train(0)  # before there is a commit, but within no repository of the tests
    subprocess.run([*git, "init", "-q"], check=True)
    commits = []
    from afml_cache.backtests import origin

    for x in (1, 2):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
        rev = subprocess.run(
            [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        commits.append(rev.stdout.strip())
        origin._repository.cache_clear()  # it has found none here
        train(x)
    assert [run.data.tags.get("mlflow.source.git.commit") for run in runs()] == [None, *commits]
