"""Before and after, form by form: what the migration does to a file, and what it leaves."""

from __future__ import annotations

import pytest

# ------------------------------------------------------------------ import forms


def test_direct_import(check_transformed):
    check_transformed(
        """\
        from afml.cache import cacheable

        @cacheable
        def f(x): ...
        """,
        """\
        from afml.cache import robust_cacheable

        @robust_cacheable
        def f(x): ...
        """,
    )


@pytest.mark.parametrize(
    "module",
    ["afml.cache", "afml_cache", "..cache", "...afml.cache", ". . cache", "..\\\n cache"],
)
@pytest.mark.parametrize("name", ["cacheable", "smart_cacheable", "auto_cacheable"])
def test_every_source_and_every_legacy_name(check_transformed, module, name):
    check_transformed(
        f"from {module} import {name}\n@{name}\ndef f(x): ...\n",
        f"from {module} import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
    )


@pytest.mark.parametrize(
    ("package", "module"),
    [
        (("afml",), ".cache"),
        (("src", "afml", "labels", "deep"), "...cache"),
        (("home", "me", "afml"), ".cache"),
        (("afml", "labels"), "..cache"),
    ],
)
def test_relative_imports_are_resolved_against_the_package(check_transformed, package, module):
    check_transformed(
        f"from {module} import cacheable\n@cacheable\ndef f(x): ...\n",
        f"from {module} import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
        package=package,
    )


def test_the_package_itself_imported_relatively(check_transformed):
    check_transformed(
        "from .. import cache\n@cache.cacheable\ndef f(x): ...\n",
        "from .. import cache\n@cache.robust_cacheable\ndef f(x): ...\n",
    )


def test_alias_stays_when_everything_under_it_moves_alike(check_transformed):
    check_transformed(
        "from afml.cache import cacheable as cached\n@cached\ndef f(x): ...\n",
        "from afml.cache import robust_cacheable as cached\n@cached\ndef f(x): ...\n",
    )


def test_alias_goes_when_its_functions_part_ways(check_transformed):
    check_transformed(
        """\
        from afml.cache import cacheable as cached
        @cached
        def f(x): ...
        @cached
        def g(start, end): ...
        """,
        """\
        from afml.cache import robust_cacheable, time_aware_cacheable
        @robust_cacheable
        def f(x): ...
        @time_aware_cacheable
        def g(start, end): ...
        """,
    )


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import afml.cache", "afml.cache"),
        ("import afml.cache as c", "c"),
        ("import afml_cache", "afml_cache"),
        ("from afml import cache", "cache"),
        ("from afml import cache as c", "c"),
        ("import os, afml.cache, sys", "afml.cache"),
        ("import afml", "afml.cache"),
    ],
)
def test_attribute_of_the_module(check_transformed, statement, name):
    check_transformed(
        f"{statement}\n@{name}.cacheable\ndef f(x): ...\n",
        f"{statement}\n@{name}.robust_cacheable\ndef f(x): ...\n",
    )


def test_defining_submodule_gives_way_to_the_package(check_transformed):
    check_transformed(
        "from afml.cache.selective_cleaner import smart_cacheable\n@smart_cacheable\ndef f(x):\n"
        "    return x\n",
        "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(x):\n    return x\n",
    )
    check_transformed(
        "from ..cache.auto_reload import auto_cacheable\n@auto_cacheable\ndef f(): ...\n",
        "from ..cache import robust_cacheable\n@robust_cacheable\ndef f(): ...\n",
    )


def test_defining_submodule_that_is_needed_for_more(check_transformed):
    check_transformed(
        """\
        def build():
            from afml.cache.selective_cleaner import clear_changed, smart_cacheable  # noqa: I001
            @smart_cacheable
            def f(x): ...
        """,
        """\
        def build():
            from afml.cache import robust_cacheable
            from afml.cache.selective_cleaner import clear_changed  # noqa: I001
            @robust_cacheable
            def f(x): ...
        """,
    )


def test_defining_submodule_by_attribute(check_transformed):
    check_transformed(
        "import afml.cache\n@afml.cache.selective_cleaner.smart_cacheable\ndef f(): ...\n",
        "import afml.cache\n@afml.cache.robust_cacheable\ndef f(): ...\n",
    )
    check_transformed(
        "import afml.cache.auto_reload as a\n@a.auto_cacheable\ndef f(): ...\na.start()\n",
        "from afml.cache import robust_cacheable\nimport afml.cache.auto_reload as a\n"
        "@robust_cacheable\ndef f(): ...\na.start()\n",
    )
    check_transformed(
        "from afml.cache import auto_reload as a\n@a.auto_cacheable\ndef f(): ...\n",
        "from afml.cache import robust_cacheable\n@robust_cacheable\ndef f(): ...\n",
    )


def test_further_source_module(check_transformed, check_noop):
    code = "from quant.caching import cacheable\n@cacheable\ndef f(x): ...\n"
    check_noop(code)
    check_transformed(
        code,
        code.replace("cacheable", "robust_cacheable"),
        rules={"more_sources": ("quant.caching",)},
    )
    check_transformed(
        "from .caching import cacheable\n@cacheable\ndef f(x): ...\n",
        "from .caching import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
        package=("src", "quant"),
        rules={"more_sources": ("quant.caching",)},
    )


@pytest.mark.parametrize(
    "block",
    ["def build():", "class Model:", "if TYPE_CHECKING:", "with lock:", "for _ in x:", "try:"],
)
def test_import_inside_of_a_block(check_transformed, block):
    closing = "finally: pass\n" if block == "try:" else ""
    check_transformed(
        f"{block}\n\tfrom afml.cache import cacheable\n\t@cacheable\n\tdef f(x): ...\n{closing}",
        f"{block}\n\tfrom afml.cache import robust_cacheable\n\t@robust_cacheable\n"
        f"\tdef f(x): ...\n{closing}",
    )


def test_two_ways_to_the_same_thing(check_transformed):
    check_transformed(
        """\
        try:
            from afml.cache import cacheable
        except ImportError:
            from afml_cache import cacheable

        @cacheable
        def f(x): ...
        """,
        """\
        try:
            from afml.cache import robust_cacheable
        except ImportError:
            from afml_cache import robust_cacheable

        @robust_cacheable
        def f(x): ...
        """,
    )


@pytest.mark.parametrize(
    "fallback",
    [
        "def cacheable(function): return function",
        "def cacheable(function):\n        '''Does nothing.'''\n        return function",
        "cacheable = lambda function: function",
    ],
    ids=["def", "docstring", "lambda"],
)
@pytest.mark.parametrize("error", [" ImportError", " (ImportError, AttributeError)", ""])
def test_identity_fallback_stays_behind_the_old_name(check_transformed, fallback, error):
    rest = f"except{error}:\n    {fallback}\n\n@cacheable\ndef f(x): ...\n"
    check_transformed(
        f"try:\n    from afml.cache import cacheable\n{rest}",
        f"try:\n    from afml.cache import robust_cacheable as cacheable\n{rest}",
    )


def test_identity_fallback_for_functions_of_both_kinds_takes_the_superset(check_transformed):
    rest = """except ImportError:
    def cacheable(function): return function
@cacheable
def f(x): ...
@cacheable
def g(start, end): ...
"""
    check_transformed(
        f"try:\n    from afml.cache import cacheable\n{rest}",
        f"try:\n    from afml.cache import time_aware_cacheable as cacheable\n{rest}",
    )


@pytest.mark.parametrize(
    "fallback", ["from functools import cache as cacheable", "cacheable = None", "import cacheable"]
)
def test_fallback_that_does_more_is_left(check_noop, fallback):
    check_noop(
        f"try:\n    from afml.cache import cacheable\nexcept ImportError:\n    {fallback}\n"
        "@cacheable\ndef f(x): ...\n",
        left=("fallback-definition",),
    )


# ------------------------------------------------------------------ the list of names


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cacheable", "robust_cacheable"),
        ("cacheable, stats", "robust_cacheable, stats"),
        ("cacheable, clear, load", "clear, load, robust_cacheable"),
        ("aaa, cacheable", "aaa, robust_cacheable"),
        ("zzz, cacheable, aaa", "zzz, robust_cacheable, aaa"),
        ("MODE, Store, cacheable, clear", "MODE, Store, clear, robust_cacheable"),
        ("cacheable, robust_cacheable", "robust_cacheable"),
        ("cacheable, robust_cacheable as rc", None),
        ("(cacheable)", "(robust_cacheable)"),
        ("(cacheable,)", "(robust_cacheable,)"),
        ("( cacheable , stats )", "( robust_cacheable , stats )"),
        ("cacheable, \\\n    stats", "robust_cacheable, \\\n    stats"),
        ("cacheable, \\\n    clear", "clear, \\\n    robust_cacheable"),
        ("(\n    cacheable,\n)", "(\n    robust_cacheable,\n)"),
        ("(\n    cacheable\n)", "(\n    robust_cacheable\n)"),
        (
            "(\n    cacheable,  # the cache\n    clear,  # ours\n)",
            "(\n    clear,  # ours\n    robust_cacheable,  # the cache\n)",
        ),
        (
            "(\n    cacheable,  # noqa: F401\n    stats,\n)",
            "(\n    robust_cacheable,  # noqa: F401\n    stats,\n)",
        ),
        (
            "(\n    # the cache\n    cacheable,\n    stats\n)",
            "(\n    # the cache\n    robust_cacheable,\n    stats\n)",
        ),
        ("(cacheable,  # one\n    clear)", "(robust_cacheable,  # one\n    clear)"),
        ("(clear,\n    cacheable)", "(clear,\n    robust_cacheable)"),
        ("cacheable  # type: ignore", "robust_cacheable  # type: ignore"),
        ("cacheable; import os", "robust_cacheable; import os"),
        ("\\\n    cacheable", "\\\n    robust_cacheable"),
    ],
)
def test_the_name_goes_and_its_successor_comes(check_transformed, before, after):
    decorator = "rc" if after is None else "robust_cacheable"
    after = "robust_cacheable as rc" if after is None else after
    check_transformed(
        f"from afml.cache import {before}\n@cacheable\ndef f(x): ...\n",
        f"from afml.cache import {after}\n@{decorator}\ndef f(x): ...\n",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cacheable", "robust_cacheable, time_aware_cacheable"),
        ("(cacheable,)", "(robust_cacheable, time_aware_cacheable,)"),
        (
            "(\n    cacheable,\n    stats\n)",
            "(\n    robust_cacheable,\n    stats,\n    time_aware_cacheable\n)",
        ),
        (
            "(\n\tcacheable,  # it\r\n\tclear,\r\n)",
            "(\n\tclear,\r\n\trobust_cacheable,  # it\r\n\ttime_aware_cacheable,\r\n)",
        ),
        ("zzz, cacheable, aaa", "zzz, robust_cacheable, time_aware_cacheable, aaa"),
    ],
)
def test_two_names_come_for_one(check_transformed, before, after):
    rest = "@{}\ndef f(x): ...\n@{}\ndef g(start, end): ...\n"
    check_transformed(
        f"from afml.cache import {before}\n" + rest.format("cacheable", "cacheable"),
        f"from afml.cache import {after}\n"
        + rest.format("robust_cacheable", "time_aware_cacheable"),
    )


def test_one_name_comes_for_two(check_transformed):
    check_transformed(
        "from afml.cache import cacheable, clear, smart_cacheable\n"
        "@cacheable\ndef f(): ...\n@smart_cacheable\ndef g(): ...\n",
        "from afml.cache import clear, robust_cacheable\n"
        "@robust_cacheable\ndef f(): ...\n@robust_cacheable\ndef g(): ...\n",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from afml.cache import cacheable\n", ""),
        ("from afml.cache import cacheable  # the cache\n", ""),
        ("import os; from afml.cache import cacheable\n", "import os\n"),
        ("from afml.cache import cacheable; import os\n", "import os\n"),
        ("if x:\n    from afml.cache import cacheable\n", "if x:\n    pass\n"),
    ],
)
def test_name_that_is_imported_already_is_not_imported_twice(check_transformed, before, after):
    check_transformed(
        f"from afml.cache import robust_cacheable\n{before}@cacheable\ndef f(x): ...\n",
        f"from afml.cache import robust_cacheable\n{after}@robust_cacheable\ndef f(x): ...\n",
    )


# ------------------------------------------------------------------ decorators


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@cacheable\ndef f(x): ...", "@robust_cacheable\ndef f(x): ..."),
        ("@cacheable()\ndef f(x): ...", "@robust_cacheable()\ndef f(x): ..."),
        ("@(cacheable)\ndef f(x): ...", "@(robust_cacheable)\ndef f(x): ..."),
        ("@ cacheable # it\ndef f(x): ...", "@ robust_cacheable # it\ndef f(x): ..."),
        ("@cacheable\nasync def f(x): ...", "@robust_cacheable\nasync def f(x): ..."),
        (
            "@cacheable(ignore=['x'], version=2)\ndef f(x): ...",
            "@robust_cacheable(ignore=['x'], version=2)\ndef f(x): ...",
        ),
        (
            "@staticmethod\n@cacheable\ndef f(x): ...",
            "@staticmethod\n@robust_cacheable\ndef f(x): ...",
        ),
        (
            "class A:\n    class B:\n        @cacheable\n        def f(self): ...",
            "class A:\n    class B:\n        @robust_cacheable\n        def f(self): ...",
        ),
        (
            "def g():\n    @cacheable\n    def f(x): ...",
            "def g():\n    @robust_cacheable\n    def f(x): ...",
        ),
        (
            "match x:\n    case 1:\n        @cacheable\n        def f(x): ...",
            "match x:\n    case 1:\n        @robust_cacheable\n        def f(x): ...",
        ),
    ],
)
def test_forms_of_the_decorator(check_transformed, before, after):
    check_transformed(
        f"from afml.cache import cacheable\n{before}\n",
        f"from afml.cache import robust_cacheable\n{after}\n",
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("@cacheable(verbose=0)\ndef f(x): ...", "unknown-arguments"),
        ("@cacheable(memory)\ndef f(x): ...", "unknown-arguments"),
        ("@cacheable(**options)\ndef f(x): ...", "unknown-arguments"),
        ("@cacheable\nclass A: ...", "value-use"),
        ("@cacheable\ndef f(x):\n    yield x", "value-use"),
        ("f = cacheable(g)", "value-use"),
        ("wrap = functools.partial(cacheable)", "value-use"),
        ("REGISTRY = {'c': cacheable}", "value-use"),
        ("@compose(cacheable)\ndef f(x): ...", "value-use"),
        ("@cacheable.with_options\ndef f(x): ...", "value-use"),
        ("@cacheable()()\ndef f(x): ...", "value-use"),
        ("@cacheable  # afml: keep\ndef f(x): ...", "opted-out"),
        ("@cacheable\ndef f(x):  # afml:keep\n    return x", "opted-out"),
        ("# the old key on purpose\n# afml: keep\n@cacheable\ndef f(x): ...", "opted-out"),
        ("@cacheable\n# afml: keep\ndef f(x): ...", "opted-out"),
        ("@cacheable\n# afml: keep\n@other\ndef f(x): ...", "opted-out"),
        ("class A:  # afml: keep\n    @cacheable\n    def f(x): ...", "opted-out"),
        (
            "# afml: keep\n@other\nclass A:\n    class B:\n        @cacheable\n        def f(): 1",
            "opted-out",
        ),
        ("def make():  # afml: keep\n    @cacheable\n    def f(x): ...\n    return f", "opted-out"),
        ("", "re-export"),
    ],
)
def test_what_is_left_alone_and_why(check_noop, code, reason):
    check_noop(f"from afml.cache import cacheable\n{code}\n", left=(reason,))


@pytest.mark.parametrize(
    "below",
    [
        "@property",
        "@functools.cached_property",
        "@cached_property",
        "@cls.getter",
        "@unknown",
        "@library.jit(nopython=True)",
        "@make[0]",
        "@registered",
        "@staticmethod\n@property",
    ],
)
def test_what_may_be_no_function_is_left(check_noop, below):
    found = check_noop(
        "import functools\nfrom functools import cached_property\nimport library\n"
        "from afml.cache import cacheable\n"
        "def registered(function): return Registered(function)\n"
        f"class A:\n    @cacheable\n    {below.replace(chr(10), chr(10) + '    ')}\n"
        "    def f(self): ...\n",
        left=("value-use",),
    )
    assert below.splitlines()[-1].split("(")[0] in found.findings[0].text


@pytest.mark.parametrize(
    "below",
    [
        "@staticmethod",
        "@classmethod",
        "@abstractmethod",
        "@abc.abstractmethod",
        "@functools.wraps(g)",
        "@wraps(g)",
        "@typing.final",
        "@same",
        "@wrapping",
        "@factory(2)",
        "@cacheable_too",
    ],
)
def test_what_stays_a_function_is_rewritten(check_transformed, below):
    before = (
        "import abc\nimport functools\nimport typing\nfrom abc import abstractmethod\n"
        "from functools import wraps\n"
        "from afml.cache import cacheable, robust_cacheable as cacheable_too\n"
        "def same(function):\n    registry.append(function)\n    return function\n"
        "def wrapping(function):\n    @wraps(function)\n    def inner(*a): return 1\n"
        "    return inner\n"
        "def factory(n):\n    def decorate(function):\n        def inner(*a): return n\n"
        "        return inner\n    return decorate\n"
        f"class A:\n    @cacheable\n    {below}\n    def f(self): ...\n"
    )
    after = before.replace("import cacheable, ", "import ").replace(
        "@cacheable\n", "@cacheable_too\n"
    )
    check_transformed(before, after)


@pytest.mark.parametrize(
    "use",
    [
        "f.func",
        "f.clear()",
        "f.call(1)",
        "f.call_and_shelve(1)",
        "f.check_call_in_cache(1)",
        "f.store_backend.location",
        "f.mmap_mode = None",
        "def g(): return f.call_and_shelve",
    ],
)
def test_function_that_is_used_through_joblib_keeps_its_decorator(check_transformed, use):
    found = check_transformed(
        "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
        f"@cacheable\ndef h(x): ...\n{use}\nh.name\nother.clear()\n",
        "from afml.cache import cacheable, robust_cacheable\n@cacheable\ndef f(x): ...\n"
        f"@robust_cacheable\ndef h(x): ...\n{use}\nh.name\nother.clear()\n",
        left=("value-use",),
    )
    assert "line 6" in found.findings[0].text


def test_method_that_is_used_through_joblib_keeps_its_decorator(check_noop):
    check_noop(
        "from afml.cache import cacheable\nclass A:\n    @cacheable\n    def f(self): ...\n"
        "    def reset(self): self.f.clear(warn=False)\n",
        left=("value-use",),
    )


def test_value_use_keeps_the_import_alive(check_transformed):
    check_transformed(
        "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\ng = cacheable(h)\n",
        "from afml.cache import cacheable, robust_cacheable\n@robust_cacheable\ndef f(x): ...\n"
        "g = cacheable(h)\n",
        left=("value-use",),
    )


def test_deleting_the_name_afterwards_keeps_the_import_alive(check_transformed):
    check_transformed(
        "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\ndel cacheable\n",
        "from afml.cache import cacheable, robust_cacheable\n@robust_cacheable\ndef f(x): ...\n"
        "del cacheable\n",
        left=("value-use",),
    )


@pytest.mark.parametrize(
    "code",
    [
        "from afml.cache import cacheable\n__all__ = ['cacheable']\n",
        "from afml.cache import cacheable as cacheable\n",
        "from .cache import cacheable, stats\n",
    ],
)
def test_pure_re_export_is_public_api(check_noop, code):
    check_noop(code, left=("re-export",), package=("afml",))


def test_name_in_all_stays_importable(check_transformed):
    check_transformed(
        "from afml.cache import cacheable\n__all__ = ['cacheable', 'f']\n"
        "@cacheable\ndef f(): ...\n",
        "from afml.cache import cacheable, robust_cacheable\n__all__ = ['cacheable', 'f']\n"
        "@robust_cacheable\ndef f(): ...\n",
        left=("re-export",),
    )


def test_name_that_other_files_take_from_here_stays_importable(check_transformed):
    check_transformed(
        "from afml.cache import cacheable\n@cacheable\ndef f(): ...\n",
        "from afml.cache import cacheable, robust_cacheable\n@robust_cacheable\ndef f(): ...\n",
        left=("re-export",),
        handed_on=("cacheable",),
    )


def test_files_of_the_cache_package_itself_are_left(check_noop):
    check_noop(
        "from .selective_cleaner import smart_cacheable\n@smart_cacheable\ndef f(): ...\n",
        package=("afml", "cache"),
        left=("re-export",),
    )


@pytest.mark.parametrize(
    "line",
    [
        "from afml.cache import cacheable  # afml: keep",
        "from afml.cache import (\n    os,\n    cacheable,  # afml: keep\n)",
        "import afml.cache as c  # afml: keep",
    ],
)
def test_what_is_imported_to_be_kept_is_kept(check_noop, line):
    used = "c.cacheable" if line.startswith("import") else "cacheable"
    check_noop(f"{line}\n@{used}\ndef f(x): ...\n", left=("opted-out",))


def test_a_comment_about_another_name_or_function_keeps_nothing(check_transformed):
    check_transformed(
        "from afml.cache import (\n    os,  # afml: keep\n    cacheable,\n)\n"
        "# afml: keep\n\n@cacheable\ndef f(x): ...\n"
        "@cacheable\ndef g(x):\n    pass  # afml: keep\n",
        "from afml.cache import (\n    os,  # afml: keep\n    robust_cacheable,\n)\n"
        "# afml: keep\n\n@robust_cacheable\ndef f(x): ...\n"
        "@robust_cacheable\ndef g(x):\n    pass  # afml: keep\n",
    )


def test_whole_file_opts_out(check_noop):
    check_noop(
        "#!/usr/bin/env python\n# afml: keep\nfrom afml.cache import cacheable\n"
        "@cacheable\ndef f(): ...\n",
        left=("opted-out",),
    )


# ------------------------------------------------------------------ scopes


@pytest.mark.parametrize(
    "code",
    [
        "def cacheable(f): return f\n@cacheable\ndef g(x): ...",
        "from joblib_tools import cacheable\n@cacheable\ndef g(x): ...",
        "import other as c\n@c.cacheable\ndef g(x): ...",
        "from afml import features\n@features.cacheable\ndef g(x): ...",
        "text = '@cacheable'  # from afml.cache import cacheable",
        "'''\nfrom afml.cache import cacheable\n@cacheable\ndef f(): ...\n'''",
        "@cacheable\ndef f(x): ...",
        "from afml.cache import robust_cacheable\n@robust_cacheable\ndef cacheable(x): ...",
    ],
)
def test_things_that_are_only_called_alike(check_noop, code):
    check_noop(code + "\n")


@pytest.mark.parametrize(
    "shadow",
    [
        "def h(cacheable):\n    @cacheable\n    def g(x): ...\n",
        "def h():\n    cacheable = other\n    @cacheable\n    def g(x): ...\n",
        "def h():\n    for cacheable in y: ...\n    @cacheable\n    def g(x): ...\n",
        "def h():\n    from other import cacheable\n    @cacheable\n    def g(x): ...\n",
        "class A:\n    def cacheable(f): return f\n    @cacheable\n    def g(x): ...\n",
        "g = [cacheable(x) for cacheable in y]\n",
        "g = lambda cacheable: cacheable(x)\n",
        "def h():\n    match x:\n        case cacheable:\n            @cacheable\n"
        "            def g(x): ...\n",
        "class A:\n    cacheable = 1\n    x = cacheable\n",
        "def h():\n    try: ...\n    except E as cacheable: print(cacheable)\n",
    ],
)
def test_shadows_are_left_and_the_rest_is_not(check_transformed, shadow):
    check_transformed(
        f"from afml.cache import cacheable\n{shadow}@cacheable\ndef f(x): ...\n",
        f"from afml.cache import robust_cacheable\n{shadow}@robust_cacheable\ndef f(x): ...\n",
    )


def test_methods_see_past_the_class(check_transformed):
    check_transformed(
        """\
        from afml.cache import cacheable
        class A:
            cacheable = True
            def build(self):
                @cacheable
                def f(x): ...
        """,
        """\
        from afml.cache import robust_cacheable
        class A:
            cacheable = True
            def build(self):
                @robust_cacheable
                def f(x): ...
        """,
    )


@pytest.mark.parametrize(
    "more",
    ["cacheable = wrap(cacheable)", "def cacheable(f): ...", "if x:\n    cacheable = None"],
)
def test_rebinding_is_ambiguous(check_noop, more):
    plan = check_noop(
        f"from afml.cache import cacheable\n{more}\n@cacheable\ndef f(x): ...\n",
        left=("ambiguous-binding",),
    )
    assert plan.findings[0].line == more.count("\n") + 3


def test_rebinding_from_another_scope_is_ambiguous(check_noop):
    check_noop(
        "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
        "def off():\n    global cacheable\n    cacheable = None\n",
        left=("ambiguous-binding",),
    )


@pytest.mark.parametrize(
    ("star", "after"),
    [
        ("from {} import *\n", "from {} import *\nfrom {} import robust_cacheable\n"),
        (
            "from {} import *  # noqa: F403\n",
            "from {} import *  # noqa: F403\nfrom {} import robust_cacheable\n",
        ),
        (
            "from math import *\nfrom {} import *\n",
            "from math import *\nfrom {} import *\nfrom {} import robust_cacheable\n",
        ),
        (
            "import os; from {} import *\n",
            "import os; from {} import robust_cacheable; from {} import *\n",
        ),
        (
            "if x:\n\tfrom {} import *\r\n",
            "if x:\n\tfrom {} import *\r\n\tfrom {} import robust_cacheable\n",
        ),
    ],
)
@pytest.mark.parametrize("module", ["afml.cache", "..cache", "afml_cache"])
def test_star_import_gets_the_new_name_beside_it(check_transformed, star, after, module):
    rest = "@{}\ndef f(x): ...\n"
    check_transformed(
        star.replace("{}", module) + rest.format("cacheable"),
        after.replace("{}", module) + rest.format("robust_cacheable"),
    )


def test_star_import_of_a_defining_submodule(check_transformed):
    check_transformed(
        "from afml.cache.selective_cleaner import *\n@smart_cacheable\ndef f(x): ...",
        "from afml.cache.selective_cleaner import *\nfrom afml.cache import robust_cacheable\n"
        "@robust_cacheable\ndef f(x): ...",
    )


def test_name_that_is_imported_beside_a_star_is_treated_as_imported(check_transformed):
    check_transformed(
        "from afml.cache import *\nfrom afml.cache import cacheable\n@cacheable\ndef f(x): ...\n",
        "from afml.cache import *\nfrom afml.cache import robust_cacheable\n"
        "@robust_cacheable\ndef f(x): ...\n",
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("from other import *\n@cacheable\ndef f(x): ...", "star-import"),
        ("from afml.cache import *\nfrom other import *\n@cacheable\ndef f(x): ...", "star-import"),
        (
            "from afml.cache import *\ndef cacheable(f): return f\n@cacheable\ndef f(x): ...",
            "ambiguous-binding",
        ),
        (
            "try:\n    from afml.cache import *\nexcept ImportError:\n"
            "    def cacheable(f): return f\n@cacheable\ndef f(x): ...",
            "fallback-definition",
        ),
        ("from afml.cache import *\nf = cacheable(g)", "value-use"),
    ],
)
def test_star_import_that_cannot_be_told_is_reported(check_noop, code, reason):
    check_noop(f"{code}\n", left=(reason,))


@pytest.mark.parametrize("module", [".wrappers", "afml.wrappers", "......cache"])
def test_module_of_the_project_that_is_no_source_is_reported(check_noop, module):
    check_noop(
        f"from {module} import cacheable\n@cacheable\ndef f(x): ...\n", left=("unresolved-import",)
    )


# ------------------------------------------------------------------ names that are taken


def test_taken_name_is_avoided_by_an_alias(check_transformed):
    rest = "robust_cacheable = 1\n@cacheable\ndef f(x): ...\n"
    check_transformed(
        f"from afml.cache import cacheable\n{rest}",
        f"from afml.cache import robust_cacheable as cacheable\n{rest}",
    )


def test_taken_name_is_reported_where_the_old_one_is_needed(check_noop):
    check_noop(
        "from afml.cache import cacheable\nrobust_cacheable = 1\n@cacheable\ndef f(x): ...\n"
        "g = cacheable(h)\n",
        left=("name-collision", "value-use"),
    )


def test_name_that_is_taken_further_in_is_avoided_too(check_transformed):
    rest = "def g(robust_cacheable):\n    @cacheable\n    def f(x): ...\n"
    check_transformed(
        f"from afml.cache import cacheable\n{rest}",
        f"from afml.cache import robust_cacheable as cacheable\n{rest}",
    )


# ------------------------------------------------------------------ files that cannot be read


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"from afml.cache import cacheable\nprint 'x'\n", "syntax-error"),
        (b"# cacheable\n\0\n", "syntax-error"),
        (b"# cacheable \xff\n", "undecodable"),
        (b"# -*- coding: klingon -*-\n# cacheable\n", "undecodable"),
        (b"cacheable = " + b"(" * 5000 + b")" * 5000 + b"\n", "too-deep"),
        (b"cacheable = " + b"-" * 20000 + b"1\n", "too-deep"),
        (b"cacheable\n" + b"".join(b" " * n + b"if x:\n" for n in range(120)), "syntax-error"),
    ],
    ids=["python 2", "null byte", "not utf-8", "unknown cookie", "brackets", "signs", "indents"],
)
def test_unreadable_files_are_left_with_a_reason(check_noop, data, reason):
    found = check_noop(data, left=(reason,))
    assert found.findings[0].line >= 1


# ------------------------------------------------------------------ names in words


@pytest.mark.parametrize(
    "words",
    [
        'globals()["cacheable"](f)',
        'getattr(sys.modules[__name__], "cacheable")',
        "eval('cacheable(len)(f)')",
        'def g():\n    """Doubles.\n\n    >>> @cacheable\n    ... def h(x): ...\n    """',
    ],
)
def test_name_that_is_reached_by_its_text_stays(check_transformed, words):
    rest = f"@{{}}\ndef f(x): ...\n{words}\n"
    check_transformed(
        "from afml.cache import cacheable\n" + rest.format("cacheable"),
        "from afml.cache import cacheable, robust_cacheable\n" + rest.format("robust_cacheable"),
        left=("value-use",),
    )


@pytest.mark.parametrize(
    "words", ["x = 'it is cacheable'", "def g():\n    '''Not cacheable.'''", "eval('x.cacheables')"]
)
def test_name_that_is_only_spoken_of_goes(check_transformed, words):
    rest = f"@{{}}\ndef f(x): ...\n{words}\n"
    check_transformed(
        "from afml.cache import cacheable\n" + rest.format("cacheable"),
        "from afml.cache import robust_cacheable\n" + rest.format("robust_cacheable"),
    )


def test_name_that_a_class_hands_on_stays(check_transformed):
    check_transformed(
        "class A:\n    from afml.cache import cacheable\n    @cacheable\n    def f(x): ...\n"
        "A.cacheable(f)\n",
        "class A:\n    from afml.cache import cacheable, robust_cacheable\n    @robust_cacheable\n"
        "    def f(x): ...\nA.cacheable(f)\n",
        left=("value-use",),
    )


def test_attribute_of_a_decorator_is_none_of_the_decorators(check_noop):
    check_noop("from afml.cache import robust_cacheable as c\n@c.cacheable\ndef f(x): ...\n")


def test_comment_is_one_and_a_string_is_none(check_transformed):
    rest = "@{}\ndef f(x): return '# afml: keep'\n"
    check_transformed(
        "from afml.cache import cacheable\n" + rest.format("cacheable"),
        "from afml.cache import robust_cacheable\n" + rest.format("robust_cacheable"),
    )


def test_alias_that_moves_serves_a_function_that_finds_the_new_name_taken(check_transformed):
    check_transformed(
        "from afml.cache import cacheable\nfrom afml.cache import cacheable as c\n"
        "def g(robust_cacheable):\n    @cacheable\n    def f(x): ...\n@c\ndef h(x): ...\n",
        "from afml.cache import robust_cacheable as c\n"
        "def g(robust_cacheable):\n    @c\n    def f(x): ...\n@c\ndef h(x): ...\n",
    )
