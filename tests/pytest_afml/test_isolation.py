"""Every test on a store of its own, whatever the way in which the tests are run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

TWO_TESTS = """
    import pytest
    from features import labels, old_features

    @pytest.mark.parametrize("time", [1, 2])
    def test_each_finds_an_empty_cache(time):
        assert labels(1) == labels(1) == 20
        assert old_features(1) == old_features(1) == 2
        assert labels.cache_info().hits == labels.cache_info().misses == 1
        assert old_features.cache_info().hits == old_features.cache_info().misses == 1
"""


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_test_finds_an_empty_cache_and_leaves_the_users_alone(pytester, run_each_way, store):
    pytester.makepyfile(TWO_TESTS)
    result = run_each_way("--afml-cache")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*= afml cache =*",
            "8 cached calls: 4 hits, 4 computed in *(4 first_call), 50 % served (mode isolated)",
            "  features.labels: 2 hits, 2 computed in *(2 first_call)",
            "  features.old_features: 2 hits, 2 computed in *(2 first_call)",
        ]
    )
    assert files(store.directory) == []


def test_without_the_flag_only_the_fixture_isolates(pytester, run_each_way, store):
    pytester.makepyfile("""
        from features import labels

        def test_on_the_users_cache():
            labels(1)

        def test_isolated(afml_cache):
            labels(1)
            assert afml_cache.misses(labels) == 1 and afml_cache.entries(labels) == 1
    """)
    result = run_each_way()
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*afml cache*")
    assert [entry.function for entry in store.entries()] == ["features.labels"]


def test_what_cacheable_has_stored_for_the_user_is_not_adopted(pytester, run, store):
    pytester.makepyfile(
        features="""
            from afml_cache import cacheable
            @cacheable
            def f(x):
                return x
        """,
        test_it="""
            from features import f
            def test_fill():
                f(1)
        """,
    )
    run().assert_outcomes(passed=1)
    folder = store.directory / "joblib_cache"
    assert files(folder)
    pytester.makepyfile(
        features="""
            from afml_cache import robust_cacheable
            @robust_cacheable
            def f(x):
                return x
        """,
        conftest=f"""
            import afml_cache
            afml_cache.configure(adopt_from={str(folder)!r})
        """,
        test_it="""
            from features import f
            def test_it(afml_cache):
                with afml_cache.expect(misses=1):
                    f(1)
        """,
    )
    run("--afml-cache").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)


def test_the_processes_of_a_test_are_isolated_too(pytester, run, store):
    pytester.makepyfile("""
        import subprocess, sys
        from features import labels

        def test_it(afml_cache):
            for _ in range(2):
                subprocess.run([sys.executable, "-c", "import features; features.labels(1)"],
                               check=True)
            with afml_cache.expect(hits=1):
                labels(1)
    """)
    run("--afml-cache").assert_outcomes(passed=1)
    assert files(store.directory) == []


def test_calls_while_tests_are_collected_are_isolated(pytester, run, store):
    pytester.makepyfile("""
        from features import labels
        assert labels(1) == 20
        def test_it():
            assert labels.cache_info().misses == 0, "its own store knows nothing of that call"
    """)
    run("--afml-cache").assert_outcomes(passed=1)
    assert files(store.directory) == []


def test_settings_and_environment_are_as_before_afterwards(pytester, run, store):
    from afml_cache import settings

    before, environment = settings.current, dict(os.environ)
    pytester.makepyfile(TWO_TESTS)
    run("--afml-cache").assert_outcomes(passed=2)
    assert settings.current == before
    names = ("AFML_CACHE", "AFML_CACHE_SECRET", "AFML_CACHE_MODE")
    assert [os.environ.get(name) for name in names] == [environment.get(name) for name in names]


def test_a_fresh_store_is_made_by_the_first_call_and_removed_afterwards(pytester, run):
    pytester.makepyfile("""
        from pathlib import Path
        from features import labels

        def test_it(afml_cache):
            assert not afml_cache.path.exists()
            labels(1)
            assert afml_cache.path.exists()
            Path("where").write_text(str(afml_cache.path))

        def test_after_it():
            assert not Path(Path("where").read_text()).exists()
    """)
    run("--afml-cache").assert_outcomes(passed=2)
    assert not Path((pytester.path / "where").read_text()).parent.exists()


def test_a_warning_of_the_cache_is_given_to_each_test_anew(pytester, run):
    pytester.makepyfile("""
        import pytest
        from afml_cache import robust_cacheable
        @robust_cacheable
        def f(x):
            return 1
        @pytest.mark.parametrize("time", [1, 2])
        def test_it(time):
            with pytest.warns(match="no content key"):
                f(object())
    """)
    run("--afml-cache").assert_outcomes(passed=2)


def test_settings_made_by_a_fixture_of_the_session_stay(pytester, run):
    pytester.makepyfile("""
        import afml_cache, pytest

        @pytest.fixture(scope="session", autouse=True)
        def strict():
            afml_cache.configure(strict=True)

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(time):
            from afml_cache import settings
            assert settings.current.strict
    """)
    run("--afml-cache").assert_outcomes(passed=2)


def test_reruns_start_afresh(pytester, run_in_process):
    pytest.importorskip("pytest_rerunfailures")
    pytester.makepyfile("""
        from features import labels
        tries = []
        def test_it(afml_cache):
            tries.append(labels(1))
            assert afml_cache.misses() == 1
            assert len(tries) == 3
    """)
    result = run_in_process("--afml-cache", "--reruns=3", "--afml-cache-json=numbers.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["3 cached calls: no hits, 3 computed*(3 first_call)*"])
    numbers = json.loads((pytester.path / "numbers.json").read_text())
    assert numbers["tests"]["test_reruns_start_afresh.py::test_it"]["calls"] == 3


def test_without_a_terminal_and_when_only_collecting(pytester, run_in_process):
    pytester.makepyfile(TWO_TESTS)
    assert run_in_process("--afml-cache", "-p", "no:terminal").ret == 0
    result = run_in_process(
        "--afml-cache", "--collect-only", "-q", "--afml-cache-json=numbers.json"
    )
    assert result.ret == 0
    assert not (pytester.path / "numbers.json").exists()


@pytest.mark.slow
def test_numbers_of_parallel_workers_add_up_also_when_one_dies(pytester, run_in_process):
    pytester.makepyfile("""
        import os, pytest
        from features import labels

        @pytest.mark.parametrize("number", range(20))
        def test_it(number):
            for _ in range(number + 1):
                labels(1)
            if number == 7:
                os._exit(1)
    """)
    result = run_in_process("--afml-cache", "-n", "2", "--afml-cache-json=numbers.json")
    assert result.ret == 1
    numbers = json.loads((pytester.path / "numbers.json").read_text())
    assert numbers["total"]["calls"] == sum(range(1, 21)) - 8
    assert numbers["total"]["computed"] == 19
    assert numbers["exit_status"] == 1 and numbers["schema"] == 1
    assert len(numbers["tests"]) == 19
    assert numbers["functions"]["features.labels"] == numbers["total"]


def test_what_a_test_configures_ends_with_it(pytester, run):
    pytester.makepyfile("""
        import afml_cache
        from afml_cache import settings

        def test_sets():
            afml_cache.configure(strict=True, package_versions="ignore", size_limit="1 MB")

        def test_finds():
            now = settings.current
            assert (now.strict, now.package_versions, now.size_limit) == (False, "minor", None)
    """)
    run("--afml-cache").assert_outcomes(passed=2)


def test_a_miss_in_a_teardown_fails_a_frozen_test_though_it_is_caught(pytester, run):
    pytester.makepyfile("""
        import pytest
        from features import labels

        @pytest.fixture
        def late():
            yield
            try:
                labels(1)
            except BaseException:
                pass

        def test_it(late): pass
    """)
    result = run("--afml-cache", "--afml-cache-mode=frozen")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*a cached call would be computed, which mode 'frozen' forbids*"])
