"""The model of a run: logged as MLflow has it, loaded again, and the best of several found."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
import pytest

from afml_cache import TrackingError, get_mlflow_cache, mlflow_cached, setup_mlflow_cache
from tests.mlflow_tracking.trained import FEATURES, LABELS, train_model

pytest.importorskip("sklearn")
pytest.importorskip("mlflow")

PARAMS = {"n_estimators": 3, "max_depth": 2}


def test_a_model_is_logged_with_signature_example_and_requirements(runs, client):
    import mlflow

    train_model(FEATURES, LABELS, PARAMS)
    (run,) = runs()
    (output,) = run.outputs.model_outputs
    logged = client.get_logged_model(output.model_id)
    assert (logged.name, logged.status, logged.source_run_id) == (
        "model",
        "READY",
        run.info.run_id,
    )
    folder = Path(url2pathname(urlsplit(logged.artifact_location).path))
    model = mlflow.models.Model.load(str(folder))
    assert model.signature.inputs.input_names() == ["a", "b", "c"]
    pd.testing.assert_frame_equal(model.load_input_example(str(folder)), FEATURES[:5])
    wanted = (folder / "requirements.txt").read_text()
    assert "scikit-learn==" in wanted and "cloudpickle==" in wanted
    assert run.data.metrics["accuracy"] == pytest.approx(1.0, abs=0.2)


def test_a_model_comes_back_from_its_run(runs):
    model, _ = train_model(FEATURES, LABELS, PARAMS)
    (run,) = runs()
    loaded = get_mlflow_cache().load_model_from_run(run.info.run_id)
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))


def test_a_model_that_was_not_logged_comes_out_of_the_cache(runs):
    quiet = mlflow_cached(log_model=False)(train_model.__wrapped__)
    quiet(FEATURES, LABELS, PARAMS)
    (run,) = runs()
    assert not run.outputs or not run.outputs.model_outputs
    loaded = get_mlflow_cache().load_model_from_run(run.info.run_id)
    assert loaded.get_params()["n_estimators"] == 3


def test_a_run_without_a_model_says_so(runs):
    @mlflow_cached
    def score(x):
        return {"x": x}

    score(1)
    with pytest.raises(TrackingError, match=r"has no model \(it has: none\)"):
        get_mlflow_cache().load_model_from_run(runs()[0].info.run_id)
    with pytest.raises(TrackingError, match="has none such"):
        get_mlflow_cache().load_model_from_run("0" * 32)


def test_an_array_is_an_input_example_too(runs, client):
    import mlflow

    train_model(FEATURES.to_numpy(), LABELS.to_numpy(), PARAMS)
    (run,) = runs()
    logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    folder = url2pathname(urlsplit(logged.artifact_location).path)
    model = mlflow.models.Model.load(folder)
    assert model.signature.inputs.inputs[0].shape == (-1, 3)


def test_a_model_takes_what_its_signature_and_example_say_and_gives_what_it_says(runs, client):
    import mlflow
    from mlflow.types import DataType

    @mlflow_cached
    def regress(prices, target):
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit(prices, target)
        return {"model": model, "mean": float(target.mean())}

    prices = pd.DataFrame({"close": FEATURES["a"], "volume": range(len(FEATURES))})
    target = FEATURES["b"] * 2.0
    fitted = regress(prices, target)["model"]
    (run,) = runs()
    logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    folder = url2pathname(urlsplit(logged.artifact_location).path)
    model = mlflow.pyfunc.load_model(folder)
    signature = model.metadata.signature
    assert signature.inputs.input_types_dict() == {
        "close": DataType.double,
        "volume": DataType.long,
    }
    assert signature.outputs.inputs[0].type.kind == "f"
    example = model.metadata.load_input_example(folder)
    np.testing.assert_allclose(model.predict(example), fitted.predict(prices[:5]))
    np.testing.assert_allclose(model.predict(prices), fitted.predict(prices))
    with pytest.raises(mlflow.MlflowException, match="volume"):  # it is enforced
        model.predict(prices[["close"]])


def test_a_model_that_cannot_be_saved_is_left_out_and_the_run_says_why(runs):
    from sklearn.linear_model import LinearRegression

    class Odd(LinearRegression):
        def __reduce__(self):
            raise ValueError("not me")

    @mlflow_cached
    def fit(x):
        return Odd(), {"x": x}

    assert fit(1)[1] == {"x": 1}
    (run,) = runs()
    assert run.info.status == "FINISHED" and run.data.metrics["x"] == 1
    assert "model: ValueError: not me" in run.data.tags["afml.left_out"]


@mlflow_cached
def scored(x, name="a"):
    return {"score": x} if x is not None else {"other": 1.0}


def test_the_best_run_is_that_of_the_greatest_or_least_metric(client):
    cache = get_mlflow_cache()
    assert cache.get_best_run("score") is None  # there is no experiment yet
    for x in (1.0, 3.0, 2.0, float("nan"), None):
        scored(x)
    with pytest.raises(TypeError):
        scored("a" + 1)
    best, least = cache.get_best_run("score"), cache.get_best_run("score", maximize=False)
    assert (best.data.metrics["score"], least.data.metrics["score"]) == (3, 1)
    assert cache.get_best_run("nowhere") is None
    condition = "metrics.score < 3"
    assert cache.get_best_run("score", filter_string=condition).data.metrics["score"] == 2


def test_runs_are_compared_in_the_order_given(runs):
    for x, name in ((1.0, "a"), (2.0, "b")):
        scored(x, name)
    first, second = (run.info.run_id for run in runs())
    table = get_mlflow_cache().compare_runs([second, first], metrics=["score"])
    assert list(table.index) == [second, first]
    assert table["score"].tolist() == [2.0, 1.0]
    assert table["params.name"].tolist() == ["b", "a"]
    everything = get_mlflow_cache().compare_runs([first])
    assert "duration_seconds" in everything and not any("params." in c for c in everything)


def test_the_model_that_was_returned_comes_before_those_that_were_logged_on_the_way(runs, client):
    from mlflow.entities import LoggedModelOutput

    model, _ = train_model(FEATURES, LABELS, PARAMS)
    (run,) = runs()
    (ours,) = run.outputs.model_outputs
    other = ours
    while other.model_id >= ours.model_id:  # MLflow lists them by their ids
        made = client.create_logged_model(run.info.experiment_id, source_run_id=run.info.run_id)
        other = LoggedModelOutput(made.model_id, 0)
    client.log_outputs(run.info.run_id, [other])
    loaded = get_mlflow_cache().load_model_from_run(run.info.run_id)
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))


def test_log_models_false_holds_for_all(runs):
    setup_mlflow_cache("quiet", log_models=False)
    train_model(FEATURES, LABELS, PARAMS)
    (run,) = runs("quiet")
    assert not run.outputs or not run.outputs.model_outputs


def test_a_model_among_the_artefacts_of_an_old_run_is_loaded_too(client, tmp_path):
    import mlflow

    model, _ = train_model.__wrapped__(FEATURES, LABELS, PARAMS)
    saved = tmp_path / "saved"
    options = {"pip_requirements": ["scikit-learn"], "serialization_format": "cloudpickle"}
    mlflow.sklearn.save_model(model, str(saved), **options)
    old = client.create_run(client.create_experiment("old", (tmp_path / "art").as_uri()))
    client.log_artifacts(old.info.run_id, str(saved), "forest")
    loaded = get_mlflow_cache().load_model_from_run(old.info.run_id)
    np.testing.assert_array_equal(loaded.predict(FEATURES), model.predict(FEATURES))
    with pytest.raises(TrackingError, match="has no model 'other'"):
        get_mlflow_cache().load_model_from_run(old.info.run_id, "other")
