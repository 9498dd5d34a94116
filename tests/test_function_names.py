"""A module is what a function was defined in, wherever one stands and whatever has been deleted."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from afml_cache import selective_cache_clear
from afml_cache.function_names import in_modules, module_of, perhaps_in_modules
from afml_cache.store import valuefile
from afml_cache.store.homes import modules_of

ROOT = Path(__file__).resolve().parent.parent
PROJECT = {
    "__init__": "",
    "labels": (
        "from afml_cache import robust_cacheable\n\n"
        "@robust_cacheable\ndef triple(x):\n    return x * 3\n\n"
        "class Model:\n    @robust_cacheable\n    def fit(self, x):\n        return x\n"
    ),
    "labels2": (
        "from afml_cache import robust_cacheable\n\n@robust_cacheable\ndef f(x):\n    return x\n"
    ),
}


@pytest.fixture
def project(tmp_path, store, run_python):
    """A project of which another process has stored results; this one has not loaded it."""
    package = tmp_path / "project" / "research_of_test"
    package.mkdir(parents=True)
    for name, text in PROJECT.items():
        (package / f"{name}.py").write_text(text)
    run_python(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        from research_of_test import labels, labels2
        labels.triple(1), labels.Model().fit(1), labels2.f(1)
        """,
        str(package.parent),
    )
    return package


@pytest.fixture
def run_command():
    """What the command prints as JSON, in a process of its own that starts in a directory."""

    def run(*arguments, cwd, code=0):
        done = subprocess.run(
            [sys.executable, "-B", "-m", "afml_cache.cli", *arguments, "--json"],
            capture_output=True,
            text=True,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def matched(*modules):
    return sorted(selective_cache_clear(modules=modules, dry_run=True).functions)


def test_a_module_that_is_not_on_the_path_has_its_methods_all_the_same(project):
    assert matched("research_of_test.labels") == [
        "research_of_test.labels.Model.fit",
        "research_of_test.labels.triple",
    ]
    assert matched("research_of_test.labels.Model") == []
    assert matched("research_of_test.labels2") == ["research_of_test.labels2.f"]
    assert matched("research_of_test") == []
    assert len(matched("research_of_test.*")) == 3


def test_a_deleted_module_is_found_and_its_package_does_not_take_it(project, monkeypatch):
    monkeypatch.syspath_prepend(str(project.parent))
    (project / "labels2.py").unlink()
    shutil.rmtree(project / "__pycache__", ignore_errors=True)
    importlib.invalidate_caches()
    assert matched("research_of_test.labels2") == ["research_of_test.labels2.f"]
    assert matched("research_of_test") == []
    importlib.import_module("research_of_test")
    try:
        assert matched("research_of_test") == []
    finally:
        del sys.modules["research_of_test"]


def without_modules(store):
    """As an older version has stored them."""
    packed = {}
    for entry in store.entries():
        described = store.description(entry.digest)
        for name in ("module", "qualname", "home", "set"):
            del described[name]
        packed[entry.digest] = valuefile.pack_record(described)

    def work(cursor):
        for digest, description in packed.items():
            cursor.execute(
                "UPDATE description SET packed=? WHERE substr(slot, 1, 16)=?", (description, digest)
            )

    store._index.write(work)


def test_where_only_the_name_is_left_what_is_doubtful_is_left_alone_and_told(project, store):
    without_modules(store)
    cleaning = selective_cache_clear(modules="research_of_test.labels")
    assert not cleaning and not cleaning.unmatched
    (told,) = cleaning.unsure
    assert told.startswith("whether these are of the module research_of_test.labels cannot be told")
    assert told.endswith(": research_of_test.labels.Model.fit, research_of_test.labels.triple")
    assert matched("research_of_test.*") == sorted(store.sizes())
    assert matched("research_of_test.labels3") == []


def test_a_result_of_joblib_is_of_the_module_that_another_result_names(project, store):
    """joblib keeps a name alone."""
    names = [*store.sizes(), "research_of_test.labels.older", "research_of_test.labels.Model.old"]
    known = modules_of(store, names)
    labels = {name for name in names if ".labels." in name}
    doubtful = {"research_of_test.labels.Model.old"}
    assert in_modules(names, ["research_of_test.labels"], known) == labels - doubtful
    assert perhaps_in_modules(names, ["research_of_test.labels"], known) == doubtful


def test_on_the_path_an_older_entry_is_of_the_module_that_is_there(project, store, monkeypatch):
    without_modules(store)
    monkeypatch.syspath_prepend(str(project.parent))
    importlib.invalidate_caches()
    assert matched("research_of_test.labels") == ["research_of_test.labels.triple"]
    labels = importlib.import_module("research_of_test.labels")
    try:
        assert matched(labels) == [
            "research_of_test.labels.Model.fit",
            "research_of_test.labels.triple",
        ]
    finally:
        for name in ("research_of_test", "research_of_test.labels"):
            del sys.modules[name]


def test_the_command_clears_a_module_from_any_directory(project, run_command, tmp_path):
    for place in (project.parent, tmp_path):
        document = run_command("clear", "research_of_test.labels", "--dry-run", cwd=place)
        assert document["entries"] == 2


def test_the_command_names_a_deleted_module_whose_code_cannot_be_compared(project, run_command):
    (project / "labels2.py").unlink()
    shutil.rmtree(project / "__pycache__", ignore_errors=True)
    document = run_command("clear", "--changed", "--yes", cwd=project.parent, code=3)
    (told,) = document["left_alone"]
    assert told.startswith("research_of_test.labels2 cannot be imported")


def test_a_namespace_package_is_found_without_importing_it(tmp_path, monkeypatch):
    inner = tmp_path / "spread_of_test" / "inner"
    inner.mkdir(parents=True)
    (inner / "module.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert module_of("spread_of_test.inner.module.Class.method") == "spread_of_test.inner.module"
    assert module_of("spread_of_test.inner.gone.f") == "spread_of_test.inner"
    assert "spread_of_test" not in sys.modules
