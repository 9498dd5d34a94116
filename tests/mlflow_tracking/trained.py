"""Functions that fit models, for the tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from afml_cache import mlflow_cached

FEATURES = pd.DataFrame(np.random.default_rng(0).random((60, 3)), columns=["a", "b", "c"])
LABELS = (FEATURES["a"] > 0.5).rename("label")


@mlflow_cached(tags={"model": "rf"})
def train_model(features, labels, params):
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(**params, random_state=0)
    model.fit(features, labels)
    return model, {"accuracy": model.score(features, labels)}
