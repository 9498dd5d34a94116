"""Runs in a folder ``mlruns``, as MLflow kept them before 3.13 and refuses to read now.

Its files are read as they are, and its runs put into the tracking store of today, each once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache.errors import TrackingError
from afml_cache.tracking.client import experiment_id_of, require
from afml_cache.tracking.outbox import ARCHIVED, SENT, Outbox
from afml_cache.tracking.place import Place
from afml_cache.tracking.record import RECORD_TAG
from afml_cache.tracking.runs import asked

FOLDER = "mlruns"
_META = "meta.yaml"
#: What MLflow wrote for the state of a run.
_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class OldFolder:
    """One run in such a folder."""

    path: Path
    run_id: str

    @property
    def record(self) -> str:
        """The name by which it is recognised once it was imported."""
        return f"mlruns-{self.run_id}"


def experiments_in(folder: Path) -> dict[Path, list[OldFolder]]:
    """The experiments in a folder ``mlruns``, and their runs that were not deleted."""
    found = {}
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        if place.name.startswith(".") or not (place / _META).is_file():
            continue
        runs = [path.parent for path in sorted(place.glob(f"*/{_META}"))]
        found[place] = [OldFolder(path, path.name) for path in runs if not _is_deleted(path)]
    return found


def _is_deleted(run: Path) -> bool:
    text = (run / _META).read_text(encoding="utf-8", errors="replace")
    return re.search(r"^lifecycle_stage: *deleted", text, re.MULTILINE) is not None


def not_imported(folder: Path, box: Outbox) -> int:
    """How many runs of a folder ``mlruns`` were not imported into the records of a cache."""
    runs = [one for several in experiments_in(folder).values() for one in several]
    known = {one.record for one in box.every(SENT, ARCHIVED)} if runs else set()
    return sum(one.record not in known for one in runs)


def name_of_experiment(place: Path) -> str:
    """What an experiment is called."""
    return str(_yaml(place / _META).get("name") or place.name)


def import_run(box: Outbox, to: Place, old: OldFolder) -> str | None:
    """Put a run into the tracking store of today.

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
    meta = _yaml(old.path / _META)
    run_id: str = asked(to.uri, lambda client: _import(client, to, old, meta))
    status = _STATUS.get(meta.get("status", 3), "FINISHED")
    box.imported(old.record, to.uri, run_id, status, (meta.get("start_time") or 0) / 1000)
    return run_id


def _import(client: Any, to: Place, old: OldFolder, meta: dict[str, Any]) -> str:
    from mlflow.entities import Metric, Param

    experiment = experiment_id_of(client, to)
    named = f"tags.`{RECORD_TAG}` = '{old.record}'"
    for half in client.search_runs([experiment], named):
        if half.info.end_time:
            return str(half.info.run_id)
        client.delete_run(half.info.run_id)  # somebody was killed while he imported it
    tags = dict(_texts(old.path / "tags"))
    tags |= {RECORD_TAG: old.record, "afml.imported_from": str(old.path)}
    name = meta.get("run_name") or tags.get("mlflow.runName") or old.run_id
    run = client.create_run(experiment, meta.get("start_time") or 0, tags=tags, run_name=name)
    run_id = str(run.info.run_id)
    params = [Param(key, text) for key, text in _texts(old.path / "params")]
    metrics = [
        Metric(key, *one) for key, text in _texts(old.path / "metrics") for one in _history(text)
    ]
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=params[start : start + 100])
    for start in range(0, len(metrics), _AT_ONCE):
        client.log_batch(run_id, metrics=metrics[start : start + _AT_ONCE])
    if (old.path / "artifacts").is_dir():
        client.log_artifacts(run_id, str(old.path / "artifacts"))
    status = _STATUS.get(meta.get("status", 3), "FINISHED")
    end = meta.get("end_time") or meta.get("start_time") or 1
    client.set_terminated(run_id, status="KILLED" if status == "RUNNING" else status, end_time=end)
    return run_id


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and content of every file; a name with slashes lies in folders."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")


def _history(text: str) -> Iterator[tuple[float, int, int]]:
    """Value, time and step of every line."""
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) >= 2:
            value = float(parts[1])
            yield value, int(parts[0]), int(parts[2]) if len(parts) > 2 else 0


def _yaml(path: Path) -> dict[str, Any]:
    require()
    import yaml  # it comes with mlflow

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise TrackingError(f"{path} cannot be read ({error})") from error
    return found if isinstance(found, dict) else {}
