"""The example has two traps, and the migration finds both, puts just these back, and says why."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.whole]

EXAMPLE = Path(__file__).parents[2] / "examples" / "legacy_quant"


def test_both_traps_are_found_and_the_other_functions_kept(repository: Any) -> None:
    for package in ("sklearn", "backtesting", "arch"):
        pytest.importorskip(package)
    made = repository()
    shutil.rmtree(made.path)
    shutil.copytree(EXAMPLE, made.path, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Everything as it was")
    done = made.migrate()
    assert done.returncode == 1, done.stdout + done.stderr
    back = {name for name, what in made.became().items() if what == "rolled back"}
    assert back == {"noise_threshold", "standardised"}
    assert sum(what == "migrated" for what in made.became().values()) == 15
    assert "bodies give what is stored: legacy_quant.screening.noise_threshold(" in made.why(
        "noise_threshold"
    )
    assert "it changes its argument 'features' while it runs" in made.why("standardised")
    text = (made.path / "legacy_quant" / "screening.py").read_bytes()
    assert text == (EXAMPLE / "legacy_quant" / "screening.py").read_bytes()
