"""The tests that a migration is measured with stay as they are, unless they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from codemods.files import find
from codemods.findings import Code
from codemods.migration.own_tests import but_for_tests
from codemods.rules import Rules
from codemods.runner import Survey, survey

CACHED = "from afml.cache import cacheable\n\n\n@cacheable\ndef f(x):\n    return x\n"
FILES = ("quant.py", "conftest.py", "tests/test_f.py", "tests/f_test.py", "tests/made.py")
TESTS = {"conftest.py", "tests/test_f.py", "tests/f_test.py"}


@pytest.fixture
def found(tmp_path: Path) -> Survey:
    """All of them could be migrated."""
    for file in FILES:
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(CACHED)
    (tmp_path / ".afml-codemod").mkdir()
    result = survey(find([tmp_path]), Rules())
    assert {one.path for one in result.changes} == set(FILES)
    return result


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ([], TESTS),
        (["."], TESTS),
        (["tests"], {"conftest.py"}),
        (["tests/test_f.py", "quant.py"], {"conftest.py", "tests/f_test.py"}),
        (["conftest.py"], {"tests/test_f.py", "tests/f_test.py"}),
    ],
    ids=["nothing named", "the root", "their folder", "one of them", "conftest.py"],
)
def test_tests_keep_their_decorators_unless_they_are_named(
    found: Survey, named: list[str], kept: set[str]
) -> None:
    root = found.tree.root
    left = but_for_tests(found, [root / path for path in named])
    assert {one.path for one in left.changes} == set(FILES) - kept
    told = {one.path: one.plan.findings for one in left.planned if one.plan.findings}
    assert told.keys() == kept
    for (finding,) in told.values():
        assert (finding.code, finding.line, finding.function) == (Code.TEST_FILE, 4, "f")
        assert "keeps its @cacheable; name its file" in finding.text
