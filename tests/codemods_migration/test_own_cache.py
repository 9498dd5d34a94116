"""A repository that carries the original's own cache package: one command, from there to done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codemods.migration.recorded import read

pytestmark = pytest.mark.slow  # each runs the repository's tests several times

PACKAGE = Path(__file__).resolve().parents[1] / "data" / "own_cache"

QUANT = """
from pathlib import Path

import numpy as np

from afml.cache import cacheable
from afml.cache.selective_cleaner import smart_cacheable

SOURCE = Path(__file__).read_text()


@cacheable
def returns(prices):
    return np.diff(np.log(prices))


@smart_cacheable
def ranks(prices, top=3):
    return sorted(prices)[:top]
"""


@pytest.fixture
def own(repository: Any) -> Any:
    """Such a repository, whose cache is warm: its tests have run before, with nothing of ours."""
    made = repository()
    package = made.path / "afml" / "cache"
    package.mkdir(parents=True)
    for file in PACKAGE.iterdir():
        (package / file.name.removesuffix(".txt")).write_bytes(file.read_bytes())
    (made.path / "quant.py").write_text(QUANT.lstrip("\n"))
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Its own cache")
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:afml"]
    subprocess.run(
        plain, cwd=made.path, env=made.environment(), check=True, stdout=subprocess.DEVNULL
    )
    return made


def files(made: Any) -> dict[str, bytes]:
    """Every source file's bytes, those of the package included."""
    return {
        str(path.relative_to(made.path)): path.read_bytes()
        for path in sorted(made.path.rglob("*.py"))
    }


def test_it_is_migrated_with_its_package_in_one_command_and_nothing_is_computed(own: Any) -> None:
    before = files(own)
    done = own.migrate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its own cache package: afml/cache/__init__.py" in done.stdout
    assert "it is to get, as by `afml-codemod adopt-init`: robust_cacheable" in done.stdout
    assert own.became() == {"returns": "migrated", "ranks": "migrated"}
    assert set(own.holds().values()) <= {"holds", "does not apply"}
    for row in own.report()["functions"]:
        assert (row["before"]["hit_rate"], row["before"]["computed"]) == (1.0, 0)
        assert row["after"]["computed"] == 0
        assert row["after"]["adopted"] == 1
    (told,) = [
        one["measured"]
        for one in own.report()["criteria"]
        if one["name"] == "nothing computed again"
    ]
    assert told == "0 recomputed; 2 adopted, 1 hits"
    assert any("offers more, as after `adopt-init`" in note for note in own.report()["notes"])
    after = files(own)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"quant.py", "afml/cache/__init__.py"}
    assert b"from afml_cache import" in after["afml/cache/__init__.py"]
    assert "2 functions and" in own.codemod("status").stdout

    undone = own.codemod("rollback", own.report()["migration"])
    assert undone.returncode == 0, undone.stdout + undone.stderr
    assert files(own) == before


def test_the_baseline_of_the_original_is_known_before_anything_is_changed(own: Any) -> None:
    before = files(own)
    done = own.migrate("--phase", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    notes = own.path / ".afml-codemod" / "verified"
    recordings = [read(path) for path in sorted(notes.glob("before-*.json"))]
    assert len(recordings) == 2
    for recording in recordings:  # in the first already: its own entries are hit, and kept
        functions = recording.functions
        assert {name: (one.hits, one.computed) for name, one in functions.items()} == {
            "quant.returns": (2, 0),
            "quant.ranks": (1, 0),
        }
        assert all(one.hit_seconds > 0 for one in functions.values())
    assert files(own) == before


def test_functions_that_stay_under_it_may_clear_what_their_file_had(own: Any) -> None:
    done = own.migrate("--only", "returns")
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = [
        one["measured"]
        for one in own.report()["criteria"]
        if one["name"] == "hit rates kept or better"
    ]
    assert "1 cleared by their own smart_cacheable, as their file has changed" in told
    assert own.became() == {"returns": "migrated"}


def test_step_by_step_the_names_stay_until_nobody_imports_them(own: Any) -> None:
    before = files(own)
    first = own.migrate("--only", "ranks")
    assert first.returncode == 0, first.stdout + first.stderr
    adopting = own.report()["migration"]
    own.git("commit", "--all", "--quiet", "--message", "One of them")
    second = own.migrate()
    assert second.returncode == 0, second.stdout + second.stderr
    assert "it is to get" not in second.stdout
    assert own.became() == {"returns": "migrated"}
    assert own.holds()["MLflow works"] == "does not apply", "offering it is not using it"

    refused = own.codemod("rollback", adopting)
    assert refused.returncode == 2
    assert f"roll {own.report()['migration']} back first" in refused.stderr
    assert own.codemod("rollback", "--all").returncode == 0
    assert files(own) == before


def test_where_everything_goes_back_the_package_does_too(own: Any) -> None:
    tests = own.path / "test_quant.py"
    text = 'def test_that_nothing_is_migrated():\n    assert "robust" not in quant.SOURCE\n'
    tests.write_text(tests.read_text() + "\n\n" + text)
    own.git("commit", "--all", "--quiet", "--message", "A test that wants it as it was")
    before = files(own)
    done = own.migrate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Everything is rolled back" in done.stdout
    assert files(own) == before
    assert "all existing tests pass: test_quant.py::test_that_nothing" in own.why("ranks")
