"""Files in syntax that the running interpreter does not know are migrated all the same."""

from __future__ import annotations

import ast
import sys

import pytest

from codemods.newer_syntax import lower

NEWER = [
    "type Pair[T] = tuple[T, T]",
    "def first[T](x: T) -> T: ...",
    "class Box[T: (int, str), *Ts, **P](Base[T]): ...",
    "def spread[\n    T,  # it\n    U,\n](x: T) -> U: ...",
    'x = f"{names["a"]!r:>{width}} of {f"{"b"}"}" "it"',
    'x = f"""{\n    y  # why\n}"""',
    "x = f'{a}' f'{b = }' '{c}' rf'\\d{(lambda: 1)}{*d,}'",
]


@pytest.mark.parametrize("code", NEWER)
def test_lowering_keeps_every_name_at_its_place(code: str) -> None:
    painted = lower(code)
    assert painted is not None
    assert len(painted) == len(code)
    assert painted.count("\n") == code.count("\n")
    ast.parse(painted)
    for node in ast.walk(ast.parse(painted)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            line = code.split("\n")[node.lineno - 1]
            assert line[node.col_offset :].startswith(node.id)


@pytest.mark.parametrize("code", NEWER)
def test_newer_syntax_around_a_decorator(check_transformed, code: str) -> None:
    before = f"from afml.cache import cacheable\n{code}\n@cacheable\ndef f[T](x: T): ...\n"
    check_transformed(before, before.replace("cacheable", "robust_cacheable"))


def test_use_inside_of_a_formatted_string_is_seen(check_noop) -> None:
    check_noop(
        'from afml.cache import cacheable\nx = f"{cacheable(d["a"])}"\n', left=("value-use",)
    )


def test_what_libcst_refuses_too_is_no_newer_syntax() -> None:
    assert lower("def f(:\n") is None


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it can tell them apart")
@pytest.mark.parametrize(
    "code",
    [
        "def g[cacheable](x: cacheable): ...",
        "class A[cacheable]:\n    @cacheable\n    def m(self): ...",
        "type Pair[cacheable] = tuple[cacheable, cacheable]",
    ],
)
def test_type_parameter_that_is_called_like_a_decorator_is_left(check_noop, code):
    check_noop(
        f"from afml.cache import cacheable\n{code}\n@cacheable\ndef f(x): ...\n",
        left=("ambiguous-binding",),
    )
