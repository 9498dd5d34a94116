"""No file takes long: what looks for names never tries the same thing twice.

A pattern that backtracks would take minutes or years here, so the limit says nothing about speed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from codemods.files import find
from codemods.plan import plan
from codemods.rules import Rules
from codemods.runner import survey

TAKER = "from afml.cache import cacheable\n@cacheable\ndef f(x): ...\n"
LONG = 20_000

pytestmark = pytest.mark.timeout(20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    [
        "# cacheable\nx = 1." + " " * 8 + "#" * LONG + "\n",
        "# cacheable\nx = 1.\n" + "#\n" * LONG,
        "# cacheable\nx = '" + "A" * 50 * LONG + "'\nf(x.cacheable)\n",
        "# cacheable\nx = '" + "A." * 50 * LONG + "!'\nf(x.cacheable)\n",
        "(\n# .cacheable\nx = " + "a." * LONG + "!\n",
        "# cacheable\nfrom " + " " * LONG + "x\nfrom ." + "." * LONG + "\n",
        "# cacheable\nfrom x import (" + "a, " * LONG + "\n",
        "# cacheable\nimport " + "x, " * LONG + "\n",
        "# cacheable\n" + "from x import " + "a \\\n" * LONG + "\n",
    ],
)
def test_awkward_file_beside_a_migrated_one(tmp_path: Path, other: str) -> None:
    (tmp_path / "a.py").write_text(TAKER)
    (tmp_path / "b.py").write_text(other)
    found = survey(find([tmp_path]), Rules(), jobs=1)
    assert "a.py" in {entry.path for entry in found.changes}


@pytest.mark.parametrize(
    "listed",
    [
        "(cacheable, x " + "#" * LONG + "\n)",
        "(cacheable, # " + "#" * LONG + "\n x)",
        "(cacheable,\n" + "# x\n" * LONG + ")",
        "(cacheable, x as " + "\\\n" * 500 + " y)",
    ],
)
def test_awkward_list_of_names(listed: str) -> None:
    code = f"from afml.cache import {listed}\n@cacheable\ndef f(x): ...\n".encode()
    assert plan(code).edits
