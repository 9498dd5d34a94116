"""Files as they were when a migration was applied: what counts as an edit since."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from afml_cache.adoption import snapshots
from afml_cache.adoption.records import Records
from afml_cache.store.store import Store

THEN = """
import numpy as np
from afml.cache import cacheable, clear_afml_cache
from afml.cache import robust_cacheable


@cacheable
def returns(prices):
    return np.diff(prices)


@robust_cacheable
def ranks(prices):
    return sorted(prices)
"""

Edited = Callable[[str], list[str]]


@pytest.fixture
def edited(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edited:
    """What is told of a file that is another text now."""
    file = tmp_path / "desk.py"
    file.write_text(THEN)
    module = ModuleType("desk")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "desk", module)
    records = Records(store)
    snapshots.take(records, [file])
    exec("def f(): ...", module.__dict__)
    taken = snapshots.snapshot_of(records, module.f, 0.0)
    assert taken is not None

    def told(now: str) -> list[str]:
        file.write_text(now)
        return taken.edited(["desk"])

    return told


def test_the_next_step_of_a_migration_is_no_edit(edited: Edited) -> None:
    now = THEN.replace("cacheable, clear_afml_cache", "clear_afml_cache")
    assert edited(now.replace("@cacheable", "@robust_cacheable")) == []


def test_an_import_that_is_gone_with_its_last_name_is_no_edit(edited: Edited) -> None:
    assert edited(THEN.replace("from afml.cache import robust_cacheable\n", "")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import numpy as np", "import fast_numpy as np"),
        ("cacheable, clear_afml_cache", "cacheable, configure"),
        ("sorted(prices)", "sorted(prices)[::-1]"),
    ],
)
def test_anything_else_is(edited: Edited, old: str, new: str) -> None:
    assert edited(THEN.replace(old, new)) == ["desk.py"]
