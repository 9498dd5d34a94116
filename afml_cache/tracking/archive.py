"""Runs of long ago: written into a folder, then deleted from MLflow."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache.backtests.run import safe_name
from afml_cache.errors import TrackingError
from afml_cache.tracking.client import is_gone, quiet, require
from afml_cache.tracking.outbox import SENT, Kept, Outbox
from afml_cache.tracking.reach import shown
from afml_cache.tracking.runs import asked, if_there

FOLDER = "mlflow-archive"
#: On a model: under which names it is registered.
_VERSIONS_TAG = "mlflow.modelVersions"


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that this cache has recorded, and that is over."""

    kept: Kept
    experiment: str
    name: str
    end: float  #: seconds since the epoch


@dataclass(frozen=True, slots=True)
class PassedOver:
    """An address that could not be asked for its runs."""

    uri: str  #: without its password
    runs: int  #: that this cache has recorded, and that may be old enough
    why: str


def old_runs(
    box: Outbox, before: float, experiment: str | None = None, uri: str | None = None
) -> tuple[list[OldRun], list[PassedOver]]:
    """The runs that this cache has recorded and that were over before a time.

    One address that is no more keeps no other from being asked.

    Parameters
    ----------
    box : Outbox
    before : float
        Seconds since the epoch.
    experiment : str, optional
        Only those of one experiment.
    uri : str, optional
        Only those at one address; its password may be left out.
    """
    found = []
    passed = []
    kept = [one for one in box.every(SENT) if one.run_id is not None and one.created < before]
    for place in sorted({one.uri for one in kept}):
        if uri is not None and shown(uri) != shown(place):
            continue
        ours = {one.run_id: one for one in kept if one.uri == place}
        try:
            several = asked(place, lambda client, ids=list(ours): _runs(client, ids))
        except TrackingError as error:
            passed.append(PassedOver(shown(place), len(ours), str(error)))
            continue
        for run, name in several:
            end = (run.info.end_time or 0) / 1000
            if not end or end >= before or experiment not in (None, name):
                continue
            found.append(OldRun(ours[run.info.run_id], name, run.info.run_name or "", end))
    return found, passed


def _runs(client: Any, ids: list[str]) -> list[tuple[Any, str]]:
    names: dict[str, str] = {}
    found = []
    for run_id in ids:
        run = if_there(client, run_id)
        if run is None:
            continue
        number = run.info.experiment_id
        if number not in names:
            names[number] = client.get_experiment(number).name
        found.append((run, names[number]))
    return found


def counted(runs: list[OldRun]) -> dict[str, int]:
    """Experiment -> how many of the runs are of it."""
    return dict(sorted(Counter(one.experiment for one in runs).items()))


@dataclass(frozen=True, slots=True)
class Archived:
    """What became of a run: where it lies, and which of its models are with MLflow still."""

    folder: Path
    registered: list[str]  #: names of models that somebody may be using by their registered name


def archive(box: Outbox, run: OldRun, folder: Path) -> Archived:
    """Write a run into a folder of its own, then delete it and its models from MLflow.

    MLflow only marks them as deleted: ``mlflow gc`` removes them for good, ``mlflow runs restore``
    brings the run back until then. Models that are registered stay.

    Raises
    ------
    TrackingError
        MLflow does not answer; the run is not deleted.
    OSError
        The folder cannot be written to; the run is not deleted.
    """
    run_id = str(run.kept.run_id)
    target = folder / safe_name(run.experiment) / run_id
    target.mkdir(parents=True, exist_ok=True)
    asked(run.kept.uri, lambda client: _export(client, run.kept.uri, run_id, target))
    if not (target / "run.json").stat().st_size:
        raise TrackingError(f"{target} is empty; the run {run_id} is not deleted")
    # First the models: of a run that is deleted nobody would find them.
    registered: list[str] = asked(run.kept.uri, lambda client: _delete_models(client, run_id))
    asked(run.kept.uri, lambda client: client.delete_run(run_id))
    box.archived(run.kept.record)
    return Archived(target, registered)


def _delete_models(client: Any, run_id: str) -> list[str]:
    """Delete the models of a run that are not registered; returns the names of the others."""
    registered = []
    for _, model in _models(client, client.get_run(run_id)):
        if model is None:
            continue
        if model.tags.get(_VERSIONS_TAG) or _is_registered(client, run_id, model.model_id):
            registered.append(str(model.name))
        else:
            client.delete_logged_model(model.model_id)
    return registered


def _is_registered(client: Any, run_id: str, model_id: str) -> bool:
    versions = client.search_model_versions(f"run_id = '{run_id}'")
    sources = [one.source or "" for one in versions]
    # A source that names no model may be any of the run's.
    return any(model_id in one or not one.startswith("models:/m-") for one in sources)


def _models(client: Any, run: Any) -> Iterator[tuple[str, Any]]:
    """The models of a run, by id; None for one that was deleted."""
    for output in getattr(run.outputs, "model_outputs", None) or []:
        try:
            yield output.model_id, client.get_logged_model(output.model_id)
        except Exception as error:
            if not is_gone(error):
                raise
            yield output.model_id, None


def _export(client: Any, uri: str, run_id: str, target: Path) -> None:
    mlflow = require()
    run = client.get_run(run_id)
    written = _models_written(target)  # of an archiving that was cut short
    models = []
    for model_id, model in _models(client, run):
        if model is None:
            models += [written[model_id]] if model_id in written else []
            continue
        models.append(model.to_dictionary())
        with quiet():
            mlflow.artifacts.download_artifacts(
                artifact_uri=model.artifact_location,
                tracking_uri=uri,
                dst_path=str(target / "models" / safe_name(model.name) / model_id),
            )
    for one in client.list_artifacts(run_id):
        (target / "artifacts").mkdir(exist_ok=True)
        client.download_artifacts(run_id, one.path, str(target / "artifacts"))
    history = {
        name: [
            (one.timestamp, one.step, one.value) for one in client.get_metric_history(run_id, name)
        ]
        for name in run.data.metrics
    }
    document = {
        "format": "afml-cache mlflow run",
        "version": 1,
        "tracking_uri": shown(uri),
        **run.to_dictionary(),
        "metric_history": history,
        "models": models,
    }
    draft = target / ".run.json.part"
    draft.write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
    draft.replace(target / "run.json")


def _models_written(target: Path) -> dict[str, Any]:
    path = target / "run.json"
    models = json.loads(path.read_text(encoding="utf-8"))["models"] if path.is_file() else []
    return {one["model_id"]: one for one in models}
