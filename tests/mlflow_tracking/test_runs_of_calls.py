"""Every computed call is one run, which says all of it; every hit is none."""

from __future__ import annotations

import datetime
import decimal
import json
import subprocess
import warnings
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from afml_cache import content_key, get_mlflow_cache, mlflow_cached, setup_mlflow_cache

FRAME = pd.DataFrame(
    {"a": [1.0, 2.0, 3.0], "b": [1, 2, 3]}, index=pd.date_range("2024-01-01", periods=3)
)


@mlflow_cached
def metrics_of(data, params, fee=0.1):
    return {"mean": np.float32(data["a"].mean()), "rows": np.int64(len(data)), **params}


def test_a_computed_call_is_one_run_and_hits_are_none(runs):
    for _ in range(3):
        metrics_of(FRAME, {"window": 2})
    metrics_of(FRAME.copy(), {"window": 2}, fee=0.1)
    assert len(runs()) == 1
    metrics_of(FRAME, {"window": 3})
    assert [run.info.status for run in runs()] == ["FINISHED", "FINISHED"]


def test_parameters_are_bound_with_their_defaults_and_dicts_are_taken_apart(runs):
    metrics_of(FRAME, params={"window": 2, "risk": {"stop": 0.5, "side": "long"}})
    (run,) = runs()
    assert run.data.params == {
        "window": "2",
        "risk.stop": "0.5",
        "risk.side": "long",
        "fee": "0.1",
        "result.risk.side": "long",  # of the result, which has it, too
    }


def test_data_are_inputs_with_the_digest_that_the_cache_goes_by(runs):
    metrics_of(FRAME, {})
    (run,) = runs()
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "data"
    assert given.dataset.digest == content_key(FRAME)
    profile = json.loads(given.dataset.profile)
    assert profile["shape"] == [3, 2] and profile["last"] == "2024-01-03 00:00:00"
    assert [one["type"] for one in json.loads(given.dataset.schema)["mlflow_colspec"]] == [
        "double",
        "long",
    ]


@pytest.mark.parametrize(
    "data",
    [FRAME["a"], FRAME.index, FRAME.to_numpy(), FRAME.iloc[::2], {"a": FRAME, "b": FRAME["b"]}],
    ids=["a series", "an index", "an array", "every other row", "several"],
)
def test_the_digest_of_an_input_is_that_of_the_argument_in_the_key(data, runs):
    @mlflow_cached
    def size(prices):
        return {"size": len(prices)}

    size(data)
    (run,) = runs()
    (given,) = run.inputs.dataset_inputs
    key = size._key_of({"prices": data})
    assert key.digest.hex() == run.data.tags["afml.key"]
    assert given.dataset.digest == key.arguments["prices"].hex() == content_key(data)


def test_tags_say_whose_run_it_is_and_of_which_code(runs):
    @mlflow_cached(tags={"model": "rf", "version": 1})
    def named(x):
        return {"x": x}

    named(1)
    (run,) = runs()
    tags = run.data.tags
    assert (tags["model"], tags["version"]) == ("rf", "1")
    assert tags["afml.function"] == named.identity
    assert tags["afml.code"] == named.fingerprint().code.hex()
    assert tags["afml.key"] == named.cache_key(1)
    here = Path(__file__).parent
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True)
    if head.returncode == 0:
        assert tags["mlflow.source.git.commit"] == head.stdout.strip()


def test_run_for_gives_the_run_of_a_call(runs):
    metrics_of(FRAME, {"window": 2})
    metrics_of(FRAME, {"window": 3})
    first, second = runs()
    assert metrics_of.run_for(FRAME, {"window": 2}).info.run_id == first.info.run_id
    assert metrics_of.run_for(FRAME, {"window": 3}, 0.1).info.run_id == second.info.run_id
    assert metrics_of.run_for(FRAME, {"window": 4}) is None


def test_a_method_has_its_run_too(runs):
    class Strategy:
        def __init__(self, window):
            self.window = window

        @mlflow_cached
        def fit(self, x):
            return {"score": self.window * x}

    one = Strategy(2)
    assert one.fit(3) == {"score": 6}
    (run,) = runs()
    assert one.fit.run_for(3).info.run_id == run.info.run_id
    assert Strategy(3).fit.run_for(3) is None


def test_metrics_are_numbers_of_every_kind_and_the_rest_is_said_in_words(runs):
    @mlflow_cached
    def many():
        return {
            "numpy": np.float64(0.5),
            "integer": np.int8(3),
            "flag": np.bool_(True),
            "cell": np.array(2.5),
            "decimal": decimal.Decimal("1.5"),
            "huge": 10**400,
            "nan": float("nan"),
            "by": {"class": {"a": 1.0}},
            "return [%]": 4.0,
            "kind": "rf",
            "when": datetime.date(2024, 1, 2),
            "nothing": None,
        }

    many()
    (run,) = runs()
    metrics = run.data.metrics
    assert metrics["numpy"] == 0.5 and metrics["integer"] == 3 and metrics["flag"] == 1
    assert metrics["cell"] == 2.5 and metrics["decimal"] == 1.5 and metrics["huge"] > 1e300
    assert np.isnan(metrics["nan"]) and metrics["by.class.a"] == 1
    assert metrics["return pct"] == 4
    assert run.data.params == {
        "result.kind": "rf",
        "result.when": "2024-01-02",
        "result.nothing": "None",
    }
    assert not any("kind" in tag for tag in run.data.tags)
    assert metrics["duration_seconds"] >= 0


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (0.25, {"result": 0.25}),
        ((None, {"accuracy": 0.5}), {"accuracy": 0.5}),
        (({"fold": 1}, {"accuracy": 0.5}), {"0.fold": 1, "accuracy": 0.5}),
        (namedtuple("Fit", "curve scores")({"x": 1}, {"y": 2}), {"curve.x": 1, "y": 2}),
        ((None, pd.Series({"sharpe": 1.5})), {"sharpe": 1.5}),
        ((None, 0.93), {"result": 0.93}),
        ((None, np.float32(0.5), "good"), {"result": 0.5}),
        ((1.5, 2.5), {"result.0": 1.5, "result.1": 2.5}),
        ([1, 2], {"result.0": 1, "result.1": 2}),
        (({"result": 1.0}, 2.0), {"result": 1, "result 2": 2}),
        (namedtuple("Scored", "curve loss kind")(None, 0.5, "rf"), {"loss": 0.5}),
        ("text", {}),
    ],
    ids=[
        *("a number", "last of a tuple", "two dicts", "a named tuple", "a series"),
        *("a model and a number", "a number and a word", "two numbers", "a list", "a taken name"),
        *("a number in a named tuple", "a text"),
    ],
)
def test_metrics_are_found_in(result, expected, runs):
    @mlflow_cached(version=repr(result))
    def give():
        return result

    give()
    (run,) = runs()
    assert {k: v for k, v in run.data.metrics.items() if k != "duration_seconds"} == expected


def test_words_are_parameters_beside_those_of_the_call(runs):
    @mlflow_cached
    def label(kind, result):
        return None, {"kind": "boosted", "seen": {"kind": "deep"}}, "good"

    label("rf", {"kind": "odd", "seen.kind": "flat"})
    (run,) = runs()
    params = dict(run.data.params)
    assert params.pop("kind") == "rf"
    assert params.pop("result.kind") == "boosted"
    assert params.pop("result.seen.kind") == "deep"
    # The argument called result has its name; what the call returned has another.
    assert params.pop("result").startswith("{'kind'")
    ((name, text),) = params.items()
    assert name.startswith("result-") and text == "good"


def test_a_long_list_of_numbers_of_any_kind_is_one_of_floating_ones(runs, client):
    @mlflow_cached
    def train():
        return {"fees": [decimal.Decimal(n) / 4 for n in range(100)]}

    train()
    (run,) = runs()
    path = client.download_artifacts(run.info.run_id, "fees.npy")
    assert np.load(path).tolist() == [n / 4 for n in range(100)]


@pytest.mark.parametrize("within", [lambda x: x, lambda x: {"losses": x}], ids=["alone", "named"])
def test_a_long_list_of_numbers_is_an_artefact(within, runs, client):
    losses = [float(n) for n in range(300)]

    @mlflow_cached(version=within(0) == 0)
    def train():
        return within(losses)

    train()
    (run,) = runs()
    (one,) = client.list_artifacts(run.info.run_id)
    assert one.path == ("result.npy" if within(0) == 0 else "losses.npy")
    assert np.load(client.download_artifacts(run.info.run_id, one.path)).tolist() == losses
    assert list(run.data.metrics) == ["duration_seconds"]


def test_a_dict_with_numbers_among_its_names_is_taken_apart(runs):
    @mlflow_cached
    def given(params):
        return {"x": 1}

    given({"depth": 8, 1: 2, "by": {"a": 1, 2: "b"}, "by_day": {20240101: 1}})
    (run,) = runs()
    assert run.data.params == {
        "depth": "8",
        "1": "2",
        "by.a": "1",
        "by.2": "b",
        "by_day": run.data.params["by_day"],
    }
    assert "20240101" in run.data.params["by_day"]
    given({"depth": 8, 1: 2, "1": 3})  # which is which cannot be told by name
    assert set(runs()[1].data.params) == {"params"}


def test_frames_arrays_and_figures_beside_the_metrics_are_artefacts(runs, client):
    matplotlib = pytest.importorskip("matplotlib.figure")
    figure = matplotlib.Figure()
    figure.subplots().plot([1, 2])
    equity = FRAME["a"].rename("equity")

    @mlflow_cached
    def report():
        return {"score": 1.0, "figure": figure, "trades": FRAME, "equity": equity, "w": np.eye(2)}

    report()
    (run,) = runs()
    names = sorted(one.path for one in client.list_artifacts(run.info.run_id))
    table = ".parquet"
    assert names == [f"equity{table}", "figure.png", f"trades{table}", "w.npy"]
    path = client.download_artifacts(run.info.run_id, "trades.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(path), FRAME, check_freq=False)
    assert run.data.metrics["score"] == 1


def test_two_functions_of_one_name_and_a_changed_helper_are_different_runs(runs):
    def make(text):
        space = {"__name__": "research", "mlflow_cached": mlflow_cached}
        exec(text, space)
        return space["f"]

    one = make("def h(): return 1\n@mlflow_cached(version=1)\ndef f(x): return {'y': h() + x}")
    two = make("def h(): return 2\n@mlflow_cached(version=2)\ndef f(x): return {'y': h() + x}")
    assert (one(1), two(1)) == ({"y": 2}, {"y": 3})
    assert len(runs()) == 2
    assert len({run.data.tags["afml.key"] for run in runs()}) == 2


def test_two_frames_of_one_shape_are_different_runs(runs):
    metrics_of(FRAME, {})
    metrics_of(FRAME + 1, {})
    digests = {run.inputs.dataset_inputs[0].dataset.digest for run in runs()}
    assert digests == {content_key(FRAME), content_key(FRAME + 1)}


async def _score(x):
    return {"score": x}


def test_an_async_function_is_tracked(runs):
    import asyncio

    score = mlflow_cached(_score)
    assert asyncio.run(score(2)) == {"score": 2}
    assert asyncio.run(score(2)) == {"score": 2}
    assert score.run_for(2) is not None  # waits for it, as the event loop does not
    (run,) = runs()
    assert run.data.metrics["score"] == 2


def test_setup_names_experiment_database_and_tags(tmp_path, runs, template):
    import shutil

    import mlflow

    shutil.copyfile(template, tmp_path / "other.db")
    cache = setup_mlflow_cache("mine", tmp_path / "other.db", tags={"team": "a"})
    assert cache.experiment_name == "mine"
    metrics_of(FRAME, {})
    assert runs() == []
    other = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'other.db'}")
    experiment = other.get_experiment_by_name("mine")
    (run,) = other.search_runs([experiment.experiment_id])
    assert run.data.tags["team"] == "a"
    assert experiment.artifact_location.startswith((tmp_path / "mlflow-artifacts").as_uri())
    assert get_mlflow_cache().run_for_key(run.data.tags["afml.key"]).info.run_id == run.info.run_id


def test_what_the_program_has_told_mlflow_is_respected(tmp_path, runs, template, monkeypatch):
    import shutil

    import mlflow

    shutil.copyfile(template, tmp_path / "users.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'users.db'}")
    assert get_mlflow_cache().tracking_uri == f"sqlite:///{tmp_path / 'users.db'}"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    metrics_of(FRAME, {})
    assert runs() == []
    client = mlflow.MlflowClient()
    assert len(client.search_runs([client.get_experiment_by_name("theirs").experiment_id])) == 1


def test_nothing_of_mlflows_own_state_changes(runs):
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.is_tracking_uri_set()
    setup_mlflow_cache("mine")
    metrics_of(FRAME, {})
    assert (mlflow.get_tracking_uri(), mlflow.is_tracking_uri_set()) == before
    assert mlflow.active_run() is None


def test_warnings_that_are_errors_cost_no_run(runs):
    with warnings.catch_warnings(action="error"):
        metrics_of(FRAME, {"window": 5})
    assert len(runs()) == 1


def test_texts_longer_than_mlflow_takes_are_cut_and_say_so(runs, client):
    @mlflow_cached(tags={"note": "n" * 20_000})
    def long(text, name="\0"):
        return {"word": text}

    long("x" * 20_000)
    (run,) = runs()
    word = client.download_artifacts(run.info.run_id, "word.txt")
    assert Path(word).read_text() == "x" * 20_000
    assert len(run.data.params["text"]) == 6000 and "20,000 characters" in run.data.params["text"]
    assert run.data.params["name"] == "\\x00"
    assert len(run.data.tags["note"]) <= 5000


def test_the_experiment_that_the_program_has_set_is_taken_in_its_own_store_only(runs, client):
    import mlflow

    mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri)
    mlflow.set_experiment(experiment_id=client.create_experiment("theirs"))
    metrics_of(FRAME, {})
    assert len(runs("theirs")) == 1
    mlflow.set_tracking_uri(None)  # the number now means nothing
    metrics_of(FRAME, {"window": 9})
    assert len(runs("theirs")) == 1 and len(runs("afml-cache")) == 1


def test_several_frames_in_one_argument_are_one_dataset(runs):
    metrics_of({"a": FRAME["a"], "b": FRAME["b"]}, {})
    (run,) = runs()
    (given,) = run.inputs.dataset_inputs
    assert json.loads(given.dataset.profile)["kind"] == "2 x Series"


def test_a_run_that_the_program_opens_in_our_store_drops_nothing_here(store):
    import mlflow

    metrics_of(FRAME, {})  # makes the store
    mlflow.set_tracking_uri(get_mlflow_cache().tracking_uri)
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "note.txt")
        metrics_of(FRAME, {"window": 3})
    client = mlflow.MlflowClient()
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["note.txt"]
    folder = store.directory / "records" / "mlflow-artifacts" / "Default"
    assert (folder / run.info.run_id / "artifacts" / "note.txt").is_file()


def test_the_page_of_an_experiment_that_we_make_shows_its_runs(client):
    scored = mlflow_cached(lambda x: {"score": x})
    scored(1)
    tags = client.get_experiment_by_name("afml-cache").tags
    assert tags["mlflow.experimentKind"] == "custom_model_development"
