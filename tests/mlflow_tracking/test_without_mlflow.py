"""Without MLflow everything imports and caches, and one warning says that nothing is tracked."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from afml_cache import (
    MLFLOW_AVAILABLE,
    CacheWarning,
    TrackingError,
    get_mlflow_cache,
    mlflow_cached,
    setup_mlflow_cache,
    setup_production_cache,
)

pytestmark = pytest.mark.skipif(
    find_spec("mlflow") is not None, reason="MLflow is installed; CI runs these without it"
)


@mlflow_cached(tags={"version": "v1"})
def train(x):
    return "model", {"accuracy": x}


def test_a_tracked_function_caches_and_says_once_that_it_does_not_track():
    assert MLFLOW_AVAILABLE is False
    with pytest.warns(CacheWarning, match="MLflow is not available - install with") as told:
        assert train(0.5) == train(0.5) == ("model", {"accuracy": 0.5})
        train(0.6)
    assert len(told) == 1 and told[0].filename == __file__
    assert (train.cache_info().hits, train.cache_info().computed) == (1, 2)
    assert train.run_for(0.5) is None


def test_setting_it_up_says_so_and_goes_on():
    with pytest.warns(CacheWarning, match="MLflow is not available"):
        setup_mlflow_cache("mine")
    components = setup_production_cache(enable_mlflow=True)
    assert components["mlflow_cache"].experiment_name == "afml-cache"


def test_a_block_caches_its_results():
    cache = get_mlflow_cache()
    told = pytest.warns(CacheWarning, match="MLflow is not available")
    with told, cache.experiment_run("tune") as run:
        run.cache_result("k", {"a": 1})
    with cache.experiment_run("tune") as run:
        assert run.get_cached("k") == {"a": 1}


def test_what_asks_mlflow_says_what_to_install():
    with pytest.raises(TrackingError, match=r"pip install 'afml-cache\[mlflow\]'"):
        get_mlflow_cache().get_best_run("accuracy")
