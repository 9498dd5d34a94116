"""The options, their ini twins, and what they do to the user's store."""

from __future__ import annotations

import json

import pytest

FILL = """
    import pytest
    from features import labels, old_features

    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    def test_it(number):
        labels(number), old_features(number)
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--afml-cache-dir=x"], "--afml-cache-dir does nothing without --afml-cache; add it*"),
        (
            ["--afml-cache", "--afml-cache-dir=x", "--afml-cache-mode=isolated"],
            "--afml-cache-dir keeps one store for the run, --afml-cache-mode=isolated gives each*",
        ),
        (
            ["--afml-cache", "--afml-min-hit-rate=0.9"],
            "*needs a store that is kept, and in mode 'isolated' there is none, so the rate would*",
        ),
        (
            ["--afml-cache", "--afml-cache-dir=x", "--afml-min-hit-rate=90"],
            "--afml-min-hit-rate is 90.0; it has to be a share above 0, at most 1, as 0.9",
        ),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(pytester, run, arguments, message):
    pytester.makepyfile(FILL)
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: " + message])


def test_a_kept_store_hits_in_the_next_run(pytester, run_each_way):
    pytester.makepyfile(FILL)
    run_each_way("--afml-cache", "--afml-cache-dir=kept").assert_outcomes(passed=4)
    result = run_each_way("--afml-cache", "--afml-cache-dir=kept", "--afml-min-hit-rate=1.0")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["8 cached calls: 8 hits, 0 computed, 100 % served (mode shared*"])


def test_a_rate_below_the_minimum_fails_the_run(pytester, run_each_way):
    pytester.makepyfile(FILL)
    options = ("--afml-cache", "--afml-cache-dir=kept", "--afml-min-hit-rate=0.5")
    result = run_each_way(*options, "--afml-cache-json=numbers.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "ERROR: 0 % of 8 cached calls on the kept store was served, less than the 50 % of "
            "--afml-min-hit-rate; computed were * (--afml-cache-mode=frozen says why at each)"
        ]
    )
    numbers = json.loads((pytester.path / "numbers.json").read_text())
    assert numbers["exit_status"] == 1
    assert numbers["kept"]["hit_rate"] == 0.0


def test_no_call_at_all_is_no_rate(pytester, run):
    pytester.makepyfile("def test_it(): pass")
    result = run("--afml-cache", "--afml-cache-dir=kept", "--afml-min-hit-rate=0.5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["ERROR: *no cached call was made on the kept store"])


def test_without_a_terminal_the_failure_is_told_on_stderr(pytester, run_in_process):
    pytester.makepyfile(FILL)
    result = run_in_process(
        "--afml-cache", "--afml-cache-dir=kept", "--afml-min-hit-rate=0.5", "-p", "no:terminal"
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines(["ERROR: 0 % of 8 cached calls*"])


def test_calls_of_isolated_tests_do_not_count_towards_the_rate(pytester, run):
    pytester.makepyfile("""
        from features import labels
        def test_kept():
            labels(1), labels(1), labels(1)
        def test_isolated(afml_cache):
            for number in range(9):
                labels(number)
    """)
    result = run("--afml-cache", "--afml-cache-dir=kept", "--afml-min-hit-rate=0.6")
    assert result.ret == 0


def test_mode_shared_is_the_users_store(pytester, run_each_way, store):
    pytester.makepyfile(FILL)
    run_each_way("--afml-cache", "--afml-cache-mode=shared").assert_outcomes(passed=4)
    assert len(list(store.entries())) == 4


def test_mode_off_always_computes(pytester, run_each_way, store):
    pytester.makepyfile("""
        import features
        def test_it():
            features.ran.clear()
            features.labels(1), features.labels(1), features.old_features(1)
            assert features.ran == [1, 1, 1]
    """)
    result = run_each_way("--afml-cache", "--afml-cache-mode=off")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["3 cached calls: no hits, 3 computed*(3 mode_off)*"])
    assert not store.directory.exists()


def test_mode_readonly_hits_and_writes_nothing(pytester, run_each_way):
    pytester.makepyfile(FILL)
    run_each_way("--afml-cache", "--afml-cache-dir=kept", "-k", "1 or 2 or 3")
    before = {p: p.stat().st_size for p in (pytester.path / "kept").rglob("*")}
    result = run_each_way("--afml-cache", "--afml-cache-dir=kept", "--afml-cache-mode=readonly")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["8 cached calls: 6 hits, 2 computed*(2 argument)*"])
    assert {p: p.stat().st_size for p in (pytester.path / "kept").rglob("*")} == before


def test_mode_frozen_fails_a_test_that_misses_with_the_reason(pytester, run_each_way):
    pytester.makepyfile(FILL)
    run_each_way("--afml-cache", "--afml-cache-dir=kept", "-k", "1 or 2 or 3")
    result = run_each_way("--afml-cache", "--afml-cache-dir=kept", "--afml-cache-mode=frozen")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*test_mode_frozen*.py:6: a cached call would be computed, which mode 'frozen' forbids",
            "  features.labels() was computed (argument): the function has entries, none for *",
            "      number was [123], is 4",
            "      compared with the closest entry, *",
            "  fill the store first: run the same tests with --afml-cache-mode=shared",
        ]
    )


def test_a_frozen_miss_fails_the_test_although_the_test_catches_it(pytester, run):
    pytester.makepyfile("""
        import features, pytest
        @pytest.mark.parametrize("function", ["labels", "old_features"])
        def test_it(function):
            features.ran.clear()
            try:
                getattr(features, function)(5)
            except BaseException:
                pass
            assert features.ran == [], "it was not computed"
    """)
    result = run(
        "--afml-cache",
        "--afml-cache-mode=frozen",
        "-W",
        "ignore::afml_cache.CacheWarning",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*a cached call would be computed, which mode 'frozen' forbids*"])


def test_a_rate_that_no_call_speaks_of_fails_and_says_where_the_calls_went(pytester, run):
    pytester.makepyfile("""
        from features import labels
        def test_it(afml_cache):
            labels(1)
    """)
    result = run("--afml-cache", "--afml-cache-dir=kept", "--afml-min-hit-rate=0.5")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "ERROR: a hit rate of at least 50 % was asked for *, and no cached call was made on "
            "the kept store (1 call was made by tests on isolated ones: *"
        ]
    )


def test_every_option_has_an_ini_twin_and_the_command_line_wins(pytester, run):
    pytester.makepyfile(FILL)
    pytester.makeini("""
        [pytest]
        afml_cache = true
        afml_cache_dir = kept
        afml_min_hit_rate = 0.9
        afml_cache_json = numbers.json
        afml_cache_mode = shared
    """)
    assert run().ret == pytest.ExitCode.TESTS_FAILED
    assert run().ret == 0
    assert json.loads((pytester.path / "numbers.json").read_text())["total"]["hits"] == 8
    assert run("--afml-cache-dir=other", "--afml-min-hit-rate=0.1").ret == 1
    pytester.makeini("[pytest]\nafml_cache = true\nafml_cache_dir = kept\n")
    result = run("--afml-cache-mode=isolated")
    result.stdout.fnmatch_lines(["8 cached calls: no hits*(mode isolated)"])
    pytester.makeini("[pytest]\nafml_cache = true\nafml_cache_mode = forzen\n")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: the ini value afml_cache_mode is 'forzen'; it can be one of isolated, shared,*"]
    )


def test_the_marker_and_the_fixtures_are_registered_with_their_help(pytester, run):
    result = run("--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.afml_cache(?, min_hit_rate=None, max_misses=None,*"])
    pytester.makepyfile("def test_it(): pass")
    result = run("--fixtures")
    result.stdout.fnmatch_lines(
        [
            "afml_cache -- *",
            "*The isolated cache of this test: assert hits and misses with*",
        ]
    )


def test_the_numbers_are_written_in_one_step(pytester, run):
    pytester.makepyfile("def test_it():\n    assert 0")
    run("--afml-cache", "--afml-cache-json=deep/numbers.json")
    written = list((pytester.path / "deep").iterdir())
    assert [path.name for path in written] == ["numbers.json"]
    assert json.loads(written[0].read_text())["exit_status"] == 1


@pytest.mark.parametrize("option", ["--afml-cache-json", "--afml-record", "--afml-gates-json"])
def test_a_file_that_cannot_be_written_fails_the_run_in_words(pytester, run, option):
    pytester.makepyfile("def test_it(): pass")
    (pytester.path / "file").touch()
    result = run("--afml-cache", f"{option}=file/numbers.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"ERROR: {option}: *numbers.json cannot be written (*); *"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert [path.name for path in pytester.path.glob(".*.part")] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--afml-cache-dir="], "--afml-cache-dir is empty; give it a value, or leave it out"),
        (["--afml-cache-json="], "--afml-cache-json is empty; *"),
        (["--afml-cache-dir=file"], "--afml-cache-dir is *file, which is no directory"),
        (
            ["--afml-cache-dir=kept", "--afml-cache-mode=off"],
            "--afml-cache-dir does nothing in mode 'off', *",
        ),
    ],
)
def test_what_would_be_idle_or_in_the_way_is_a_usage_error(pytester, run, arguments, message):
    (pytester.path / "file").touch()
    result = run("--afml-cache", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_a_mode_on_the_command_line_overrides_a_rate_of_the_ini_file(pytester, run):
    pytester.makepyfile("def test_it(): pass")
    pytester.makeini("""
        [pytest]
        afml_cache = true
        afml_cache_dir = kept
        afml_min_hit_rate = 0.5
    """)
    assert run("--afml-cache-mode=isolated").ret == 0


def test_the_written_exit_status_is_the_one_of_the_run(pytester, run):
    pytester.makepyfile("""
        from features import labels
        def test_it():
            labels(1)
    """)
    run("--afml-record=before.json").assert_outcomes(passed=1)
    features = pytester.path / "features.py"
    features.write_text(features.read_text().replace("FACTOR = 1", "FACTOR = 2"))
    result = run("--afml-compare=before.json", "--afml-cache-json=numbers.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert json.loads((pytester.path / "numbers.json").read_text())["exit_status"] == 1
