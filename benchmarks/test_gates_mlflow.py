"""Gates of tracking: a hit that is tracked, and a computation against plain calls of MLflow.

The limits are in pyproject.toml.
"""

from __future__ import annotations

import itertools
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache import get_mlflow_cache, mlflow_cached, robust_cacheable, use_store
from pytest_afml import AfmlGate

CALLS = [(x, y) for x in range(20) for y in ("a", "b")]


@pytest.fixture(autouse=True)
def _mlflow_talks() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        yield
        logging.disable(logging.NOTSET)


def add(x: int, y: str) -> dict[str, int]:
    return {"sum": x + len(y)}


def test_a_hit_that_is_tracked(afml_gate: AfmlGate, tmp_path: Path) -> None:
    with use_store(tmp_path):
        tracked, plain = mlflow_cached(log_model=False)(add), robust_cacheable(add)
        for call in CALLS[:1]:
            tracked(*call)
        # The entries are the same: both functions bear one name.
        for call in CALLS:
            plain(*call)
        afml_gate(
            "hit that is tracked, against one that is not",
            candidate=lambda: [tracked(x, y) for x, y in CALLS],
            baseline=lambda: [plain(x, y) for x, y in CALLS],
        )
        assert tracked.cache_info().computed == len(CALLS)


FEATURES = pd.DataFrame(np.random.default_rng(0).random((5_000, 8)), columns=list("abcdefgh"))
LABELS = (FEATURES["a"] + FEATURES["b"] > 1).rename("label")


def fit(features: Any, labels: Any, params: dict[str, Any]) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(**params, n_estimators=10).fit(features, labels)
    return model, {"accuracy": model.score(features, labels)}


def test_a_computation_that_is_tracked(
    afml_gate: AfmlGate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sklearn")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    seeds = itertools.count()
    with use_store(tmp_path):
        cached = mlflow_cached(fit)
        cached(FEATURES, LABELS, {"random_state": next(seeds)})
        uri = get_mlflow_cache().tracking_uri
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name("afml-cache").experiment_id

        def by_hand() -> Any:
            params = {"random_state": next(seeds)}
            with mlflow.start_run(experiment_id=experiment):
                model, metrics = fit(FEATURES, LABELS, params)
                mlflow.log_params(params)
                mlflow.log_metrics(metrics)
                mlflow.set_tags({"function": "fit", "code": "x", "key": "y"})
                mlflow.log_input(mlflow.data.from_pandas(FEATURES, name="features"))
                mlflow.log_input(mlflow.data.from_pandas(LABELS.to_frame(), name="labels"))
                head = FEATURES.head()
                mlflow.sklearn.log_model(
                    model,
                    name="model",
                    signature=mlflow.models.infer_signature(head, model.predict(head)),
                    input_example=head,
                    pip_requirements=["scikit-learn", "numpy", "pandas", "cloudpickle"],
                    serialization_format="cloudpickle",
                )
            return model, metrics

        mlflow.set_tracking_uri(uri)  # so both arms have the run open while they fit
        try:
            afml_gate(
                "computation that is tracked, against plain MLflow",
                candidate=lambda: cached(FEATURES, LABELS, {"random_state": next(seeds)}),
                baseline=by_hand,
                same=lambda ours, theirs: ours[1].keys() == theirs[1].keys(),
            )
        finally:
            mlflow.set_tracking_uri(None)
        made = client.search_runs([experiment], max_results=5_000)
        assert len(made) >= next(seeds)  # every one of them
