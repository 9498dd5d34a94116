"""Runs found again: the one of a key, the best of an experiment, several side by side."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from afml_cache.errors import TrackingError
from afml_cache.store.seal import Sealer
from afml_cache.store.store import Missing, Store
from afml_cache.tracking.client import client_of, is_gone, quiet, require, unwarned
from afml_cache.tracking.outbox import (
    FAULTS,
    READY,
    REFUSED,
    SENT,
    DamagedRecordError,
    Kept,
    OthersRecordError,
    Outbox,
)
from afml_cache.tracking.place import Place
from afml_cache.tracking.reach import check_reachable, is_silence, shown
from afml_cache.tracking.record import KEY_TAG, RECORD_TAG, Record
from afml_cache.tracking.said import FLAVORS, said_of
from afml_cache.tracking.sender import patience_of, sender
from afml_cache.tracking.texts import logged_as
from afml_cache.tracking.words import spoken, words_of

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run


def run_of_key(store: Store, key: str) -> Run | None:
    """The run that computed the result of a key (32 hex digits); None where there is none.

    Raises
    ------
    TrackingError
        It waits in the queue, or will not be sent, or MLflow does not answer.
    """
    box = Outbox(store.directory)
    try:
        kept = box.latest(key)
        record = None if kept is None else _unsent(box, store.sealer(), kept)
        if record is None:
            kept = box.latest(key)
        else:
            patience = patience_of(record.place)
            deadline = time.monotonic() + patience
            sender.deliver(box, store.sealer(), record, patience)
            kept = box.latest(key)
            # Another thread may be about it, and tells nobody but the queue.
            while _is_on_its_way(kept) and time.monotonic() < deadline:
                time.sleep(0.02)
                kept = box.latest(key)
    except FAULTS as error:
        raise TrackingError(f"the queue {box.path} cannot be read ({error})") from error
    if kept is None:
        return None
    if kept.state == REFUSED:
        raise _refused(kept.error)
    if kept.state != SENT or kept.run_id is None:
        raise TrackingError(
            f"the run of this result waits in the queue: it could not be sent to {shown(kept.uri)} "
            f"({kept.error or 'which takes its time'}). `afml-cache mlflow sync` tries again"
        )
    run_id = kept.run_id
    run: Run | None = asked(kept.uri, lambda client: if_there(client, run_id))
    return run


def _unsent(box: Outbox, sealer: Sealer, kept: Kept) -> Record | None:
    """A record that is to be sent; None: it has been, perhaps just now."""
    if kept.state != READY:
        return None
    try:
        return box.said(kept.record, sealer)
    except OthersRecordError as error:
        raise TrackingError(
            f"the run of this result waits in the queue: {error}, and is sent by whoever has that"
        ) from error
    except DamagedRecordError as error:
        now = box.kept(kept.record)
        if now is not None and now.state == READY:
            raise _refused(error) from error
        return None  # another was faster, and has removed what he sent


def _refused(why: object) -> TrackingError:
    return TrackingError(
        "the run of this result will not be sent, since what the queue has of it was changed "
        f"({why}). `afml-cache mlflow sync --drop` takes it off the queue; the result is there "
        "all the same"
    )


def if_there(client: Any, run_id: str) -> Any:
    """A run that nobody has deleted."""
    try:
        run = client.get_run(run_id)
    except Exception as error:
        if is_gone(error):
            return None
        raise
    return run if run.info.lifecycle_stage == "active" else None


def _is_on_its_way(kept: Kept | None) -> bool:
    return kept is not None and kept.state != SENT and not kept.error


def asked(uri: str, question: Any) -> Any:
    """What MLflow answers to a question, which is given its client; raises `TrackingError`."""
    require()
    check_reachable(uri)
    try:
        with quiet():
            return question(client_of(uri))
    except TrackingError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever mlflow and its servers raise
        raise TrackingError(_in_words(uri, error)) from spoken(error, uri)


def _in_words(uri: str, error: Exception) -> str:
    words = words_of(error, uri)
    if is_silence(error):
        return f"MLflow at {shown(uri)} does not answer ({words})"
    if is_gone(error):
        return f"MLflow at {shown(uri)} has none such ({words})"
    return f"MLflow at {shown(uri)} answers with an error ({words})"


def best_run(to: Place, metric: str, maximize: bool, filter_string: str = "") -> Run | None:
    """The finished run with the greatest, or least, value of a metric; None where none has one."""
    names = logged_as(metric)
    conditions = ["attributes.status = 'FINISHED'", *([filter_string] if filter_string else [])]

    def ask(client: Any) -> Any:
        experiment = _experiment_id(client, to)
        if experiment is None:
            return None
        best = []
        for name in names:
            order = [f"metrics.`{name}` {'DESC' if maximize else 'ASC'}"]
            found = client.search_runs([experiment], " and ".join(conditions), order_by=order)
            # Runs without the metric, and those where it is no number, come last or first as it is.
            best += [run for run in found if _has_value(run, names, name)][:1]
        return (max if maximize else min)(best, key=lambda run: _value(run, names), default=None)

    run: Run | None = asked(to.uri, ask)
    return run


def _value(run: Any, names: Sequence[str]) -> Any:
    """The value of a metric that may have been logged under one of these names."""
    return next((run.data.metrics[name] for name in names if name in run.data.metrics), None)


def _has_value(run: Any, names: Sequence[str], name: str) -> bool:
    """Whether a run has the metric under this one of its names, and it is a number."""
    value = _value(run, names)
    under = next((one for one in names if one in run.data.metrics), None)
    return under == name and value == value


def _experiment_id(client: Any, to: Place) -> str | None:
    if to.experiment_id is not None:
        return to.experiment_id
    found = client.get_experiment_by_name(to.experiment)
    return None if found is None else str(found.experiment_id)


def compared(
    to: Place, run_ids: Sequence[str], metrics: Iterable[str] | None, labels: Sequence[str]
) -> pd.DataFrame:
    """Runs side by side: a row a run, with its metrics and the parameters in which they differ.

    ``labels`` are those of the rows.
    """
    import pandas as pd

    runs = asked(to.uri, lambda client: [client.get_run(run_id) for run_id in run_ids])
    names = list(metrics) if metrics is not None else None
    if names is None:
        names = sorted({name for run in runs for name in run.data.metrics})
    params = sorted({name for run in runs for name in run.data.params})
    differing = [name for name in params if len({run.data.params.get(name) for run in runs}) > 1]
    rows = [
        {
            "run_name": run.info.run_name,
            "status": run.info.status,
            **{name: _value(run, logged_as(name)) for name in names},
            **{f"params.{name}": run.data.params.get(name) for name in differing},
        }
        for run in runs
    ]
    return pd.DataFrame(rows, index=pd.Index(list(labels), name="run_id"))


def model_of_run(store: Store, to: Place, run_id: str, name: str | None = None) -> Any:
    """The model of a run: as MLflow has it, else out of the result that the cache has.

    Raises
    ------
    TrackingError
        There is no such run, or neither has a model of it.
    """
    run = asked(to.uri, lambda client: client.get_run(run_id))
    outputs = getattr(run.outputs, "model_outputs", None) or []
    models = asked(
        to.uri, lambda client: [client.get_logged_model(one.model_id) for one in outputs]
    )
    named = [one for one in models if name is None or one.name == name]
    # What the function returned, before what autolog or the function has logged on the way.
    named.sort(key=lambda one: RECORD_TAG not in (one.tags or {}))
    if named:
        return asked(to.uri, lambda _: _load(_downloaded(named[0], to.uri)))
    folder = asked(to.uri, lambda client: _model_folder(client, run_id, name))
    if folder is not None:
        return asked(to.uri, lambda _: _load(folder))
    key = run.data.tags.get(KEY_TAG)
    value = Missing(None) if key is None else store.get(bytes.fromhex(key))
    found = {} if type(value) is Missing else said_of(value).models
    if name is None and found:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    there = ", ".join(sorted({one.name for one in models} | set(found))) or "none"
    raise TrackingError(
        f"the run {run_id} has no model{f' {name!r}' if name else ''} (it has: {there}); functions "
        "decorated with @mlflow_cached(log_model=True) log what MLflow has a flavor for"
    )


def _downloaded(model: Any, uri: str) -> str:
    found: str = require().artifacts.download_artifacts(
        artifact_uri=model.artifact_location, tracking_uri=uri
    )
    return found


def _model_folder(client: Any, run_id: str, name: str | None) -> str | None:
    """A model among the artefacts of a run, where MLflow kept them before version 3."""
    for one in client.list_artifacts(run_id):
        if not one.is_dir or name not in (None, one.path):
            continue
        within = {inner.path for inner in client.list_artifacts(run_id, one.path)}
        if f"{one.path}/MLmodel" in within:
            return str(client.download_artifacts(run_id, one.path))
    return None


def _load(folder: str) -> Any:
    mlflow = require()
    with unwarned():
        flavors = mlflow.models.Model.load(folder).flavors
        flavor = next((one for one in flavors if one in set(FLAVORS.values())), "pyfunc")
        return importlib.import_module(f"mlflow.{flavor}").load_model(folder)
