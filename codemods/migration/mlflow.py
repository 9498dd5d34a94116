"""Whether what the repository uses of MLflow works: tried, in a process and a folder of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from codemods.migration.judge import Criterion, Fault, Name, criterion

#: Trains nothing, twice: one run is to be recorded, and the second call is to be a hit.
_TRIAL = """
import json, sys
from afml_cache import mlflow_cached, setup_mlflow_cache
import mlflow

mlflow.set_tracking_uri(sys.argv[1])
setup_mlflow_cache("afml-codemod migrate")
ran = []

@mlflow_cached
def train(number):
    ran.append(number)
    return number, {"score": 0.5}

first, second = train(1), train(1)
assert list(first) == list(second) and len(ran) == 1, "the second call was no hit"
assert len(mlflow.search_runs(search_all_experiments=True)) >= 1, "no run was recorded"
"""


def works() -> Criterion:
    """Try it."""
    with tempfile.TemporaryDirectory(prefix="afml-mlflow-") as folder:
        trial = Path(folder, "trial.py")
        trial.write_text(_TRIAL)
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(trial), f"sqlite:///{folder}/runs.db"],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return criterion(Name.MLFLOW, "a run was recorded, its second call a hit", [])
    said = done.stderr.strip().splitlines()
    why = said[-1] if said else f"exit code {done.returncode}"
    remedy = "pip install 'afml-cache[mlflow]'"
    return criterion(
        Name.MLFLOW, "a trial run failed", [Fault(f"a trial run failed: {why} ({remedy})")]
    )


def _environment(folder: str) -> dict[str, str]:
    import os

    return {**os.environ, "AFML_CACHE": f"{folder}/cache", "PYTHONDONTWRITEBYTECODE": "1"}
