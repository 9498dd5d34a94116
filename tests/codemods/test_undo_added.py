"""What was added goes again, however the file around it was edited or formatted since."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codemods.adopt_init import NAMES, OPTIONAL, plan_adoption
from codemods.decorate import Decoration, plan_decorating
from codemods.definitions import definitions
from codemods.journal import FileRecord
from codemods.plan import Plan, digest
from codemods.undo_added import undo_added

HEAD = st.sampled_from(["", '"""Docs."""\n', "#!x\n\n", "from __future__ import annotations\n"])
TOP = st.lists(
    st.sampled_from(
        [
            "import os\n",
            "from .legacy import cacheable, stats\n",
            "from afml_cache import get_cache_monitor\n",
            "from afml.cache import (\n    cacheable,  # old\n)\n",
            "import afml.cache as c\n",
            "try:\n    import a\nexcept ImportError:\n    a = None\n",
            "x = 1; y = 2\n",
            "# comment\n",
            "\n",
        ]
    ),
    max_size=5,
).map("".join)
LISTED = st.sampled_from(
    ["", '__all__ = ["a", "b"]\n', "__all__ = ('z',)\n", "__all__ = [\n    'z',  # z\n    'b'\n]\n"]
)
BODY = st.lists(
    st.sampled_from(
        [
            "def f{n}(x):\n    return x\n",
            "class f{n}:\n    @property\n    def m(self):\n        return 1\n",
            "if x:\n    # why\n    def f{n}(x): return x\n",
        ]
    ),
    max_size=3,
).map(lambda parts: "".join(part.replace("{n}", str(n)) for n, part in enumerate(parts)))


def reformatted(data: bytes) -> bytes:
    return ast.unparse(ast.parse(data)).encode()


def goes_again(code: bytes, found: Plan) -> None:
    after = found.carry_out(code)
    record = FileRecord("a.py", 0o644, found.digest, digest(after), found.rewrites, found.edits)
    assert undo_added(record, code, after) == (code, [])
    more = b"\nmore = 1\n"
    assert undo_added(record, code, after + more) == (code + more, [])
    result, conflicts = undo_added(record, code, reformatted(after))
    assert not conflicts
    assert ast.dump(ast.parse(result)) == ast.dump(ast.parse(reformatted(code)))
    assert undo_added(record, code, result) == (result, []), "once is enough"


@given(HEAD, TOP, BODY)
def test_decorators_and_their_import(head: str, top: str, body: str) -> None:
    code = (head + top + body).encode()
    names = [definition.name for definition in definitions(ast.parse(code))]
    found = plan_decorating(code, names, Decoration("robust_cacheable")).plan
    if found.edits:
        goes_again(code, found)


@given(HEAD, TOP, LISTED, BODY, st.sampled_from([NAMES[:2], (*NAMES, *OPTIONAL)]))
def test_adopted_names(head: str, top: str, listed: str, body: str, names: tuple[str, ...]) -> None:
    code = (head + top + listed + body).encode()
    found = plan_adoption(code, names)
    assert found.edits
    goes_again(code, found)


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("def f(x): ...\n", "def f(x): ...\n"),
        ("import os\n", "import os\n"),
        (
            "from afml_cache import robust_cacheable\n@robust_cacheable\ndef f(x): ...\n",
            "from afml_cache import robust_cacheable\ndef f(x): ...\n",
        ),
    ],
)
def test_only_what_is_as_it_was_written_goes(now: str, left: str) -> None:
    """The import from another module is somebody's own."""
    code = b"def f(x): ...\n"
    found = plan_decorating(code, ["f"], Decoration("robust_cacheable")).plan
    record = FileRecord("a.py", 0o644, found.digest, "", found.rewrites, found.edits)
    assert undo_added(record, code, now.encode())[0] == left.encode()
