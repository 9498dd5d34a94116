"""Entries of joblib folders elsewhere, named by ``configure(adopt_from=...)``."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from afml_cache import CacheWarning, configure

#: The cache that a repository had before: its own decorators around joblib.Memory.
BEFORE = """
    import functools
    from pathlib import Path

    from joblib import Memory

    memory = Memory({location}, verbose=0{options})

    def cacheable(function):
        cached = memory.cache(function)

        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return cached(*args, **kwargs)

        return wrapper

    smart_cacheable = cacheable
"""
MAIN = """
    from desk.before import cacheable
    from desk.noting import note
    import numpy as np

    @cacheable
    def f(x):
        note("f", x)
        return np.arange(3.0) * x
"""


def prepared(repo: Any, location: str, options: str = "", decorator: str = "cacheable") -> Any:
    """The repository, warm under the cache that it had before and then migrated."""
    repo.write("before.py", BEFORE.format(location=location, options=options))
    repo.write("main.py", MAIN)
    if decorator != "cacheable":
        repo.migrate(decorator=decorator)
    repo.warm(lambda main: [main.f(1), main.f(2)])
    text = repo.path("main.py").read_text().replace("desk.before", "afml.cache")
    repo.path("main.py").write_text(text.replace(decorator, "robust_cacheable"))
    repo.path("before.py").unlink()
    return repo


def adopted(repo: Any, *calls: int) -> Any:
    """How many of these calls were adopted; the others were computed, all are right."""
    f = repo.load().f
    with repo.counting(f) as told:
        for x in calls:
            result = f(x)
            assert result.tolist() == [0.0, x, 2.0 * x]
            assert result.dtype == float
            assert result.flags.writeable
            assert type(result).__name__ == "ndarray"
    assert told.adopted + told.computed == len(calls)
    assert len(repo.ran()) == told.computed
    return told.adopted


@pytest.mark.parametrize("decorator", ["cacheable", "smart_cacheable"])
@pytest.mark.parametrize("spelled", ["{!r}", "Path({!r})"], ids=["a str", "a Path"])
@pytest.mark.parametrize("given", [str, Path], ids=["given as str", "given as Path"])
def test_the_folder_that_was_given_to_memory_is_found(
    repo: Any, tmp_path: Path, spelled: str, given: Any, decorator: str
) -> None:
    old = tmp_path / "old cache"
    prepared(repo, spelled.format(str(old)), decorator=decorator)
    assert (old / "joblib").exists() == (spelled == "{!r}"), "joblib lays them out differently"
    configure(adopt_from=given(old))
    assert adopted(repo, 1, 2) == 2


def test_functions_that_memory_itself_decorated_are_adopted(repo: Any, tmp_path: Path) -> None:
    text = MAIN.replace("desk.before import cacheable", "joblib import Memory")
    text = text.replace("@cacheable", f"memory = Memory({str(tmp_path / 'old')!r}, verbose=0)\n")
    text = textwrap.dedent(text.replace("verbose=0)\n", "verbose=0)\n\n    @memory.cache"))
    repo.write("main.py", text)
    repo.warm(lambda main: [main.f(1), main.f(2)])
    repo.edit("main.py", "@memory.cache", "@robust_cacheable")
    repo.edit("main.py", "from joblib import Memory", "from afml.cache import robust_cacheable")
    repo.edit("main.py", "memory = Memory", "# Memory")
    configure(adopt_from=tmp_path / "old")
    assert adopted(repo, 1, 2) == 2


def test_a_folder_that_nobody_named_is_not_looked_at(repo: Any, tmp_path: Path) -> None:
    prepared(repo, repr(str(tmp_path / "old")))
    assert adopted(repo, 1) == 0


def test_several_folders_are_looked_at(repo: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        prepared(repo, repr(str(tmp_path / name)))
    for name, first in (("one", True), ("two", False)):
        _, *outputs = sorted((tmp_path / name).rglob("output.pkl"), reverse=first)
        shutil.rmtree(outputs[0].parent)  # each now holds what the other does not
    configure(adopt_from=[tmp_path / "none", tmp_path / "one", str(tmp_path / "two")])
    assert adopted(repo, 1, 2) == 2


def test_the_folder_of_the_active_store_is_still_looked_at(repo: Any, tmp_path: Path) -> None:
    repo.write("main.py", MAIN.replace("desk.before", "afml.cache"))
    repo.warm(lambda main: main.f(3))
    repo.migrate()
    (tmp_path / "empty").mkdir()
    configure(adopt_from=tmp_path / "empty")
    assert adopted(repo, 3) == 1


def test_a_folder_of_another_name_can_be_taken_back(repo: Any, tmp_path: Path) -> None:
    prepared(repo, repr(str(tmp_path / "old")))
    configure(adopt_from=tmp_path / "old")
    assert adopted(repo, 1) == 1
    configure(adopt_from=[])
    assert adopted(repo, 2) == 0


@pytest.mark.parametrize(
    "options",
    ["compress=True", "compress=9", "compress=('gzip', 3)", "compress=('xz', 1)", "mmap_mode='r'"],
)
def test_the_options_of_memory_do_not_matter(repo: Any, tmp_path: Path, options: str) -> None:
    prepared(repo, repr(str(tmp_path / "old")), f", {options}")
    configure(adopt_from=tmp_path / "old")
    assert adopted(repo, 1, 2) == 2
    shutil.rmtree(tmp_path / "old")
    f = repo.load().f
    with repo.counting(f) as told:
        assert f(1).tolist() == [0.0, 1.0, 2.0], "and nothing of it leads back to the old folder"
    assert told.hits == 1


def test_a_named_folder_stays_as_it_is(
    repo: Any, tmp_path: Path, contents: Callable[[Path], dict[str, tuple[object, ...]]]
) -> None:
    prepared(repo, repr(str(tmp_path / "old")))
    before = contents(tmp_path / "old")
    configure(adopt_from=tmp_path / "old")
    assert adopted(repo, 1, 3) == 1
    repo.edit("main.py", "np.arange(3.0) * x", "x * np.arange(3.0)")
    assert adopted(repo, 1, 2) == 0
    assert contents(tmp_path / "old") == before


def test_a_named_folder_that_others_can_write_is_refused(repo: Any, tmp_path: Path) -> None:
    prepared(repo, repr(str(tmp_path / "old")))
    (tmp_path / "old" / "joblib").chmod(0o777)
    (tmp_path / "old").chmod(0o777)
    configure(adopt_from=tmp_path / "old")
    f = repo.load().f
    with repo.counting(f) as told, pytest.warns(CacheWarning, match="chmod") as warned:
        f(1), f(2)
    assert told.reasons == {"adoption_refused": 2}
    assert len(warned) == 1
    assert str(tmp_path / "old") in str(warned[0].message)


def test_a_named_folder_that_is_a_link_is_followed(repo: Any, tmp_path: Path) -> None:
    prepared(repo, repr(str(tmp_path / "old")))
    (tmp_path / "link").symlink_to(tmp_path / "old")
    configure(adopt_from=tmp_path / "link")
    assert adopted(repo, 1) == 1


@pytest.mark.parametrize("what", ["missing", "a file", "empty"])
def test_a_named_folder_without_entries_costs_nothing(repo: Any, tmp_path: Path, what: str) -> None:
    prepared(repo, repr(str(tmp_path / "old")))
    shutil.rmtree(tmp_path / "old")
    if what == "a file":
        (tmp_path / "old").write_text("")
    elif what == "empty":
        (tmp_path / "old").mkdir()
    configure(adopt_from=tmp_path / "old")
    assert adopted(repo, 1) == 0
