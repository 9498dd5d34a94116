"""The fixtures and the marker, each in a small project."""

from __future__ import annotations

import pytest


def test_expect_passes_where_calls_keep_within_the_limits(pytester, run_each_way):
    pytester.makepyfile("""
        from features import labels, old_features
        from pytest_afml import AfmlCache, Calls

        def test_it(afml_cache: AfmlCache):
            with afml_cache.expect(misses=2, only=[labels, old_features]) as calls:
                labels(1), old_features(1)
            assert isinstance(calls, Calls) and isinstance(afml_cache, AfmlCache)
            with afml_cache.expect(hits=3, misses=0):
                labels(1), labels(1), old_features(1)
            with afml_cache.expect(min_hit_rate=0.5, max_misses=1, only=labels):
                labels(1), labels(2), old_features(2), old_features(3)
            with afml_cache.expect(hits=0, misses=0):
                pass
            assert (afml_cache.hits(), afml_cache.misses()) == (4, 5)
            assert afml_cache.hits(labels) == 3 and afml_cache.misses(old_features) == 3
            assert afml_cache.hit_rate(labels) == 0.6
            assert afml_cache.entries(labels) == 2 and afml_cache.entries(old_features) == 3
            assert afml_cache.entries() == 5
            with afml_cache.record() as calls:
                labels(1), labels(9)
            assert (calls.hits, calls.misses, calls.hit_rate) == (1, 1, 0.5)
            assert [call.reason for call in calls] == [None, "argument"]
            assert calls.of(old_features).hit_rate is None
            afml_cache.clear()
            assert afml_cache.entries() == 0
            with afml_cache.expect(misses=2):
                labels(1), old_features(1)
    """)
    run_each_way().assert_outcomes(passed=1)


def test_a_failure_is_shown_at_the_with_line_and_says_why(pytester, run_each_way):
    pytester.makepyfile("""
        import numpy as np, pandas as pd
        from afml_cache import robust_cacheable

        @robust_cacheable
        def volatility(prices, span):
            return prices.std()

        def test_it(afml_cache):
            days = pd.date_range("2024-01-01", periods=4)
            prices = pd.DataFrame({"close": [1.0, 2, 3, 4], "volume": 1.0}, index=days)
            volatility(prices, 20)
            with afml_cache.expect(misses=0):
                volatility(prices, 20)
                volatility(prices.assign(close=5.0), 20)
    """)
    result = run_each_way()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">       with afml_cache.expect(misses=0):",
            "E       AssertionError: expected no misses, but there were 1 hit and 1 miss (50 % *",
            "E         *.volatility() was computed (argument): the function has entries, none *",
            "E             prices, column close: values differ",
            "E             prices: stored pandas.DataFrame of shape (4, 2) from 2024-01-01T* to *, "
            "present pandas.DataFrame of shape (4, 2) *",
            "E             compared with the closest entry, *",
            "*.py:12: AssertionError",
        ]
    )
    result.stdout.no_fnmatch_line("*expect.py*")


def test_a_changed_helper_is_named(pytester, run):
    pytester.makepyfile("""
        import features

        def test_it(afml_cache, monkeypatch):
            features.labels(1)
            monkeypatch.setattr(features, "FACTOR", 2)
            with afml_cache.expect(hits=1):
                features.labels(1)
    """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*labels() was computed (code): an entry for these arguments*", "*features.FACTOR was *"]
    )


def test_an_empty_block_passes_no_rate(pytester, run):
    pytester.makepyfile("""
        import pytest
        from features import labels, old_features

        LIMITS = [{"min_hit_rate": 0.1}, {"misses": 0}, {"max_misses": 3}]

        @pytest.mark.parametrize("limits", LIMITS)
        def test_nothing(afml_cache, limits):
            with afml_cache.expect(**limits):
                pass

        def test_others(afml_cache):
            with afml_cache.expect(max_misses=1, only=labels):
                old_features(1)
    """)
    result = run()
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "E*expected a hit rate of at least 10 %, but no cached call was made",
            "E*a block without calls proves nothing; call a decorated function in it",
            "E*expected no misses, but no cached call was made",
            "E*expected at most 1 miss, but no cached call was made",
            "E*of features.labels; called were features.old_features",
        ]
    )


@pytest.mark.slow
def test_the_exception_of_the_block_stays_and_the_explanation_is_a_note(pytester, run_each_way):
    pytester.makepyfile("""
        import pytest
        from features import labels

        def test_it(afml_cache):
            with pytest.raises(ZeroDivisionError) as caught:
                with afml_cache.expect(misses=0):
                    labels(1)
                    1 / 0
            (note,) = caught.value.__notes__
            assert note.startswith("afml_cache: up to here, expected no misses, but there were no")
    """)
    run_each_way().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "*expect() expects nothing; give hits, misses, min_hit_rate or max_misses, or use*"),
        ("hits=-1", "*hits is -1; it has to be a whole number from 0"),
        ("min_hit_rate=90", "*min_hit_rate is 90; it has to be a share above 0, at most 1, as 0.9"),
        ("hits=1, only=helper", "*helper is not cached: it is under none of @robust_cacheable,*"),
    ],
)
def test_what_cannot_be_expected_is_refused(pytester, run, arguments, message):
    pytester.makepyfile(f"""
        from features import helper
        def test_it(afml_cache):
            with afml_cache.expect({arguments}):
                pass
    """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*LimitError: " + message])


def test_methods_partials_and_wrapped_functions_can_be_named(pytester, run):
    pytester.makepyfile("""
        import functools
        from afml_cache import cacheable, robust_cacheable
        from features import labels, old_features

        class Model:
            def __init__(self, depth):
                self.depth = depth
            @robust_cacheable
            def fit(self, x):
                return self.depth * x
            @cacheable
            def old(self, x):
                return x

        def test_it(afml_cache):
            model = Model(2)
            model.fit(1), model.fit(1), Model(3).fit(1), model.old(1)
            assert afml_cache.hits(model.fit) == afml_cache.hits(Model.fit) == 1
            assert afml_cache.misses(Model.fit) == 2
            assert afml_cache.misses(model.old) == afml_cache.misses(Model.old) == 1
            fixed = functools.partial(labels, window=3)
            fixed(1)
            assert afml_cache.misses(fixed) == 1
            @functools.wraps(labels)
            def logged(number):
                return labels(number)
            assert afml_cache.misses(logged) == 1
    """)
    run().assert_outcomes(passed=1)


def test_wider_scopes_share_a_cache_and_others_do_not(pytester, run_each_way):
    source = """
        import pytest
        from features import labels

        @pytest.fixture(scope="module", autouse=False)
        def warm(afml_cache_module):
            labels(1)

        def test_warm(warm, afml_cache_module):
            with afml_cache_module.expect(hits=1):
                labels(1)
            assert afml_cache_module.misses(labels) == 1

        def test_own(afml_cache):
            with afml_cache.expect(misses=1):
                labels(1)

        def test_warm_still(warm, afml_cache_module):
            with afml_cache_module.expect(hits=1):
                labels(1)
    """
    pytester.makepyfile(test_one=source, test_two=source)
    run_each_way().assert_outcomes(passed=6)


def test_the_session_has_one_cache_for_whoever_asks(pytester, run):
    source = """
        from features import labels

        def test_it(afml_cache_session):
            labels(1)
            assert afml_cache_session.misses() == 1
    """
    pytester.makepyfile(test_one=source, test_two=source)
    run("--afml-cache").assert_outcomes(passed=2)


def test_a_test_on_two_stores_is_an_error(pytester, run):
    pytester.makepyfile("def test_it(afml_cache, afml_cache_session): pass")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the test asks for afml_cache and afml_cache_session, but it *"])


def test_settings_can_be_overridden(pytester, run_each_way):
    pytester.makeconftest("""
        import pytest
        @pytest.fixture
        def afml_cache_config():
            return {"strict": True}
    """)
    pytester.makepyfile("""
        import afml_cache, pytest
        from features import labels

        def test_it():
            with pytest.raises(afml_cache.UnkeyableArgumentError):
                labels(object())
    """)
    run_each_way("--afml-cache").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{'mode': 'off'}", "afml_cache_config cannot set 'mode'; use --afml-cache-mode, or *"),
        ("{'size_limit': 'x'}", "afml_cache_config: size 'x' is not understood; *"),
        ("{'sise': 1}", "afml_cache_config: *unexpected keyword argument 'sise'*"),
    ],
)
def test_a_wrong_setting_is_an_error_at_setup(pytester, run, config, message):
    pytester.makepyfile(f"""
        import pytest
        @pytest.fixture
        def afml_cache_config():
            return {config}
        def test_it(afml_cache): pass
    """)
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    result.stdout.no_fnmatch_line("During handling of the above exception*")


def test_the_marker_fails_the_call_phase(pytester, run_each_way):
    pytester.makepyfile("""
        import pytest
        from features import labels, old_features

        @pytest.mark.afml_cache(min_hit_rate=0.9)
        def test_rate():
            labels(1), labels(1), labels(2)

        @pytest.mark.afml_cache(max_misses=1, only=labels)
        def test_good():
            labels(1), old_features(1), old_features(2)

        @pytest.mark.xfail(strict=True)
        @pytest.mark.afml_cache(max_misses=0)
        def test_expected():
            labels(1)

        @pytest.mark.afml_cache(max_misses=0)
        def test_raises():
            labels(1)
            raise KeyError("mine")
    """)
    result = run_each_way()
    result.assert_outcomes(passed=1, failed=2, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "@pytest.mark.afml_cache: expected a hit rate of at least 90 %, but there were 1 hit "
            "and 2 misses (33.3 % served)",
            "  features.labels() was computed (argument): *",
            "      number was 1, is 2",
        ]
    )
    result.stdout.fnmatch_lines(
        ["E       KeyError: 'mine'", "E       afml_cache: up to here, expected at most 0 misses*"]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("max_mises=0", "@pytest.mark.afml_cache does not take the argument 'max_mises'. *"),
        ("0.9", "@pytest.mark.afml_cache does not take 0.9 without a name. *"),
        ("mode='forzen'", "@pytest.mark.afml_cache: mode is 'forzen'. *"),
        ("max_misses=-1", "@pytest.mark.afml_cache: max_misses is -1; *"),
    ],
)
def test_a_wrong_argument_of_the_marker_is_an_error_at_setup(pytester, run, arguments, message):
    pytester.makepyfile(f"""
        import pytest
        @pytest.mark.afml_cache({arguments})
        def test_it(): pass
    """)
    result = run("--strict-markers")
    result.assert_outcomes(errors=1)
    allowed = (
        "It takes min_hit_rate: a share above 0, at most 1; max_misses: a whole number from 0; "
        "only: a cached function, or a list of them; mode: one of isolated, shared, off, *"
    )
    result.stdout.fnmatch_lines([message + allowed])
    result.stdout.no_fnmatch_line("During handling of the above exception*")


def test_the_marker_can_choose_the_store(pytester, run, store):
    pytester.makepyfile("""
        import features, pytest
        from features import labels

        @pytest.mark.afml_cache(mode="shared")
        def test_shared():
            labels(1)

        @pytest.mark.afml_cache(mode="off")
        def test_off():
            features.ran.clear()
            labels(1), labels(1)
            assert features.ran == [1, 1]

        @pytest.mark.afml_cache(mode="shared")
        def test_not_cleared(afml_cache):
            with pytest.raises(RuntimeError, match="which this test does not own"):
                afml_cache.clear()
    """)
    run().assert_outcomes(passed=3)
    assert len(list(store.entries())) == 1


@pytest.mark.slow
def test_a_shared_test_in_an_isolated_run_uses_the_users_store(
    pytester, run_in_process, tmp_path, monkeypatch
):
    monkeypatch.setenv("AFML_CACHE", str(tmp_path / "users"))
    pytester.makepyfile("""
        import os, pytest
        from features import labels

        @pytest.mark.afml_cache(mode="shared")
        def test_shared():
            labels(1)
            assert os.environ["AFML_CACHE_SECRET"] == "the tests' secret"

        def test_isolated():
            labels(1)
            assert os.environ["AFML_CACHE_SECRET"] != "the tests' secret"
    """)
    run_in_process("--afml-cache").assert_outcomes(passed=2)
    assert (tmp_path / "users" / "index.sqlite").exists()
    result = run_in_process("--afml-cache")
    result.stdout.fnmatch_lines(["2 cached calls: 1 hit, 1 computed*"])


def test_asking_while_the_test_runs_is_refused_with_the_remedy(pytester, run):
    pytester.makepyfile("""
        def test_it(request):
            request.getfixturevalue("afml_cache")
    """)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*make it an argument of the test, or name it in*usefixtures*"])


@pytest.mark.parametrize("fixture", ["afml_cache", "afml_cache_module", "afml_cache_session"])
def test_clearing_and_counting_touch_no_store_but_its_own(pytester, run, store, fixture):
    pytester.makepyfile(f"""
        import pytest
        from afml_cache import get_cache_summary, use_store
        from features import labels

        def test_it({fixture}):
            labels(1)
            with use_store({str(store.directory)!r}):
                labels(2), labels(3)
                assert {fixture}.entries() == {fixture}.entries(labels) == 1
                with pytest.raises(RuntimeError, match="put another store in force"):
                    {fixture}.clear()
                assert get_cache_summary()["entries"] == 2
            {fixture}.clear()
            assert {fixture}.entries() == 0
    """)
    run().assert_outcomes(passed=1)


def test_a_wider_cache_in_another_mode_is_an_error_at_setup(pytester, run):
    pytester.makepyfile("""
        import pytest
        @pytest.mark.afml_cache(mode="shared")
        def test_it(afml_cache_module): pass
    """)
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["afml_cache_module is an isolated cache, and the marker asks *"])


@pytest.mark.parametrize(
    ("fixture", "options"),
    [
        ("afml_cache", ()),
        ("afml_cache_module", ()),
        ("afml_cache_module", ("--afml-cache",)),
        ("afml_cache_session", ("--afml-cache",)),
    ],
)
def test_a_cache_that_is_asked_for_too_late_says_so(pytester, run, fixture, options):
    pytester.makepyfile(f"""
        def test_it(request):
            request.getfixturevalue("{fixture}")
    """)
    result = run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{fixture} was asked for while the test was running already; *"])


@pytest.mark.parametrize("what", ["afml_cache_module", "afml_cache_session", "marker"])
def test_the_settings_for_tests_reach_every_test_of_the_plugin(pytester, run, what):
    mark = "@pytest.mark.afml_cache(mode='isolated')" if what == "marker" else ""
    pytester.makepyfile(f"""
        import pytest
        from afml_cache import settings
        @pytest.fixture
        def afml_cache_config():
            return {{"strict": True}}
        {mark}
        def test_it({"" if what == "marker" else what}):
            assert settings.current.strict
    """)
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("only=labels", "@pytest.mark.afml_cache: 'only' without a limit checks nothing; *"),
        ("only=[], max_misses=0", "@pytest.mark.afml_cache: only names no function; *"),
    ],
)
def test_a_marker_that_would_check_nothing_is_an_error(pytester, run, arguments, message):
    pytester.makepyfile(f"""
        import pytest
        from features import labels
        @pytest.mark.afml_cache({arguments})
        def test_it(): labels(1)
    """)
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])


def test_an_expectation_that_is_used_twice_counts_each_block_by_itself(pytester, run):
    pytester.makepyfile("""
        from features import labels
        def test_it(afml_cache):
            labels(1)
            one_hit = afml_cache.expect(hits=1)
            for _ in range(2):
                with one_hit:
                    labels(1)
    """)
    run().assert_outcomes(passed=1)
