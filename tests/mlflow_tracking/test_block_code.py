"""Results of an experiment_run block belong to the code that they come from."""

from __future__ import annotations

import importlib
import linecache

import pytest

from afml_cache import CacheWarning, get_mlflow_cache

pytest.importorskip("mlflow")

RESEARCH = """
from afml_cache import get_mlflow_cache

def score(depth):
    return depth * {factor}

def tune(depth):
    with get_mlflow_cache().experiment_run("tune") as run:
        found = run.get_cached(depth)
        if found is None:
            found = run.cache_result(depth, score(depth))
    return found

class Tuner:
    def tune(self, depth):
        with get_mlflow_cache().experiment_run("tune") as run:
            return run.get_cached(depth, "nothing")
"""

#: A block at the top of a program: {depth} counts in the key, as it is given there.
PROGRAM = """
from afml_cache import get_mlflow_cache
{before}
def score(depth):
    return depth * {factor}

calls = []
depth = {depth}
with get_mlflow_cache().experiment_run("tune") as run:
    found = run.get_cached(depth)
    if found is None:
        calls.append(depth)
        found = run.cache_result(depth, score(depth))
"""


@pytest.fixture
def research(tmp_path, monkeypatch, client):
    """A module of the project, edited and loaded anew by each call."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def load(name="research_of_blocks", text=RESEARCH, **values):
        (folder / f"{name}.py").write_text(text.format(**values))
        importlib.invalidate_caches()
        linecache.checkcache()
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)
        for cached in folder.glob("__pycache__/*"):
            cached.unlink()
        return importlib.import_module(name)

    return load


def test_results_of_an_edited_helper_are_others_and_the_old_ones_are_found_again(research):
    assert research(factor=1).tune(3) == 3
    assert research(factor=2).tune(3) == 6
    again = research(factor=1)
    again.score = None  # it is not called
    assert research(factor=1).tune(3) == 3


def test_two_functions_with_blocks_of_one_name_have_results_of_their_own(research):
    module = research(factor=1)
    assert module.tune(3) == 3
    assert module.Tuner().tune(3) == "nothing"
    assert research("another_module", factor=1).Tuner().tune(3) == "nothing"


def test_what_a_function_closes_over_counts(client):
    def make(factor):
        def tune():
            with get_mlflow_cache().experiment_run("tune") as run:
                return run.get_cached("key") or run.cache_result("key", factor)

        return tune

    assert [make(2)(), make(3)(), make(2)()] == [2, 3, 2]


@pytest.mark.parametrize(
    ("changed", "is_computed"),
    [
        ({}, False),
        ({"before": "# a word more"}, False),
        ({"before": "unrelated = 1"}, False),
        ({"factor": 5}, True),
        ({"depth": 4}, True),
    ],
)
def test_at_the_top_of_a_module_the_block_and_what_it_names_count(research, changed, is_computed):
    values = {"before": "", "factor": 1, "depth": 3}
    assert research("top", PROGRAM, **values).calls == [3]
    changed = values | changed
    module = research("top", PROGRAM, **changed)
    assert module.calls == ([changed["depth"]] if is_computed else [])
    assert module.found == changed["depth"] * changed["factor"]


def test_a_block_that_is_edited_has_results_of_its_own(research):
    values = {"before": "", "factor": 1, "depth": 3}
    research("top", PROGRAM, **values)
    edited = PROGRAM.replace("score(depth))", "score(depth) + 1)")
    assert research("top", edited, **values).found == 4


def test_a_program_that_was_edited_while_it_ran_caches_nothing(research):
    edits = PROGRAM.replace(
        "calls = []", "import pathlib; pathlib.Path(__file__).write_text('edited = 1'); calls = []"
    )
    values = {"before": "", "factor": 1, "depth": 3}
    for _ in range(2):
        with pytest.warns(CacheWarning, match=r"top\.py was edited since it was imported"):
            assert research("top", edits, **values).calls == [3]
        from afml_cache import notices

        notices.forget_causes()


def test_without_a_text_the_functions_that_the_code_names_count(client):
    code = compile(PROGRAM.format(before="", factor=1, depth=3), "<nowhere>", "exec")
    spaces = [{"__name__": "nowhere"} for _ in range(2)]
    for space in spaces:
        exec(code, space)
    assert [space["calls"] for space in spaces] == [[3], []]
