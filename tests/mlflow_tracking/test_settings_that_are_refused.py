"""What MLflow would refuse with every run is refused, or put right, where it is given."""

from __future__ import annotations

import pytest

from afml_cache import ConfigurationError, mlflow_cached, setup_mlflow_cache
from afml_cache.tracking import place

pytest.importorskip("mlflow")


@pytest.mark.parametrize(
    "option",
    [
        {"tags": ["a"]},
        {"tags": "a"},
        {"artifact_location": 3},
        {"log_models": "no"},
        {"patience": True},
    ],
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(option):
    (name,) = option
    with pytest.raises(ConfigurationError, match=f"{name} is "):
        setup_mlflow_cache("x", **option)
    assert place.configured == place.Configured()


@pytest.mark.parametrize("option", [{"experiment": 5}, {"experiment": " "}, {"run_name": 5}])
def test_so_it_is_where_a_function_is_decorated(option):
    (name,) = option
    with pytest.raises(ConfigurationError, match=f"{name} is "):
        mlflow_cached(**option)


def test_tags_of_all_runs_have_names_and_lengths_that_mlflow_takes(runs):
    setup_mlflow_cache("afml-cache", tags={"team?": "a", "note": "y" * 9000, "count": 3})

    @mlflow_cached
    def scored(x):
        return {"score": x}

    scored(1)
    (run,) = runs()
    tags = run.data.tags
    assert [one for name, one in tags.items() if name.startswith("team_-")] == ["a"]
    assert len(tags["note"]) <= 5000 and tags["count"] == "3"
