"""Every legacy decorator becomes ``@time_aware_cacheable``, whatever the function takes."""

from __future__ import annotations

from codemods.time_aware_cacheable import TimeAwareCacheable

TO = {"rules": {"to": TimeAwareCacheable.TO}}


def test_function_of_anything(check_transformed):
    check_transformed(
        """\
        from afml.cache import cacheable

        @cacheable
        def entropy(message, letters): ...
        """,
        """\
        from afml.cache import time_aware_cacheable

        @time_aware_cacheable
        def entropy(message, letters): ...
        """,
        **TO,
    )


def test_function_of_a_frame_and_a_range_of_dates(check_transformed):
    check_transformed(
        """\
        import pandas as pd
        from afml.cache import cacheable

        @cacheable
        def labels(close: pd.Series, start, end): ...
        """,
        """\
        import pandas as pd
        from afml.cache import time_aware_cacheable

        @time_aware_cacheable
        def labels(close: pd.Series, start, end): ...
        """,
        **TO,
    )


def test_the_reason_says_who_chose(check_transformed):
    found = check_transformed(
        "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n",
        "from afml.cache import time_aware_cacheable\n@time_aware_cacheable\ndef f(x): ...\n",
        **TO,
    )
    assert [rewrite.reason for rewrite in found.rewrites] == ["asked for with --to"]


def test_relatives_are_migrated_alike(check_transformed):
    check_transformed(
        """\
        from afml.cache import auto_cacheable, clear, smart_cacheable

        @smart_cacheable
        def f(x): ...

        @auto_cacheable
        def g(x): ...
        """,
        """\
        from afml.cache import clear, time_aware_cacheable

        @time_aware_cacheable
        def f(x): ...

        @time_aware_cacheable
        def g(x): ...
        """,
        **TO,
    )


def test_the_other_new_decorator_stays_where_a_person_wrote_it(check_transformed):
    check_transformed(
        """\
        from afml.cache import cacheable, robust_cacheable

        @robust_cacheable
        def f(x): ...

        @cacheable
        def g(x): ...
        """,
        """\
        from afml.cache import robust_cacheable, time_aware_cacheable

        @robust_cacheable
        def f(x): ...

        @time_aware_cacheable
        def g(x): ...
        """,
        **TO,
    )


def test_what_is_not_the_caches_is_left(check_noop):
    check_noop(
        """\
        from other import cacheable

        @cacheable
        def f(x): ...
        """,
        **TO,
    )
