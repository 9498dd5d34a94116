"""Several migrations on top of each other, rolled back in order and out of order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.promises.test_codemods_rollback import ALL_OLD, NEW, OLD, decorators, edit, runs


@pytest.fixture
def twice(codemod: Any) -> Any:
    """``a.py`` was migrated; then ``late`` was added to it, and migrated, too."""
    codemod.write("a.py", OLD)
    codemod("apply", "--no-pin")
    edit(codemod, ("stats, robust", "stats, cacheable, robust"))
    codemod.write("a.py", codemod.read("a.py") + b"\n\n@cacheable\ndef late(x):\n    return x\n")
    codemod.write("b.py", OLD)
    codemod("apply", "--no-pin", "--to", "time_aware")
    assert len(ids(codemod)) == 2
    return codemod


def ids(codemod: Any) -> list[str]:
    """The migrations, the oldest first."""
    return sorted(
        path.parent.name for path in (codemod.folder / ".afml-codemod").glob("*/migration.json")
    )


def test_in_order(twice: Any) -> None:
    twice("rollback")
    text = twice.read("a.py").decode()
    assert (
        decorators(text)["late"] == "@cacheable"
        and decorators(text)["first"] == "@robust_cacheable"
    )
    assert twice.read("b.py").decode() == OLD
    twice("rollback")
    assert decorators(twice.read("a.py").decode()) == {**ALL_OLD, "late": "@cacheable"}
    runs(twice)


def test_out_of_order(twice: Any) -> None:
    first, second = ids(twice)
    twice("rollback", first, code=None)
    text = twice.read("a.py").decode()
    assert decorators(text) == {**ALL_OLD, "late": "@time_aware_cacheable"}
    assert decorators(twice.read("b.py").decode())["first"] == "@time_aware_cacheable"
    runs(twice)
    twice("rollback", second, code=None)
    assert decorators(twice.read("a.py").decode()) == {**ALL_OLD, "late": "@cacheable"}
    assert twice.read("b.py").decode() == OLD
    runs(twice)


def test_to_and_fro(codemod: Any) -> None:
    codemod.write("a.py", OLD)
    for _ in range(3):
        codemod("apply", "--no-pin")
        assert codemod.read("a.py").decode() == NEW
        codemod("rollback")
        assert codemod.read("a.py").decode() == OLD
    codemod("status")
