"""``explain()`` names the code that changed, where it is and how: each change planted by itself."""

from __future__ import annotations

import importlib
import itertools
import sqlite3
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from afml_cache import (
    CacheWarning,
    Reason,
    cache_maintenance,
    configure,
    explain_last_miss,
    use_settings,
)
from afml_cache.keys.difference import MOST_LINES
from afml_cache.store.cleared import folders

HELPERS = '''
def scaled(x: float, k=2) -> float:
    """Scale a value."""
    y = x * 10
    total = 0
    for i in range(3):
        total += i
    return y * k + total
'''
FEATURES = """
from afml_cache import robust_cacheable
from afml_x_helpers import scaled

WIDTH = 2
MODE = "fast"
PARAMS = {"a": 1, "b": 2}


class Model:
    scale = 2

    def fit(self, x):
        return x * self.scale


def cube(x):
    return x**3


@robust_cacheable
def feature(x, n=3):
    return scaled(x) + WIDTH + len(MODE) + PARAMS["a"] + Model().fit(x) * n
"""


class Project:
    """Two modules, edited and imported anew as a new process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("afml_x_helpers.py", HELPERS)
        self.write("afml_x_features.py", FEATURES)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(textwrap.dedent(text))

    def edit(self, old: str, new: str) -> None:
        (path,) = [p for p in self.folder.glob("*.py") if old in p.read_text()]
        path.write_text(path.read_text().replace(old, new))

    def load(self) -> ModuleType:
        self.unload()
        importlib.invalidate_caches()
        return importlib.import_module("afml_x_features")

    def unload(self) -> None:
        for name in [name for name in sys.modules if name.startswith("afml_x_")]:
            del sys.modules[name]


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Project(folder)
    yield made
    made.unload()


#: What is edited, into what, the sentences that are then told, and lines of the diff.
CAUSES = {
    "the body of a helper": (
        "y = x * 10",
        "y = x * 100",
        ["afml_x_helpers.scaled was edited (afml_x_helpers.py:2)"],
        ["-    y = x * 10", "+    y = x * 100", "     total = 0"],
    ),
    "the function itself": (
        "return scaled(x) + WIDTH",
        "return scaled(x) - WIDTH",
        ["afml_x_features.feature was edited (afml_x_features.py:22)"],
        ["-    return scaled(x) + WIDTH + len(MODE) + PARAMS['a'] + Model().fit(x) * n"],
    ),
    "a constant": ("WIDTH = 2", "WIDTH = 3", ["afml_x_features.WIDTH was 2, is 3"], []),
    "a text": (
        '"fast"',
        '"slow"',
        [
            "afml_x_features.MODE was str of length 4, is str of length 4, with other contents",
        ],
        [],
    ),
    "a setting in a dictionary": (
        '"a": 1',
        '"a": 5',
        ["afml_x_features.PARAMS differs: a was 1, is 5"],
        [],
    ),
    "a class attribute": (
        "scale = 2",
        "scale = 4",
        ["afml_x_features.Model.scale was 2, is 4"],
        [],
    ),
    "a method": (
        "return x * self.scale",
        "return x + self.scale",
        ["afml_x_features.Model.fit was edited (afml_x_features.py:13)"],
        ["-    return x * self.scale", "+    return x + self.scale"],
    ),
    "a default of a helper": (
        "k=2",
        "k=3",
        ["afml_x_helpers.scaled(k=) was 2, is 3"],
        [],
    ),
    "a helper more": (
        "return scaled(x) +",
        "return cube(x) + scaled(x) +",
        [
            "afml_x_features.cube is reached now and was not before (afml_x_features.py:17)",
            "afml_x_features.feature was edited (afml_x_features.py:22)",
        ],
        ["+    return cube(x) + scaled(x) + WIDTH + len(MODE) + PARAMS['a'] + Model().fit(x) * n"],
    ),
    "a helper less": (
        "Model().fit(x) * n",
        "n",
        [
            "afml_x_features.Model was reached before and is not any more",
            "afml_x_features.Model.fit was reached before and is not any more",
            "afml_x_features.Model.scale was reached before and is not any more",
            "afml_x_features.feature was edited (afml_x_features.py:22)",
        ],
        ["+    return scaled(x) + WIDTH + len(MODE) + PARAMS['a'] + n"],
    ),
}


@pytest.mark.parametrize(("old", "new", "sentences", "lines"), CAUSES.values(), ids=CAUSES)
def test_exactly_what_was_edited_is_named(project, old, new, sentences, lines):
    project.load().feature(1)
    project.edit(old, new)
    told = project.load().feature.explain(1)
    assert told.reason is Reason.CODE
    assert [difference.text for difference in told.differences] == sentences
    diff = [line for difference in told.differences for line in difference.diff]
    assert set(lines) <= set(diff)
    assert bool(diff) == bool(lines)
    assert "fast" not in str(told) and "slow" not in str(told)


def test_file_and_line_can_be_opened(project):
    project.load().feature(1)
    project.edit("y = x * 10", "y = x * 100")
    (difference,) = project.load().feature.explain(1).differences
    assert difference.file == str(project.folder / "afml_x_helpers.py")
    lines = Path(difference.file).read_text().splitlines()
    assert lines[difference.line - 1].startswith("def scaled(")


def test_what_does_not_count_is_in_no_diff(project):
    project.load().feature(1)
    project.edit("def scaled(x: float, k=2) -> float:", "def scaled(x: int, k=2):  # quick")
    project.edit("Scale a value.", "Scale a value, quickly.")
    assert project.load().feature.explain(1).reason is None
    project.edit("y = x * 10", "y = x * 100")
    (difference,) = project.load().feature.explain(1).differences
    assert not any(word in "\n".join(difference.diff) for word in ("int", "quick", "Scale", "k=2"))


def test_a_caller_that_reads_the_same_is_told_by_what_it_calls(project):
    project.write("afml_x_others.py", HELPERS.replace("* k", "+ k"))
    project.load().feature(1)
    project.edit("from afml_x_helpers import", "from afml_x_others import")
    told = str(project.load().feature.explain(1))
    assert (
        "afml_x_features.feature reads as before (afml_x_features.py:22), but its scaled was "
        "afml_x_helpers.scaled, is afml_x_others.scaled"
    ) in told
    assert "feature was edited" not in told


def test_a_long_diff_is_cut_short_in_text_and_kept_whole(project):
    steps = "\n".join(f"    y += {n}" for n in range(100))
    project.load().feature(1)
    project.edit("    y = x * 10", f"    y = x * 10\n{steps}")
    told = project.load().feature.explain(1)
    (difference,) = told.differences
    assert len(difference.diff) > 100
    shown = str(told).splitlines()
    assert len(shown) == 2 + MOST_LINES
    assert (
        shown[-1].strip() == f"... {len(difference.diff) - MOST_LINES + 1} more lines of the diff"
    )


def test_the_last_miss_is_told_with_its_diff(project):
    project.load().feature(1)
    project.edit("y = x * 10", "y = x * 100")
    project.load().feature(1)
    (difference,) = explain_last_miss().differences
    assert "afml_x_helpers.scaled was edited (afml_x_helpers.py:2)" in difference.text
    assert "+    y = x * 100" in difference.diff


def test_of_equally_close_results_the_newest_is_compared_with(project):
    factors = ["10", "2", "3", "4", "5"]
    for before, after in itertools.pairwise(factors):
        project.load().feature(1)
        project.edit(f"y = x * {before}\n", f"y = x * {after}\n")
    (difference,) = project.load().feature.explain(1).differences
    assert "-    y = x * 4" in difference.diff


def test_code_without_kept_source_says_so(project, store):
    project.load().feature(1)
    store._index.write(
        lambda cursor: cursor.execute("DELETE FROM description WHERE length(slot) = 20").rowcount
    )  # as an older version, which kept none, leaves it
    project.edit("y = x * 10", "y = x * 100")
    (difference,) = project.load().feature.explain(1).differences
    assert difference.text == (
        "afml_x_helpers.scaled was edited (afml_x_helpers.py:2); what it was is not kept"
    )
    assert difference.diff == ()


def test_a_package_is_told_by_its_versions_and_no_code(project):
    project.load().feature(1)
    module = project.load()
    import numpy as np

    module.feature(np.float64(1))
    configure(package_versions="exact")
    told = module.feature.explain(np.float64(1))
    assert told.reason is Reason.ENVIRONMENT
    (difference,) = told.differences
    whole, minor = np.__version__, ".".join(np.__version__.split(".")[:2])
    assert difference.text == f"numpy was {minor}, is {whole}"


# --- where the sources are kept ---


def kept(store) -> int:
    query = "SELECT count(*) FROM description WHERE length(slot) = 20 AND substr(slot, 1, 4) = ?"
    return store._index.read(lambda cursor: cursor.execute(query, (b"note",)).fetchone()[0])


def test_a_part_is_kept_once_however_many_results_have_it(project, store):
    feature = project.load().feature
    feature(1)
    before = kept(store)
    for x in range(2, 5):
        feature(x)
    assert kept(store) == before > 5
    project.edit("y = x * 10", "y = x * 100")
    project.load().feature(1)
    assert kept(store) == before + 1


def test_a_hit_and_an_explanation_keep_nothing(project, store):
    project.load().feature(1)
    store._index.write(
        lambda cursor: cursor.execute("DELETE FROM description WHERE length(slot) = 20").rowcount
    )
    feature = project.load().feature
    feature(1)
    feature.explain(1), feature.explain(2)
    assert kept(store) == 0


def test_sources_go_with_the_last_result_of_their_code(project, store):
    project.load().feature(1)
    before = kept(store)
    project.edit("y = x * 10", "y = x * 100")
    feature = project.load().feature
    feature(1)
    feature.cache_clear()
    assert kept(store) == 0
    feature(1)
    assert kept(store) == before


def test_maintenance_removes_sources_that_no_result_needs(project, store):
    feature = project.load().feature
    feature(1)
    store.delete([bytes.fromhex(feature.cache_key(1))])
    assert kept(store) > 0
    cache_maintenance(max_age_days=1000)
    assert kept(store) == 0


@pytest.mark.parametrize("whole", [True, False], ids=["the whole cache", "one function"])
def test_what_is_restored_brings_its_sources_along(project, store, whole):
    from afml_cache import clear_afml_cache, restore_cleared, selective_cache_clear

    project.load().feature(1)
    before = kept(store)
    if whole:
        clear_afml_cache()
    else:
        selective_cache_clear(functions=["afml_x_features.feature"])
    assert kept(store) == 0 and folders(store.directory)
    restore_cleared()
    assert kept(store) == before
    project.edit("y = x * 10", "y = x * 100")
    (difference,) = project.load().feature.explain(1).differences
    assert "-    y = x * 10" in difference.diff


def test_a_damaged_index_is_made_again_with_its_sources(project, store):
    feature = project.load().feature
    for x in range(30):
        feature(x)
    before = kept(store)
    store.close()
    path = store.directory / "index.sqlite"
    with sqlite3.connect(path) as index:  # as a torn page leaves it: a table is gone
        index.execute("DROP TABLE meta")
    index.close()
    with pytest.warns(CacheWarning, match="was damaged"):
        assert feature.explain(1).reason is None
    assert kept(store) == before


def test_a_damaged_source_is_one_that_is_not_kept(project, store):
    project.load().feature(1)
    change = "UPDATE description SET packed = x'00ff' WHERE length(slot) = 20"
    store._index.write(lambda cursor: cursor.execute(change).rowcount)
    project.edit("y = x * 10", "y = x * 100")
    module = project.load()
    assert "what it was is not kept" in str(module.feature.explain(1))
    module.feature(1)
    assert module.feature.cache_info().entries == 2


def test_what_commands_a_terminal_is_written_out(project, store):
    from afml_cache.store.valuefile import pack_record

    project.load().feature(1)
    evil = pack_record({"text": "def scaled(x, k):\n    \x1b[2J\n", "file": "", "line": 1})
    change = "UPDATE description SET packed = ? WHERE substr(slot, 1, 4) = ?"
    store._index.write(lambda cursor: cursor.execute(change, (evil, b"note")).rowcount)
    project.edit("y = x * 10", "y = x * 100")
    told = str(project.load().feature.explain(1))
    assert "\x1b" not in told and r"\x1b[2J" in told


def test_without_descriptions_to_compare_explaining_still_answers(project):
    feature = project.load().feature
    with use_settings(mode="off"):
        assert feature.explain(1).reason is Reason.MODE_OFF
    assert feature.explain(1).reason is Reason.FIRST_CALL
