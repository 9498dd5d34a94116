"""One record on its way to MLflow; sent again after it was cut short, it makes no second run.

The run bears the record's name as a tag from the moment it is made. Whoever sends a record that
may have been sent before looks for that tag first, goes on with the run that bears it, and writes
only what means the same twice: parameters of one value, metrics of one time, files of one name.
Being over is said last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from afml_cache.tracking.client import client_of, experiment_id_of, quiet
from afml_cache.tracking.last_word import metrics_of
from afml_cache.tracking.record import ARTEFACTS, MODELS, PARENT_TAG, RECORD_TAG, Record

#: What MLflow takes at once.
_METRICS_AT_ONCE, _AT_ONCE = 800, 100


class DeletedRunError(Exception):
    """Somebody has deleted the run that was begun, and so does not want it."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"the run {run_id} was deleted in MLflow")
        self.run_id = run_id


def begin(record: Record, *, again: bool) -> Any:
    """Make the run of a record that is not over; returns it. ``again``: it may have been made."""
    with quiet():
        client = client_of(record.place.uri)
        experiment = _experiment(client, record)
        found = _found(client, experiment, record) if again else None
        return found or _make(client, experiment, record)


def send(record: Record, files: Path, *, again: bool) -> str:
    """Tell MLflow all of a record; returns the id of its run.

    Parameters
    ----------
    record : Record
    files : Path
        The folder of its files.
    again : bool
        Whether it may have been sent before, all or in part.

    Raises
    ------
    DeletedRunError
        There is nothing to be told any more.
    Exception
        Whatever MLflow, its database or the network raise. Send it again, with ``again``.
    """
    with quiet():
        client = client_of(record.place.uri)
        experiment = _experiment(client, record)
        run = _found(client, experiment, record) if again else None
        # A run that is over has not been told all for that: anybody can have ended it.
        run_id = record.run_id if run is None else run.info.run_id
        begun_before = run_id is not None
        run_id = run_id or _make(client, experiment, record).info.run_id
        _log_values(client, run_id, record, begun_before)
        if record.datasets:
            client.log_inputs(run_id, datasets=_datasets(record))
        if (files / ARTEFACTS).is_dir():
            client.log_artifacts(run_id, str(files / ARTEFACTS))
        for name in record.models:
            _log_model(client, experiment, run_id, record, name, files / MODELS / name, again)
        _terminate(client, run_id, record)
        return str(run_id)


def _experiment(client: Any, record: Record) -> str:
    return record.experiment_id or experiment_id_of(client, record.place)


def _make(client: Any, experiment: str, record: Record) -> Any:
    tags = {**record.tags, RECORD_TAG: record.record}
    return client.create_run(experiment, record.start, tags=tags, run_name=record.name)


def _terminate(client: Any, run_id: str, record: Record) -> None:
    from mlflow.entities import RunStatus

    store = getattr(getattr(client, "_tracking_client", None), "store", None)
    if store is None:
        client.set_terminated(run_id, status=record.status, end_time=record.end)
        return
    # As set_terminated() does, which also prints to the user's standard output.
    store.update_run_info(run_id, RunStatus.from_string(record.status), record.end, None)


def _found(client: Any, experiment: str, record: Record) -> Any:
    """The run that bears the record's name; of several, the first, and the others go."""
    named = f"tags.`{RECORD_TAG}` = '{record.record}'"
    runs = client.search_runs([experiment], named, order_by=["attributes.start_time ASC"])
    if not runs:
        return None
    # A server that answered too late may have made the run all the same, and then another one.
    over = [run for run in runs if run.info.end_time] or runs
    for other in runs:
        if other.info.run_id != over[0].info.run_id:
            client.delete_run(other.info.run_id)
    return over[0]


def _log_values(client: Any, run_id: str, record: Record, begun_before: bool) -> None:
    from mlflow.entities import Param, RunTag

    params = dict(record.params)
    begun = client.get_run(run_id) if begun_before else None
    if begun is not None and begun.info.lifecycle_stage != "active":
        raise DeletedRunError(run_id)
    there = None if begun is None else begun.data
    if there is not None:  # what the function, or autolog, has said itself stays
        params = {name: one for name, one in params.items() if name not in there.params}
        tags = {name: one for name, one in record.tags.items() if name != PARENT_TAG}
        client.log_batch(run_id, tags=[RunTag(name, one) for name, one in tags.items()])
    metrics = metrics_of(record.metrics, record.end or record.start, there)
    given = [Param(name, value) for name, value in params.items()]
    while metrics or given:
        client.log_batch(run_id, metrics=metrics[:_METRICS_AT_ONCE], params=given[:_AT_ONCE])
        metrics, given = metrics[_METRICS_AT_ONCE:], given[_AT_ONCE:]


def _datasets(record: Record) -> list[Any]:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for fields in record.datasets:
        context = InputTag("mlflow.data.context", fields["context"])
        named = {name: one or None for name, one in fields.items() if name != "context"}
        inputs.append(DatasetInput(dataset=Dataset(**named), tags=[context]))
    return inputs


def _log_model(
    client: Any, experiment: str, run_id: str, record: Record, name: str, files: Path, again: bool
) -> None:
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    model = None
    if again:
        named = f"tags.`{RECORD_TAG}` = '{record.record}'"
        models = client.search_logged_models([experiment], filter_string=named)
        model = next((one for one in models if one.name == name), None)
    if model is None:
        tags = {RECORD_TAG: record.record}
        model = client.create_logged_model(experiment, name=name, source_run_id=run_id, tags=tags)
    if model.status != LoggedModelStatus.READY:
        client.log_model_artifacts(model.model_id, str(files))
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    outputs = client.get_run(run_id).outputs if again else None
    known = {one.model_id for one in outputs.model_outputs} if outputs else set()
    if model.model_id not in known:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
