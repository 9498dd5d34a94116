"""The normal form, the names that are reached and the comparison of instructions, on real code."""

from __future__ import annotations

import argparse
import ast
import asyncio.base_events
import dataclasses
import decimal
import inspect
import statistics
import textwrap
import types
import typing
from collections.abc import Iterator
from types import CodeType, ModuleType

import pytest

from afml_cache.keys import source
from afml_cache.keys.instructions import instructions_digest
from afml_cache.keys.normal import normal_form
from afml_cache.keys.reach import reach_of, reach_of_bytecode

MODULES = [argparse, asyncio.base_events, ast, dataclasses, inspect, statistics, textwrap, typing]


def names(module: ModuleType) -> str:
    return module.__name__


@pytest.mark.parametrize("module", MODULES, ids=names)
def test_rewriting_a_file_without_its_comments_and_layout_changes_no_form(
    module: ModuleType,
) -> None:
    tree = ast.parse(inspect.getsource(module))
    assert normal_form(tree) == normal_form(ast.parse(ast.unparse(tree)))


@pytest.mark.parametrize("module", MODULES, ids=names)
def test_every_statement_that_does_something_counts(module: ModuleType) -> None:
    tree = ast.parse(inspect.getsource(module))
    forms = set()
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)][:40]
    count = 0
    for node in functions:
        for position, statement in enumerate(node.body):
            is_constant = isinstance(statement, ast.Expr) and isinstance(
                statement.value, ast.Constant
            )
            if is_constant or isinstance(statement, ast.Pass):
                continue
            without = ast.parse(ast.unparse(node)).body[0]
            assert isinstance(without, ast.FunctionDef)
            without.body = [s for i, s in enumerate(node.body) if i != position]
            forms.add(normal_form(without))
            assert normal_form(without) != normal_form(node)
            count += 1
    assert count > 40


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = {None: 1}", "x = {**1}"),
        ("x = 'a'", "x = b'a'"),
        ("x = 'a'", "x = a"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 0.0", "x = -0.0"),
        ("x = (1,)", "x = [1]"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = f'{a}'", "x = f'{a:>1}'"),
        ("x = a.b", "x = a.c"),
        ("if a: b", "while a: b"),
        ("if a: b\nc", "if a:\n    b\n    c"),
        ("f(a, *b)", "f(*a, b)"),
        ("f(a=1)", "f(b=1)"),
        ("def f(a, /): return a", "def f(a): return a"),
        ("def f(*, a): return a", "def f(a): return a"),
        ("async def f(): return 1", "def f(): return 1"),
        ("def f():\n    def g(a=1): return a", "def f():\n    def g(a=2): return a"),
        ("def f():\n    @a\n    def g(): return 1", "def f():\n    @b\n    def g(): return 1"),
        ("try:\n    a\n    b\nexcept E: c", "try:\n    a\nexcept E: c\nelse: b"),
        ("x = '\\ud800'", "x = '\\ud801'"),
        (f"x = {hex(16**5000)}", f"x = {hex(16**5000 + 1)}"),
    ],
)
def test_different_code_has_different_forms(one: str, other: str) -> None:
    assert normal_form(ast.parse(one)) != normal_form(ast.parse(other))


def test_where_python_cuts_an_f_string_does_not_matter() -> None:
    name = ast.FormattedValue(ast.Name("a", ast.Load()), -1)
    whole = ast.JoinedStr([ast.Constant("xy"), name])
    cut = ast.JoinedStr([ast.Constant("x"), ast.Constant(""), ast.Constant("y"), name])
    assert normal_form(ast.Expr(whole)) == normal_form(ast.Expr(cut))


def test_a_sum_of_thousands_of_terms_has_a_form_and_names() -> None:
    text = "def f(): return " + " + ".join(["a", "b"] * 400)
    tree = ast.parse(text)
    for _ in range(3):  # deeper than the parser goes: as deep as trees can be
        function = tree.body[0]
        assert isinstance(function, ast.FunctionDef)
        statement = function.body[0]
        assert isinstance(statement, ast.Return)
        assert statement.value is not None
        for _ in range(2000):
            statement.value = ast.BinOp(statement.value, ast.Add(), ast.Name("c", ast.Load()))
    assert normal_form(function)
    assert reach_of(function).outside == {("a",), ("b",), ("c",)}


def _functions(module: ModuleType) -> Iterator[tuple[ast.AST, CodeType]]:
    parsed = source._parse(module.__file__ or "", inspect.getsource(module), 0)
    assert parsed is not None
    for definitions in parsed.definitions.values():
        for definition in definitions:
            yield definition.node, definition.code


@pytest.mark.parametrize("module", MODULES, ids=names)
def test_the_names_found_in_the_source_are_those_that_the_instructions_load(
    module: ModuleType,
) -> None:
    """Python's own compiler is the reference for what is global and what is local."""
    count = 0
    for node, code in _functions(module):
        if "__class__" in code.co_freevars or _has_annotations_inside(node):
            continue  # a bare super() loads what its source does not name
        read = {chain[0] for chain in reach_of(node).outside}
        loaded = {chain[0] for chain in reach_of_bytecode(code).outside}
        # The compiler drops code behind `if False` and folds `__debug__`.
        assert loaded <= read, (code.co_qualname, loaded - read)
        assert read - loaded <= {"__debug__"}, (code.co_qualname, read - loaded)
        count += 1
    assert count > 10


def _has_annotations_inside(node: ast.AST) -> bool:
    return any(
        isinstance(inner, ast.AnnAssign)
        or (isinstance(inner, ast.FunctionDef) and inner is not node and _annotated(inner))
        for inner in ast.walk(node)
    ) or any(isinstance(inner, ast.ClassDef) for inner in ast.walk(node))


def _annotated(node: ast.FunctionDef) -> bool:
    return node.returns is not None or any(
        a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)
    )


PLAIN = """
def f(x, y):
    try:
        z = x + y
        for a in x:
            z += g(a, y)
        with y as q:
            z = q + x
    except ValueError as e:
        raise RuntimeError(x, y) from e
    finally:
        h(x, y)
    return [z + w for w in x]
"""
LAID_OUT = '''
# A comment.


def f(x,
      y):
    """A docstring."""
    try:
        z = (x
             + y)
        for a in x:

            z += g(a,
                   y)
        with y as q:
            z = (q
                 +
                 x)
    except ValueError as e:
        # Nothing.
        raise RuntimeError(x,
                           y) from e
    finally:
        h(x,
          y
          )
    return [z +
            w for w in x]
'''


def _code(text: str) -> CodeType:
    return next(c for c in compile(text, "f.py", "exec").co_consts if isinstance(c, CodeType))


def test_layout_does_not_change_what_instructions_do() -> None:
    assert instructions_digest(_code(PLAIN)) == instructions_digest(_code(LAID_OUT))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("z = x + y", "z = x - y"),
        ("for w in x]", "for w in y]"),
        ("z + w", "w + z"),
        ("ValueError", "TypeError"),
        ("def f(x, y)", "def f(y, x)"),
        ("def f(x, y)", "def f(x, y=1, *z)"),
        (
            "        with y as q:\n            z = q + x\n    except ValueError as e:\n"
            "        raise RuntimeError(x, y) from e\n",
            "    except ValueError as e:\n        raise RuntimeError(x, y) from e\n"
            "    else:\n        with y as q:\n            z = q + x\n",
        ),
    ],
)
def test_an_edit_changes_what_instructions_do(old: str, new: str) -> None:
    assert old in PLAIN
    changed = _code(PLAIN.replace(old, new))
    assert instructions_digest(changed) != instructions_digest(_code(PLAIN))


@pytest.mark.parametrize("module", [*MODULES, decimal], ids=names)
def test_a_module_matches_its_own_file(module: ModuleType) -> None:
    """Every function of a loaded module is found in its file."""
    members = [*vars(module).values()]
    members += [m for cls in members if isinstance(cls, type) for m in vars(cls).values()]
    functions = [
        m
        for m in members
        if isinstance(m, types.FunctionType)
        and m.__code__.co_filename == module.__file__
        and m.__globals__ is vars(module)
    ]
    for function in functions:
        found = source.source_of(function.__code__, function.__globals__)
        assert found.found is source.Found.SOURCE, function.__qualname__
    assert len(functions) > 10 or module is decimal
