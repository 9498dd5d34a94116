"""``afml_compat`` in small projects of users: isolation, failures, snapshots, ways to run."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow  # it starts many processes

TESTS = """
    import features
    from pytest_afml import AfmlCompat
    from pytest_afml.compat import HITS, args
    import pytest

    def test_same(afml_compat: AfmlCompat):
        afml_compat.same_results(features.labels.__wrapped__, features.labels, [args(1), args(2)])

    def test_hit_and_miss(afml_compat):
        afml_compat.must_hit(features.labels, args(1), args(1, window=20))
        afml_compat.must_miss(features.labels, args(1), args(1, window=21))

    def test_keys(afml_compat):
        afml_compat.stable_keys(features.labels, [args(1), args(2, 3)])
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """Functions that depend on nothing but their arguments."""
    monkeypatch.delenv("CI", raising=False)
    (pytester.path / "features.py").write_text(
        "from afml_cache import robust_cacheable\n\n"
        "@robust_cacheable\n"
        "def labels(number, window=20):\n"
        '    """Labels."""\n'
        "    return [number] * window\n"
    )
    return pytester


def test_the_checks_pass_in_every_way_to_run(project, run_each_way):
    project.makepyfile(TESTS)
    run_each_way().assert_outcomes(passed=3)
    run_each_way("--afml-cache").assert_outcomes(passed=3)


@pytest.mark.parametrize("mode", ["isolated", "off", "readonly", "frozen", "shared"])
def test_the_checks_do_not_depend_on_the_mode_of_the_run(project, run, tmp_path, mode):
    project.makepyfile(TESTS)
    kept = tmp_path / "kept"
    place = () if mode in ("isolated", "off") else (f"--afml-cache-dir={kept}",)
    run("--afml-cache", f"--afml-cache-mode={mode}", *place).assert_outcomes(passed=3)
    assert not kept.exists()
    assert not (tmp_path / "user-cache").exists()


def test_a_failure_points_at_the_line_of_the_test(project, run):
    project.makepyfile("""
        import features
        from pytest_afml.compat import args
        def test_hit(afml_compat):
            afml_compat.must_hit(features.labels, args(1), args(2))
    """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*afml_compat.must_hit(features.labels, args(1), args(2))",
            "E*AssertionError: features.labels was called with args(1); then args(2) should be*",
            "E*number was 1, is 2",
            "test_a_failure_*.py:4: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_afml/compat*")


API = """
    import features
    def test_api(afml_compat):
        afml_compat.public_api(features)
"""


def test_a_snapshot_is_written_when_asked_for_and_told(project, run_each_way):
    project.makepyfile(test_api=API)
    file = project.path / "afml_snapshots" / "features.txt"
    result = run_each_way()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*features has no snapshot yet: *write it with --afml-update*"])
    assert not file.exists()
    result = run_each_way("--afml-update-snapshots")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*= afml snapshots =*", f"wrote {file}"])
    assert file.read_text() == ("# public names of features\ndef labels(number, window=20)\n")
    run_each_way().assert_outcomes(passed=1)
    result = run_each_way("--afml-update-snapshots")
    result.stdout.fnmatch_lines(["none had to be written"])


def test_a_changed_signature_is_shown_as_a_diff(project, run, run_in_process):
    project.makepyfile(test_api=API)
    run("--afml-update-snapshots").assert_outcomes(passed=1)
    source = (project.path / "features.py").read_text()
    (project.path / "features.py").write_text(source.replace("window=20", "window=30"))
    result = run_in_process()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*the public names of features are not those of its snapshot*",
            "E*-def labels(number, window=20)",
            "E*+def labels(number, window=30)",
        ]
    )


def test_in_ci_the_option_writes_nothing(project, run, monkeypatch):
    monkeypatch.setenv("CI", "true")
    project.makepyfile(test_api=API)
    result = run("--afml-update-snapshots")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*is not written in CI*"])
    assert not (project.path / "afml_snapshots").exists()


def test_keys_of_functions_in_test_modules_are_asked_under_every_import_mode(
    project, run_in_process
):
    project.makepyfile(
        test_own="""
        from afml_cache import robust_cacheable
        from pytest_afml.compat import args

        @robust_cacheable
        def own(x):
            assert x
            return x

        def test_keys(afml_compat):
            afml_compat.stable_keys(own, [args({"a", "b", "c"})])
    """
    )
    for mode in ("prepend", "importlib"):
        run_in_process(f"--import-mode={mode}").assert_outcomes(passed=1)


def test_it_goes_together_with_the_cache_of_the_test(project, run):
    project.makepyfile("""
        import features
        from pytest_afml.compat import args
        def test_it(afml_cache, afml_compat):
            afml_compat.must_hit(features.labels, args(1), args(1))
            with afml_cache.expect(misses=1):
                features.labels(1)
            assert afml_cache.entries() == 1
    """)
    run().assert_outcomes(passed=1)


def test_its_docstring_is_shown_by_fixtures(run):
    result = run("--fixtures", "-v")
    result.stdout.fnmatch_lines(
        [
            "afml_compat*",
            "*Prove that a change keeps what users rely on, e.g. ``same_results(old, new, *",
            "*must_hit(fn, a, b)*must_miss(fn, a, b)*reads_store(path)*",
            "*public_api(module)*stable_keys(fn, cases)*",
        ]
    )


def test_a_running_loop_is_refused_and_not_taken_for_an_exception_of_the_function(project, run):
    project.makepyfile("""
        import asyncio
        from pytest_afml.compat import args
        async def quote(symbol):
            return symbol
        def test_it(afml_compat):
            async def main():
                afml_compat.same_results(quote, quote, [args("ES")])
            asyncio.run(main())
    """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*make the test a plain function*"])
