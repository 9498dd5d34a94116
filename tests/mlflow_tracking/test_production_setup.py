"""The guide's fresh start: one call sets up limits and tracking."""

from __future__ import annotations

import pytest

from afml_cache import ConfigurationError, mlflow_cached, setup_production_cache
from afml_cache.store.active import active

pytest.importorskip("mlflow")


@mlflow_cached
def scored(x):
    return {"score": x}


def test_the_guides_fresh_start(runs):
    components = setup_production_cache(
        enable_mlflow=True,
        mlflow_experiment="my_project",
        max_cache_size_mb=2000,
    )
    assert components["core_cache"].size_limit == 2_000_000_000
    assert components["mlflow_cache"].experiment_name == "my_project"
    scored(1)
    assert len(runs("my_project")) == 1


def test_a_wrong_address_changes_nothing(tmp_path):
    before = active().size_limit
    with pytest.raises(ConfigurationError, match=r"tracking_uri is '\./mlruns'"):
        setup_production_cache(enable_mlflow=True, mlflow_tracking_uri="./mlruns")
    assert active().size_limit == before
