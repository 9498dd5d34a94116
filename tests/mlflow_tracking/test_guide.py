"""The migration guide's Phase 3, Pattern 4 and Issue 2, as written."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.mlflow_tracking.trained import FEATURES, LABELS

SNIPPETS = Path(__file__).parents[1] / "guide" / "snippets"

pytest.importorskip("mlflow")


@pytest.fixture
def program(tmp_path):
    """A snippet as a module, after what it takes for granted."""
    loaded = []

    def load(name, before="", after_mark=""):
        text = (SNIPPETS / name).read_text("utf-8")
        text = text.partition(after_mark)[2] if after_mark else text
        path = tmp_path / name
        path.write_text(before + text, "utf-8")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        loaded.append(path.stem)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]


def test_phase_3_tracks_and_caches_new_functions(program, runs):
    before = "model, metrics = 'model', {'accuracy': 0.5}\n"
    module = program("phase_3_mlflow.py", before)
    for _ in range(2):
        assert module.train_new_model([1], {"a": 1}) == ("model", {"accuracy": 0.5})
    (run,) = runs("my_new_project")
    assert run.data.tags["version"] == "v1" and run.data.metrics["accuracy"] == 0.5


def test_pattern_4_logs_model_and_metrics(program, runs):
    pytest.importorskip("sklearn")
    before = (
        "from sklearn.ensemble import RandomForestClassifier as RandomForest\n"
        "from afml.cache import mlflow_cached\n"
    )
    module = program("pattern_4_training.py", before, "# AFTER (tracked + cached)\n")
    for _ in range(2):
        model, metrics = module.train_model(FEATURES, LABELS, {"n_estimators": 3})
    (run,) = runs()
    assert run.data.tags["model"] == "rf"
    assert run.data.metrics["accuracy"] == metrics["accuracy"] == model.score(FEATURES, LABELS)
    assert len(run.outputs.model_outputs) == 1


def test_issue_2_asks_whether_mlflow_is_there(program, capsys):
    program("issue_2_without_mlflow.py", "from afml.cache import setup_mlflow_cache\n")
    assert capsys.readouterr().out == ""
