"""A repository that carries a cache of its own: recordings know its calls as they know ours."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # each runs a pytest or two in a process

#: How the inner pytest finds the plugin; where it is installed it is there by itself.
PLUGIN = () if entry_points(group="pytest11", name="afml") else ("-p", "pytest_afml.plugin")

PACKAGE = Path(__file__).resolve().parents[1] / "data" / "own_cache"

DESK = """
    from afml.cache import cacheable
    from afml.cache.selective_cleaner import smart_cacheable

    ran = []

    @cacheable
    def returns(x):
        ran.append("returns")
        return 2 * x

    @smart_cacheable
    def ranks(x):
        ran.append("ranks")
        return 3 * x
"""
TESTS = """
    import desk

    def test_desk():
        assert [desk.returns(1), desk.returns(1), desk.ranks(1)] == [2, 2, 3]
        assert desk.returns.__name__ == "returns"

    def test_what_was_imported():
        import afml.cache
        from importlib.machinery import SourceFileLoader

        assert afml.cache.cacheable.__module__ == "afml.cache"
        assert type(afml.cache.__loader__) is type(afml.cache.__spec__.loader) is SourceFileLoader
        assert afml.cache.get_cache_stats
"""


@pytest.fixture
def own(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A repository with a cache of its own."""
    monkeypatch.setenv("AFML_CACHE", str(pytester.path / "cache"))
    package = pytester.path / "afml" / "cache"
    package.mkdir(parents=True)
    for file in PACKAGE.iterdir():
        (package / file.name.removesuffix(".txt")).write_bytes(file.read_bytes())
    pytester.makepyfile(desk=DESK, test_desk=TESTS)
    pytester.makeini("[pytest]\npythonpath = .\n")
    return pytester


def run(own: pytest.Pytester, file: str, *more: str) -> dict[str, Any]:
    """Record a run in a process of its own; the functions of its first test."""

    result = own.runpytest_subprocess(
        *PLUGIN, f"--afml-record={file}", "--afml-cache-mode=shared", *more
    )
    result.assert_outcomes(passed=2)
    found = json.loads((own.path / file).read_text())["tests"]["test_desk.py::test_desk"]
    functions: dict[str, Any] = found["functions"]
    return functions


def counts(functions: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {name: (one["hits"], one["computed"]) for name, one in functions.items()}


def test_its_calls_are_recorded_and_the_second_run_hits(own: pytest.Pytester) -> None:
    first = run(own, "first.json")
    assert counts(first) == {"desk.returns": (1, 1), "desk.ranks": (0, 1)}
    assert first["desk.returns"]["compute_seconds"] > 0
    (result,) = first["desk.ranks"]["results"]
    assert result["called_with"] == "x=1"
    second = run(own, "second.json")
    assert counts(second) == {"desk.returns": (2, 0), "desk.ranks": (1, 0)}
    assert second["desk.ranks"]["results"][0]["digest"] == result["digest"]


def test_what_it_had_stored_before_hits_and_is_left_as_it_is(own: pytest.Pytester) -> None:
    own.runpython_c("import desk; desk.returns(1); desk.ranks(1)")
    stored = sorted((own.path / "cache").rglob("output.pkl"))
    times = [path.stat().st_mtime_ns for path in stored]
    assert counts(run(own, "first.json")) == {"desk.returns": (2, 0), "desk.ranks": (1, 0)}
    assert sorted((own.path / "cache").rglob("output.pkl")) == stored
    assert [path.stat().st_mtime_ns for path in stored] == times


def test_a_conftest_that_imports_it_is_not_too_early(own: pytest.Pytester) -> None:
    own.makeconftest("import desk")
    assert counts(run(own, "first.json"))["desk.returns"] == (1, 1)


def test_the_workers_of_xdist_record_it_too(own: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    found = run(own, "first.json", "-n", "1")
    assert counts(found) == {"desk.returns": (1, 1), "desk.ranks": (0, 1)}


def test_a_module_of_another_name_is_watched_when_it_is_named(own: pytest.Pytester) -> None:
    (own.path / "afml").rename(own.path / "quant")
    own.makepyfile(
        desk=DESK.replace("afml.cache", "quant.cache"),
        test_desk=TESTS.replace("afml.cache", "quant.cache"),
    )
    assert counts(run(own, "unnamed.json")) == {}
    found = run(own, "named.json", "--afml-record-own=quant.cache")
    assert counts(found) == {"desk.returns": (2, 0), "desk.ranks": (1, 0)}


def test_without_recording_it_is_left_alone(own: pytest.Pytester) -> None:
    own.makepyfile(
        test_desk="""
        import sys

        def test_it():
            import afml.cache
            assert not any("own_cache" in type(one).__module__ for one in sys.meta_path)
            assert afml.cache.cacheable.__code__.co_filename.endswith("__init__.py")
        """
    )
    own.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)


def test_a_conftest_may_name_the_plugin_itself(own: pytest.Pytester) -> None:
    own.makeconftest("pytest_plugins = ['pytest_afml.plugin']")
    result = own.runpytest_subprocess(
        "-p", "no:afml", "--afml-record=first.json", "--afml-cache-mode=shared"
    )
    result.assert_outcomes(passed=2)
    found = json.loads((own.path / "first.json").read_text())["tests"]["test_desk.py::test_desk"]
    assert counts(found["functions"])["desk.ranks"] == (0, 1)
