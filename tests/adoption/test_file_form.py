"""What counts as an edit of a file since its migration: what it does, its caches set aside."""

from __future__ import annotations

import pytest

from afml_cache.adoption.file_form import form

OLD = "from afml.cache import cacheable"
BODY = "\n\n\n@{}\ndef f(x):\n    return x\n\n\n@{}\ndef g(x):\n    return x + 1\n"

#: What a step of a migration leaves, in turn: each is the same code.
STEPS = {
    "one function after the other": (
        OLD + BODY.format("cacheable", "cacheable"),
        OLD + ", robust_cacheable" + BODY.format("robust_cacheable", "cacheable"),
        "from afml.cache import robust_cacheable"
        + BODY.format("robust_cacheable", "robust_cacheable"),
    ),
    "beside other names": (
        "from afml.cache import cacheable, get_cache_stats" + BODY.format("cacheable", "cacheable"),
        "from afml.cache import get_cache_stats, robust_cacheable"
        + BODY.format("robust_cacheable", "robust_cacheable(version=1)"),
    ),
    "under another name": (
        OLD + " as kept" + BODY.format("kept", "kept(ignore=['x'])"),
        OLD + " as kept, robust_cacheable" + BODY.format("kept", "robust_cacheable"),
        "from afml.cache import robust_cacheable"
        + BODY.format("robust_cacheable", "robust_cacheable"),
    ),
    "through a module": (
        "import afml.cache.selective_cleaner as sc" + BODY.format("sc.cacheable", "sc.cacheable"),
        "import afml.cache.selective_cleaner as sc\nfrom afml.cache import robust_cacheable"
        + BODY.format("sc.cacheable", "robust_cacheable"),
        "from afml.cache import robust_cacheable"
        + BODY.format("robust_cacheable", "robust_cacheable"),
    ),
    "with everything": (
        "from afml.cache import *" + BODY.format("cacheable", "cacheable"),
        "from afml.cache import time_aware_cacheable"
        + BODY.format("time_aware_cacheable", "time_aware_cacheable"),
    ),
    "of a module of one's own": (
        "from quant.caching import cacheable" + BODY.format("cacheable", "cacheable"),
        "from afml_cache import robust_cacheable"
        + BODY.format("robust_cacheable", "robust_cacheable"),
    ),
    "inside of a function": (
        "def make():\n    from afml.cache import cacheable\n\n"
        "    @cacheable\n    def f(x):\n        return x\n\n    return f\n",
        "def make():\n    from afml.cache import robust_cacheable\n\n"
        "    @robust_cacheable\n    def f(x):\n        return x\n\n    return f\n",
    ),
    "where there is nothing else": ("try:\n    " + OLD + "\nfinally:\n    f = 1\n",
                                    "try:\n    pass\nfinally:\n    f = 1\n"),
}  # fmt: skip

#: Two texts that do not do the same, however alike they look.
EDITS = {
    "another import": ("from a import scale\n", "from b import scale\n"),
    "another import beside the caches'": (
        OLD + "\nfrom a import scale\n",
        "from afml.cache import robust_cacheable\nfrom b import scale\n",
    ),
    "a cache that is no cache's": ("from a import cache\n", "from b import cache\n"),
    "a module called like one": ("import afml_cached as a\n", "import afml_caches as a\n"),
    "everything of another module": ("from a import *\n", "from b import *\n"),
    "another decorator": (OLD + BODY.format("cacheable", "retry"), OLD + BODY.format("a", "b")),
    "a decorator taken for a value": (OLD + "\nf = cacheable(abs)\n", OLD + "\nf = abs\n"),
    "the name of another import": (
        "from a import scale as kept" + BODY.format("kept", "cacheable"),
        "from a import scale as kept" + BODY.format("cacheable", "cacheable"),
    ),
    "the code": (OLD + BODY.format("cacheable", "cacheable"), OLD + "\n\n\ndef f(x):\n    x\n"),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_a_step_of_a_migration_changes_is_no_edit(name: str) -> None:
    assert len({form(text.encode()) for text in STEPS[name]}) == 1


@pytest.mark.parametrize("name", EDITS)
def test_everything_else_is_one(name: str) -> None:
    before, after = EDITS[name]
    assert form(before.encode()) != form(after.encode())


def test_a_file_that_python_cannot_read_is_taken_as_it_is_written() -> None:
    assert form(b"def (") != form(b"def  (")
    assert form(b"def (") == form(b"def (")
