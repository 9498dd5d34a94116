"""What one run says: everything that MLflow is told of it, as JSON knows it."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from afml_cache.tracking.place import Place

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"

#: Tags by which runs are found again.
RECORD_TAG, KEY_TAG, FUNCTION_TAG, CODE_TAG = (
    "afml.record",
    "afml.key",
    "afml.function",
    "afml.code",
)
HITS_TAG, LAST_HIT_TAG, ERROR_TAG = "afml.hits", "afml.last_hit", "afml.error"
LEFT_OUT_TAG = "afml.left_out"
COMMIT_TAG, PARENT_TAG = "mlflow.source.git.commit", "mlflow.parentRunId"

#: The folders of a record's files: what becomes artefacts of the run, and its models.
ARTEFACTS, MODELS = "artifacts", "models"


@dataclass(frozen=True, slots=True)
class Record:
    """One run, sent or to be sent.

    Attributes
    ----------
    record : str
        Its own name, which the run bears as a tag: by it a run that was sent is recognised.
    name : str
        What the run is called.
    place : Place
    key : str
        Of the call, 32 hex digits; empty where the run is of none.
    function : str
    start, end : int
        Milliseconds since the epoch; ``end`` is 0 until it is over.
    status : str
    params, metrics, tags : mapping
        By name, as MLflow takes them.
    datasets : tuple of dict
        The fields of MLflow's own datasets, and the argument that each was.
    files : mapping
        Path below the record's folder -> its length and checksum.
    experiment_id : str or None
        Of a parent, whose experiment comes before the place's.
    run_id : str or None
        Of a run that was begun before the function ran.
    parent : str or None
        The record of the study that it is part of, whose run it is put under.
    """

    record: str
    name: str
    place: Place
    key: str = ""
    function: str = ""
    start: int = 0
    end: int = 0
    status: str = KILLED  #: until it is over
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Mapping[str, str], ...] = ()
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    experiment_id: str | None = None
    run_id: str | None = None
    parent: str | None = None

    @property
    def models(self) -> list[str]:
        """The names of its models, whose files lie in a folder each."""
        paths = [path.split("/") for path in self.files]
        return sorted({parts[1] for parts in paths if parts[0] == MODELS})

    def to_json(self) -> str:
        """As text."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """From what :meth:`to_json` made."""
        fields: dict[str, Any] = json.loads(text)
        fields["place"] = Place(**fields["place"])
        fields["datasets"] = tuple(fields["datasets"])
        fields["files"] = {path: (size, mark) for path, (size, mark) in fields["files"].items()}
        return cls(**fields)


def new_name() -> str:
    """A name that no other record has."""
    return uuid.uuid4().hex
