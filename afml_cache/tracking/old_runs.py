"""Runs in a folder ``mlruns``, as MLflow kept them before 3.13 and refuses to read now.

Its files are read as they are, and its runs put into the tracking store of today, each once.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache.tracking import old_models
from afml_cache.tracking.client import experiment_id_of
from afml_cache.tracking.old_files import META, folders, measured, meta_of, texts
from afml_cache.tracking.outbox import ARCHIVED, SENT, Outbox
from afml_cache.tracking.place import Place
from afml_cache.tracking.record import PARENT_TAG, RECORD_TAG
from afml_cache.tracking.runs import asked

FOLDER = "mlruns"
#: What is not imported: one, and several.
LEFT = {
    "trace": "traces",
    "model of no run": "models of no run",
    "registered model": "registered models",
    "deleted run": "deleted runs",
    "deleted experiment": "deleted experiments",
}
#: Where a run says what it was put under, if that was not imported.
_LOST_PARENT_TAG = "afml.parent_not_imported"
#: What a run that had not ended was then.
_STATUS_TAG = "afml.imported_status"
#: Where MLflow puts experiments that are deleted.
_TRASH = ".trash"
#: What MLflow wrote for the state of a run.
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_OPEN = ("RUNNING", "SCHEDULED")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class OldFolder:
    """One run in such a folder."""

    path: Path
    run_id: str

    @property
    def record(self) -> str:
        """The name by which it is recognised once it was imported."""
        return _record_of(self.run_id)

    @property
    def parent(self) -> str | None:
        """The run that it is put under."""
        path = self.path / "tags" / PARENT_TAG
        return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _record_of(run_id: str) -> str:
    return f"mlruns-{run_id}"


def experiments_in(folder: Path) -> dict[Path, list[OldFolder]]:
    """The experiments in a folder ``mlruns``, and their runs that were not deleted."""
    found = {}
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        if place.name.startswith(".") or not (place / META).is_file():
            continue
        runs = [OldFolder(path, path.name) for path in folders(place)]
        found[place] = [one for one in runs if not _is_deleted(one.path)]
    return found


def in_order(found: dict[Path, list[OldFolder]]) -> list[OldFolder]:
    """All runs, each after the one that it is put under and those whose models it was given."""
    all_runs = {one.run_id: one for runs in found.values() for one in runs}
    ordered: dict[str, OldFolder] = {}
    for first in all_runs.values():
        if first.run_id in ordered:
            continue
        waiting, seen = [first], set[str]()
        while waiting:
            one = waiting[-1]
            before = [] if one.run_id in seen else _needed(one)  # twice: whatever is there by now
            seen.add(one.run_id)
            missing = [run for run in before if run in all_runs and run not in ordered]
            waiting += [all_runs[run] for run in missing if run not in seen]
            if waiting[-1] is one:
                ordered[one.run_id] = waiting.pop()
    return list(ordered.values())


def _needed(run: OldFolder) -> list[str]:
    models = old_models.models_given(run.path)
    makers = [old_models.maker_of(run.path.parent, model) for model in models]
    return [one for one in (run.parent, *makers) if one is not None and one != run.run_id]


def left_behind(found: dict[Path, list[OldFolder]]) -> Counter[str]:
    """What there is in such a folder beside runs and what hangs on them: a kind of `LEFT`."""
    left: Counter[str] = Counter()
    for place, runs in found.items():
        left["trace"] += sum(path.is_dir() for path in (place / "traces").glob("*"))
        made = {model for one in runs for model in old_models.models_made(one.path)}
        models = [path.name for path in folders(place / old_models.MODELS)]
        left["model of no run"] += sum(name not in made for name in models)
        left["deleted run"] += sum(_is_deleted(path) for path in folders(place))
    for folder in {place.parent for place in found}:
        left["registered model"] += len(folders(folder / old_models.MODELS))
        left["deleted experiment"] += len(folders(folder / _TRASH))
    return +left


def _is_deleted(run: Path) -> bool:
    text = (run / META).read_text(encoding="utf-8", errors="replace")
    return re.search(r"^lifecycle_stage: *deleted", text, re.MULTILINE) is not None


def not_imported(folder: Path, box: Outbox) -> int:
    """How many runs of a folder ``mlruns`` were not imported into the records of a cache."""
    runs = [one for several in experiments_in(folder).values() for one in several]
    known = {one.record for one in box.every(SENT, ARCHIVED)} if runs else set()
    return sum(one.record not in known for one in runs)


def name_of_experiment(place: Path) -> str:
    """What an experiment is called."""
    return str(meta_of(place).get("name") or place.name)


def import_run(box: Outbox, to: Place, old: OldFolder) -> str | None:
    """Put a run into the tracking store of today, with its data, its models and its place.

    What it needs of other runs is taken from those that were imported before: see `in_order`.

    Returns
    -------
    str or None
        The id of the new run; None where it was there already.

    Raises
    ------
    TrackingError
        MLflow does not answer.
    OSError, ValueError
        A file of it cannot be read.
    """
    if box.kept(old.record) is not None:
        return None
    meta = meta_of(old.path)
    above = box.kept(_record_of(old.parent)) if old.parent else None
    parent = above.run_id if above is not None and above.uri == to.uri else None
    run_id: str = asked(to.uri, lambda client: _import(client, to, old, meta, parent))
    status = _status_of(meta)
    status = "KILLED" if status in _OPEN else status
    box.imported(old.record, to.uri, run_id, status, (meta.get("start_time") or 0) / 1000)
    return run_id


def unfinished(runs: list[OldFolder]) -> int:
    """How many of these had not ended, as MLflow knew: nobody will end them any more."""
    return sum(_status_of(meta_of(one.path)) in _OPEN for one in runs)


def _status_of(meta: dict[str, Any]) -> str:
    return _STATUS.get(meta.get("status", 3), "FINISHED")


def _import(
    client: Any, to: Place, old: OldFolder, meta: dict[str, Any], parent: str | None
) -> str:
    from mlflow.entities import LoggedModelInput, Param

    experiment = experiment_id_of(client, to)
    named = f"tags.`{RECORD_TAG}` = '{old.record}'"
    for half in client.search_runs([experiment], named):
        if half.info.end_time:
            return str(half.info.run_id)
        client.delete_run(half.info.run_id)  # somebody was killed while he imported it
    tags = dict(texts(old.path / "tags"))
    tags |= {RECORD_TAG: old.record, "afml.imported_from": str(old.path)}
    status = _status_of(meta)
    tags |= {_STATUS_TAG: status} if status in _OPEN else {}
    if old.parent is not None:
        del tags[PARENT_TAG]
        tags |= {_LOST_PARENT_TAG: old.parent} if parent is None else {PARENT_TAG: parent}
    name = meta.get("run_name") or tags.get("mlflow.runName") or old.run_id
    run = client.create_run(experiment, meta.get("start_time") or 0, tags=tags, run_name=name)
    run_id = str(run.info.run_id)
    params = [Param(key, text) for key, text in texts(old.path / "params")]
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=params[start : start + 100])
    given = old_models.imported(client, experiment, old_models.models_given(old.path))
    models = given | old_models.import_models(client, experiment, run_id, old.path)
    inputs = [LoggedModelInput(one) for one in given.values()]
    datasets = old_models.datasets_given(old.path)
    if inputs or datasets:
        client.log_inputs(run_id, datasets=datasets, models=inputs)
    metrics = _metrics(old, models)
    for start in range(0, len(metrics), _AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + _AT_ONCE])
    if (old.path / "artifacts").is_dir():
        client.log_artifacts(run_id, str(old.path / "artifacts"))
    end = meta.get("end_time") or meta.get("start_time") or 1
    client.set_terminated(run_id, status="KILLED" if status in _OPEN else status, end_time=end)
    return run_id


def _metrics(old: OldFolder, models: dict[str, str]) -> list[Any]:
    """All that a run has measured, and on which model and data where it says so."""
    from mlflow.entities import Metric

    on_models = old_models.measured_on_models(old.path, list(models))
    found = []
    for name, one in measured(old.path / "metrics"):
        model, *data = on_models.get((name, str(one[:3])), (None, *one.rest))
        data_name, data_digest = (*data, "", "")[:2]
        found.append(
            Metric(
                *(name, one.value, one.timestamp, one.step),
                model_id=models.get(model) if model else None,
                dataset_name=data_name or None,
                dataset_digest=data_digest or None,
            )
        )
    return found
