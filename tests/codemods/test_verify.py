"""The proof after the splice notices everything that was not planned."""

from __future__ import annotations

import ast

import pytest

from codemods.source import Source
from codemods.verify import UnexpectedChangeError, verify

BEFORE = """\
from m import old, other

@old(version=1)
def f(x, *, y: int = 2) -> int:
    '''Docs.'''
    def g():
        return [x for x in y if x > 1]
    return g()

@old
class A:
    z = -1
"""
PLANNED = BEFORE.replace("old", "new")


def check(after: str) -> None:
    before, new = Source(BEFORE.encode()), Source(after.encode())
    names = {
        node: "new"
        for node in ast.walk(before.tree)
        if isinstance(node, ast.Name) and node.id == "old"
    }
    expected = ("m", 0, frozenset({("new", None), ("other", None)}))
    verify(before, new, names, {before.tree.body[0]: [expected]})


def test_what_was_planned_passes() -> None:
    check(PLANNED)
    check(PLANNED.replace("new, other", "other, new").replace("@new\n", "@(  new  ) # comment\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@new\n", "@old\n"),
        ("@new\n", "@newer\n"),
        ("@new\n", ""),
        ("@new\n", "@new\n@new\n"),
        ("version=1", "version=2"),
        ("version=1", "version=1, x=2"),
        ("version=1", "version=True"),
        ("import new", "import newer"),
        ("from m import", "from .m import"),
        ("from m import new, other", "from m import new, other\nimport os"),
        ("from m import new, other", "pass"),
        ("y: int = 2", "y: int = 3"),
        ("y: int = 2", "y: float = 2"),
        ("*, y", "y"),
        ("'''Docs.'''", "'''docs.'''"),
        ("x > 1", "x >= 1"),
        ("return g()", "g()"),
        ("z = -1", "z = 1"),
        ("z = -1\n", "z = -1\n    w = 0\n"),
        ("def f(", "async def f("),
        ("class A", "class B"),
        ("    z = -1\n", "    z = -1\nend = 1\n"),
    ],
)
def test_anything_else_does_not(old: str, new: str) -> None:
    assert old in PLANNED
    with pytest.raises(UnexpectedChangeError):
        check(PLANNED.replace(old, new, 1) if old != "@new\n" else PLANNED.replace(old, new))
