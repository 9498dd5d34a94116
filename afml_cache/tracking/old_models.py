"""What hangs on a run in a folder ``mlruns``: the data it was given, models it was given or made.

MLflow 3 keeps models and datasets beside the runs, in the folder of the experiment.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from afml_cache.tracking.old_files import folders, measured, meta_of, texts
from afml_cache.tracking.record import RECORD_TAG

MODELS, _DATASETS, _INPUTS, _OUTPUTS = "models", "datasets", "inputs", "outputs"
#: As MLflow numbers the states of a model.
_READY, _FAILED = 2, 3


def models_made(run: Path) -> dict[str, int]:
    """The ids of the models that a run has made, and the step of each."""
    found = [meta_of(path) for path in folders(run / _OUTPUTS)]
    return {str(one["destination_id"]): int(one.get("step") or 0) for one in found}


def models_given(run: Path) -> list[str]:
    """The ids of the models that a run was given."""
    found = [meta_of(path) for path in folders(run / _INPUTS)]
    return [str(one["source_id"]) for one in found if one.get("source_type") == "MODEL"]


def datasets_given(run: Path) -> list[Any]:
    """The datasets that a run was given, as MLflow takes them."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for path in folders(run / _INPUTS):
        meta = meta_of(path)
        if meta.get("source_type", "DATASET") != "DATASET":
            continue
        found = meta_of(run.parent / _DATASETS / str(meta["source_id"]))
        names = ("name", "digest", "source_type", "source", "schema", "profile")
        if all(found.get(name) for name in names[:4]):
            tags = [InputTag(str(key), str(one)) for key, one in (meta.get("tags") or {}).items()]
            inputs.append(DatasetInput(Dataset(**{name: found.get(name) for name in names}), tags))
    return inputs


def maker_of(experiment: Path, model: str) -> str | None:
    """The run that has made a model."""
    found = meta_of(experiment / MODELS / model).get("source_run_id")
    return None if found is None else str(found)


def import_models(client: Any, experiment: str, run_id: str, run: Path) -> dict[str, str]:
    """Put the models that a run has made into the tracking store: old id -> new id."""
    from mlflow.entities import LoggedModelOutput

    made = {}
    for old, step in models_made(run).items():
        folder = run.parent / MODELS / old
        if folder.is_dir():
            made[old] = _import(client, experiment, run_id, folder)
            client.log_outputs(run_id, [LoggedModelOutput(made[old], step)])
    return made


def imported(client: Any, experiment: str, models: list[str]) -> dict[str, str]:
    """Those of the models that are in the tracking store: old id -> new id."""
    found = {old: _search(client, experiment, old) for old in models}
    return {old: several[0].model_id for old, several in found.items() if several}


def measured_on_models(run: Path, models: list[str]) -> dict[tuple[str, str], tuple[str, str, str]]:
    """What a run has measured on models: (name, value) -> model, name and digest of the data."""
    found = {}
    for old in models:
        for name, one in measured(run.parent / MODELS / old / "metrics"):
            measuring, *data = (*one.rest, "")
            if measuring == run.name:
                data_name, data_digest = (*data, "", "")[:2]
                found[name, str(one[:3])] = old, data_name, data_digest
    return found


def _record(model: str) -> str:
    return f"mlruns-{model}"


def _search(client: Any, experiment: str, model: str) -> list[Any]:
    named = f"tags.`{RECORD_TAG}` = '{_record(model)}'"
    return list(client.search_logged_models([experiment], filter_string=named))


def _import(client: Any, experiment: str, run_id: str, folder: Path) -> str:
    for half in _search(client, experiment, folder.name):
        client.delete_logged_model(half.model_id)  # somebody was killed while he imported it
    meta = meta_of(folder)
    model = client.create_logged_model(
        experiment,
        name=meta.get("name"),
        source_run_id=run_id,
        tags={**dict(texts(folder / "tags")), RECORD_TAG: _record(folder.name)},
        params=dict(texts(folder / "params")),
        model_type=meta.get("model_type"),
    )
    if (folder / "artifacts").is_dir():
        client.log_model_artifacts(model.model_id, str(folder / "artifacts"))
        _log_description(client, model, run_id, folder / "artifacts" / "MLmodel")
    state = {_READY: "READY", _FAILED: "FAILED"}.get(meta.get("status", _READY))
    if state is not None:
        client.finalize_logged_model(model.model_id, state)
    return str(model.model_id)


def _log_description(client: Any, model: Any, run_id: str, path: Path) -> None:
    """Have the model say its new ids: by them MLflow puts down what is measured on it later."""
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    now = {"model_id": model.model_id, "run_id": run_id, "artifact_path": model.artifact_location}
    told = re.compile(rf"^({'|'.join(now)}): .*$", re.MULTILINE)
    text = told.sub(lambda found: f"{found[1]}: {now[found[1]]}", text)
    with tempfile.TemporaryDirectory() as draft:
        (Path(draft) / path.name).write_text(text, encoding="utf-8")
        client.log_model_artifact(model.model_id, str(Path(draft) / path.name))
