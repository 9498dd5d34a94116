"""When a recorded source is that of a function, and when not."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import afml_cache
from afml_cache.adoption.recorded import ignored_names, is_same_source

NAMESPACE: dict[str, Any] = {
    "robust_cacheable": afml_cache.robust_cacheable,
    "c": afml_cache,
    "njit": ast.parse,  # any function of somebody else's
    "__builtins__": __builtins__,
}

RECORDED = """\
@cacheable
def f(x, window=3):
    # a comment
    return x + window
"""

SAME = {
    "another decorator of ours": RECORDED.replace("@cacheable", "@robust_cacheable"),
    "one through the module": RECORDED.replace("@cacheable", "@c.time_aware_cacheable"),
    "with options": RECORDED.replace("@cacheable", '@robust_cacheable(ttl="7 d", version=2)'),
    "no decorator at all": RECORDED.replace("@cacheable\n", ""),
    "another comment": RECORDED.replace("a comment", "another one"),
    "a docstring": RECORDED.replace("    # a comment", '    """What it does."""'),
    "annotations": RECORDED.replace("x, window=3", "x: float, window: int = 3"),
    "other formatting": RECORDED.replace("x + window", "(x\n            + window)"),
}

OTHER = {
    "another body": RECORDED.replace("x + window", "x - window"),
    "another default": RECORDED.replace("window=3", "window=4"),
    "another parameter": RECORDED.replace("window=3", "window=3, *, fee=0"),
    "a default less": RECORDED.replace("window=3", "window"),
    "another name": RECORDED.replace("def f", "def g"),
    "compiled as well": RECORDED.replace("@cacheable", "@robust_cacheable\n@njit"),
    "async": RECORDED.replace("def f", "async def f"),
    "no function": "f = robust_cacheable(g)\n",
    "no Python": "def f(:\n",
    "nothing": "",
}


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_same_source_with(name: str) -> None:
    assert is_same_source(RECORDED, SAME[name], NAMESPACE)


@pytest.mark.parametrize("name", OTHER)
def test_it_is_not_the_same_source_with(name: str) -> None:
    assert not is_same_source(RECORDED, OTHER[name], NAMESPACE)


PAIRS = {
    "the alias of an import that is gone": ("@cached\n{}", "@robust_cacheable\n{}", True),
    "joblib's own decorator": ("@memory.cache\n{}", "@robust_cacheable\n{}", True),
    "a decorator of others that stayed": ("@cacheable\n@njit\n{}", "@c.cacheable\n@njit\n{}", True),
    "a decorator of others that went": ("@cacheable\n@njit\n{}", "@robust_cacheable\n{}", False),
    "one of others that went, import and all": (
        "@cacheable\n@compiled\n{}",
        "@robust_cacheable\n{}",
        False,
    ),
    "other arguments of another decorator": (
        "@cacheable\n@njit(fastmath=True)\n{}",
        "@robust_cacheable\n@njit\n{}",
        False,
    ),
    "a known function's name, not a cache's": ("@njit\n{}", "@robust_cacheable\n{}", False),
    "a builtin": ("@staticmethod\n{}", "@robust_cacheable\n{}", False),
}


@pytest.mark.parametrize("name", PAIRS)
def test_decorators_that_are_no_cache_count(name: str) -> None:
    recorded, present, same = PAIRS[name]
    body = "def f(x):\n    return x\n"
    assert is_same_source(recorded.format(body), present.format(body), NAMESPACE) is same


def test_a_method_is_compared_however_far_it_is_indented() -> None:
    recorded = '    @cacheable\n    def f(self):\n        return """\nno indentation here\n"""\n'
    assert is_same_source(recorded, recorded.replace("cacheable", "robust_cacheable"), NAMESPACE)
    assert not is_same_source(recorded, recorded.replace("no ind", "some ind"), NAMESPACE)


def test_a_cached_function_within_may_change_its_decorator_too() -> None:
    recorded = "def f(x):\n    @cacheable\n    def g(y):\n        return y\n    return g(x)\n"
    assert is_same_source(recorded, recorded.replace("@cacheable", "@robust_cacheable"), NAMESPACE)


def test_code_without_source_is_compared_as_joblib_does() -> None:
    digest = "5f4dcc3b5aa765d61d8327deb882cf99"
    assert is_same_source(digest, digest, NAMESPACE)
    assert not is_same_source(digest, digest[::-1], NAMESPACE)


@given(st.integers(), st.integers())
def test_two_constants_are_the_same_source_exactly_when_they_are_equal(a: int, b: int) -> None:
    one, two = (f"@cacheable\ndef f(x):\n    return x + {n}\n" for n in (a, b))
    assert is_same_source(one, two.replace("cacheable", "robust_cacheable"), NAMESPACE) is (a == b)


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        ("@cacheable", frozenset()),
        ("@cacheable()", frozenset()),
        ("@c.cacheable(ignore='verbose')", {"verbose"}),
        ("@memory.cache(ignore=['a', 'b'], verbose=0)", {"a", "b"}),
        ("@cacheable(ignore=NAMES)", None),
        ("@cacheable(**options)", None),
        ("@njit", None),
        ("", None),
    ],
)
def test_what_the_old_decorator_ignored_is_read_from_its_line(
    decorator: str, expected: set[str] | None
) -> None:
    assert ignored_names(f"{decorator}\ndef f(x):\n    return x\n", NAMESPACE) == expected
