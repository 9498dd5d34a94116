"""What IPython adds to Python is painted over: in place, and only where it is no Python."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from codemods.magics import as_python

CASES = [
    # A line of its own: the names that it uses stay visible.
    ("%time f(x)", "0    ,f,x "),
    ("%%time\nx = 1", "0     \nx = 1"),
    ("%matplotlib inline\nx = 1", "0                 \nx = 1"),
    ("!ls -l", "0     "),
    ("!ls {path} $name words", "0   ,path  ,name      "),
    ("f?", "f "),
    ("?f", "+f"),
    ("??c.f", "0,c.f"),
    ("df.mean?\nx = 1", "df.mean \nx = 1"),
    ("/f x", "+f,x"),
    ("pip install afml-cache\nx = 1", "0                     \nx = 1"),
    # What is assigned.
    ("files = !ls *.csv", "files = 0        "),
    ("a, b = %time f(1)", "a, b = 0    ,f   "),
    # Inside of a block, over several lines.
    ("for x in y:\n    !echo {x}\n    z = 1", "for x in y:\n    0     ,x \n    z = 1"),
    ("!ls \\\n  -l\nx = 1", "0   \\\n    \nx = 1"),
    # Where a line goes on, a percent sign is an operator, and text is text.
    ("x = (a\n  % b)\n!ls", "x = (a\n  % b)\n0  "),
    ("x = a \\\n  % b\n!ls", "x = a \\\n  % b\n0  "),
    ("x = '''\n%time\n!ls\n'''\n!ls", "x = '''\n%time\n!ls\n'''\n0  "),
    ('x = "a # \'"\n!ls', 'x = "a # \'"\n0  '),
    ("# what?\n!ls", "# what?\n0  "),
    # Plain Python, and what notebooks add without any sign.
    ("plot(x);", "plot(x);"),
    ("await f()", "await f()"),
    ("a %= b", "a %= b"),
    ("", ""),
]


@pytest.mark.parametrize(("cell", "python"), CASES, ids=[cell for cell, _ in CASES])
def test_magic_is_painted_over(cell: str, python: str) -> None:
    shown = as_python(cell.encode())
    assert shown.python.decode() == python
    assert shown.problem is None
    ast.parse(python)


@pytest.mark.parametrize("head", ["%%time", "%%timeit -n 3", "%%capture out", "%%prun", "\n%%time"])
def test_body_of_a_cell_magic_that_runs_python_is_python(head: str) -> None:
    shown = as_python(f"{head}\n@cacheable\ndef f(x): ...\n".encode())
    assert shown.problem is None
    assert shown.python.endswith(b"\n@cacheable\ndef f(x): ...\n")


def test_cell_magics_can_follow_each_other() -> None:
    assert as_python(b"%%capture\n%%time\nx = 1").python == b"0        \n0     \nx = 1"
    problem = as_python(b"%%time\n%%bash\nls").problem
    assert problem is not None
    assert (problem.code, problem.line, problem.text) == ("cell-magic", 2, "a cell of %%bash")


@pytest.mark.parametrize(
    ("cell", "code", "python"),
    [
        ("%%bash\ngrep cacheable", "cell-magic", "0     \n0             "),
        ("%%cython\nf(cacheable)", "cell-magic", "0       \nf,cacheable "),
        ("!!ls\nls", "cell-magic", "0   \n0 "),
        ("@cacheable\ndef f(x:\n    (", "syntax-error", "+cacheable\n0  ,f,x \n0    "),
    ],
)
def test_cell_that_is_no_python_is_painted_over_as_a_whole(
    cell: str, code: str, python: str
) -> None:
    shown = as_python(cell.encode())
    assert shown.problem is not None
    assert shown.problem.code == code
    assert shown.python.decode() == python


PARTS = [
    "%time ",
    "!ls ",
    "x",
    " = ",
    "?",
    "\\",
    "\n",
    "\r\n",
    "'",
    '"""',
    "(",
    ")",
    "#",
    "é",
    "if",
]
PARTS += ["%%bash", "    ", "f.g", "$", "{", "}", ";", "0", "[", "]", "@", ":", "\t", "\0", "def "]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
@example("!ls \\\n")
@example("%time x\\\n\n")
@example("! \\\n \\")
def test_any_cell_becomes_python_of_the_same_lines(cell: str) -> None:
    data = cell.encode()
    shown = as_python(data)
    assert len(shown.python) == len(data)
    assert [len(line) for line in shown.python.splitlines()] == [
        len(line) for line in data.splitlines()
    ]
    ast.parse(shown.python.decode())


LINES = ["%time f(x)", "!ls {a} 'unbalanced", "%matplotlib inline", "a = !ls", "a, b = %time f(x)"]
LINES += ["x = 1", "if x:", "    y = 2", "    %time y", "    !ls 'q", "else:", "def f(x):", "'''"]
LINES += [
    "    '''doc",
    "    %no",
    "    '''",
    "x = (1",
    "  % 2)",
    "  !x",
    'x = "a" \\',
    "  % 2",
    "# %no",
]
LINES += ["!ls \\", "  -l", "%%time", "%sql select \\", "d['k'] = !ls", "x: int = !ls", "", "f(a,"]
LINES += ["/f 1", "for i in !ls:", "x = y if z else %t", "a == !x", "@dec", "x = '''"]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=5).map("\n".join))
def test_cell_is_python_exactly_when_ipython_makes_python_of_it(cell: str) -> None:
    core = pytest.importorskip("IPython.core.inputtransformer2", reason="IPython is the judge")
    assume(not cell.lstrip("\n").startswith((" ", "%%")))  # it takes indentation off whole cells
    try:
        ast.parse(core.TransformerManager().transform_cell(cell))
    except SyntaxError:
        assert as_python(cell.encode()).problem is not None
    else:
        assert as_python(cell.encode()).problem is None
