"""A result with more figures than a run takes says the first, and how many there are beside."""

from __future__ import annotations

import pandas as pd
import pytest

from afml_cache import get_mlflow_cache, mlflow_cached

pytest.importorskip("mlflow")


@mlflow_cached
def per_asset(count):
    """Figures and words of so many assets, and a table that comes after them."""
    figures = {f"sharpe.{n}": float(n) for n in range(count)}
    words = {f"side.{n}": "long" for n in range(3)}
    return {**figures, **words, "weights": pd.DataFrame({"a": [1.0]})}


def test_as_many_as_there_is_room_for_are_logged_and_the_rest_is_counted(runs, client):
    per_asset(1200)
    (run,) = runs()
    logged = [name for name in run.data.metrics if name.startswith("sharpe")]
    assert len(logged) == 1000 and run.data.metrics["sharpe.999"] == 999
    assert run.data.tags["afml.left_out"] == (
        "metrics: 200 beyond the first 1,000, which the cache has; "
        "words: 3 beyond the first 1,000, which the cache has"
    )
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["weights.parquet"]


def test_nothing_is_left_out_of_as_many_as_there_is_room_for(runs):
    per_asset(997)
    (run,) = runs()
    assert len([name for name in run.data.metrics if name.startswith("sharpe")]) == 997
    assert "afml.left_out" not in run.data.tags


def test_so_it_is_in_a_block(runs):
    with get_mlflow_cache().experiment_run("many") as block:
        block.cache_result("a", {f"m{n}": n for n in range(1001)})
    (run,) = runs()
    assert len(run.data.metrics) == 1001  # the duration is one
    assert run.data.tags["afml.left_out"].startswith("metrics: 1 beyond the first 1,000")
