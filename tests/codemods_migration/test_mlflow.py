"""Where a repository uses MLflow, whether that works is a criterion as the others are."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from tests.codemods_migration.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.whole,
    pytest.mark.timeout(900),  # MLflow takes long to begin, and begins with every trial
    pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed"),
]

TRAINING = """
from afml_cache import mlflow_cached


@mlflow_cached(tags={"model": "mean"})
def train(prices):
    return sum(prices) / len(prices), {"score": 0.5}
"""
PINNED = """

@cacheable
def pinned(prices):
    return max(prices)
"""
CALLS = """

def test_pinned():
    assert quant.pinned(PRICES) == 103.0
"""
#: Python runs it whenever it starts: it takes away what MLflow's trial needs.
BREAKS = """
import sys
from pathlib import Path

if {when}:
    sys.modules["sqlalchemy"] = None
"""


@pytest.fixture
def made(repository: Any) -> Any:
    """A repository that trains with MLflow, and is found by every Python that is started."""
    made = repository(PINNED, CALLS, more={"training.py": TRAINING})
    made.patience = 600
    made.more = {
        "PYTHONPATH": f"{made.path}:{ROOT}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{made.path.parent / 'the-desk.db'}",
    }
    return made


def commit(made: Any, name: str, text: str) -> None:
    (made.path / name).write_text(text)
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "More")


def test_it_holds_where_a_trial_run_is_recorded_and_the_desks_runs_are_left_alone(
    made: Any,
) -> None:
    done = made.migrate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.holds()["MLflow works"] == "holds"
    (told,) = [one for one in made.report()["criteria"] if one["name"] == "MLflow works"]
    assert told["measured"] == "a run was recorded, its second call a hit"
    assert not (made.path.parent / "the-desk.db").exists(), "no trial is recorded among its runs"
    assert made.changes() == " M quant.py\n"


def test_what_breaks_it_goes_back_alone(made: Any) -> None:
    when = 'b"@robust_cacheable\\ndef pinned" in Path({path!r}).read_bytes()'
    when = when.format(path=str(made.path / "quant.py"))
    commit(made, "sitecustomize.py", BREAKS.format(when=when))
    done = made.migrate()
    assert done.returncode == 1, done.stdout + done.stderr
    assert made.became() == {"pinned": "rolled back", "returns": "migrated", "ranks": "migrated"}
    assert "MLflow works: a trial run failed: " in made.why("pinned")
    assert made.holds()["MLflow works"] == "holds"


def test_where_it_is_broken_already_nothing_begins(made: Any) -> None:
    commit(made, "sitecustomize.py", BREAKS.format(when="True"))
    done = made.migrate()
    assert done.returncode == 3, done.stdout + done.stderr
    assert "uses MLflow, and before any change a trial run failed: " in done.stderr
    assert "pip install 'afml-cache[mlflow]'" in done.stderr
    assert made.changes() == ""
