"""``experiment_run``: a block of code as one run, with results of its own that are cached.

What the block says is collected and written into the queue when it ends, so that no server can
keep it waiting.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from afml_cache import notices, settings
from afml_cache.backtests.origin import origin_of
from afml_cache.errors import ConfigurationError
from afml_cache.keys import content
from afml_cache.store.active import active
from afml_cache.store.claims import Claim
from afml_cache.store.store import Missing
from afml_cache.tracking import client, place
from afml_cache.tracking import record as records
from afml_cache.tracking.artefacts import write_parts, write_traceback
from afml_cache.tracking.model_files import save_models
from afml_cache.tracking.outbox import FAULTS, READY, Outbox
from afml_cache.tracking.record import Record
from afml_cache.tracking.said import Said, said_of, with_words
from afml_cache.tracking.sender import patience_of, sender, tell_queue
from afml_cache.tracking.texts import LONGEST_PARAM, LONGEST_TAG, cut, name_of, text_of


class ExperimentRun:
    """A block of code that is one run; made by :meth:`MLflowCacheIntegration.experiment_run`.

    Where all that it asked for came out of the cache, it is a hit as a whole, and no run is made.

    Parameters
    ----------
    name : str
        What the run is called. Results are kept under the name and their key.
    tags : mapping
        Of the run.

    Attributes
    ----------
    run_id : str or None
        Of the run in MLflow; None until the block has ended, where the run waits in the queue, and
        where there is none.
    """

    def __init__(self, name: str, tags: Mapping[str, object] | None = None) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(f"the run is named {name!r}; give a text")
        self.name = name
        self._tags = {name_of(tag): cut(str(one), LONGEST_TAG) for tag, one in (tags or {}).items()}
        self._params: dict[str, str] = {}
        self._said = Said()
        self._kept: dict[str, Any] = {}
        self._hits = self._computed = 0
        self._start = 0.0
        self.run_id: str | None = None

    def __enter__(self) -> ExperimentRun:
        self._start = time.time()
        return self

    def get_cached(self, key: object, default: Any = None) -> Any:
        """What was cached under a key in runs of this name; ``default`` where nothing is.

        Parameters
        ----------
        key : object
            Anything with a content key: a text, parameters, data.

        Raises
        ------
        UnkeyableArgumentError
            The key has none.
        """
        digest = self._digest(key)
        found = Missing(None) if settings.current.mode == "off" else active().get(digest)
        if type(found) is Missing:
            return default
        self._hits += 1
        return found

    def cache_result(self, key: object, value: Any) -> Any:
        """Cache a value under a key, and log what it says: metrics, models, figures and tables.

        Returns
        -------
        object
            The value itself.
        """
        self._computed += 1
        digest = self._digest(key)
        claim = Claim(f"experiment_run.{self.name}", code=b"", environment=b"", arguments=digest)
        store = active()
        if settings.current.mode == "on":
            store.put(digest, value, claim)
        said = said_of(value)
        for part in dataclasses.fields(Said):
            getattr(self._said, part.name).update(getattr(said, part.name))
        return value

    def log_metric(self, name: str, value: float) -> None:
        """Log a number; of one name the last counts."""
        self._said.metrics.update(said_of({name: value}).metrics)
        if name_of(name) not in self._said.metrics:
            raise ConfigurationError(
                f"the metric {name!r} is {value!r}, which is no number; log_param takes it"
            )

    def log_param(self, name: str, value: object) -> None:
        """Log a parameter; of one name the last counts."""
        self._params[name_of(name)] = cut(text_of(value), LONGEST_PARAM)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._hits and not self._computed and error is None:
            notices.say(logging.INFO, "all of the run %s came out of the cache", self.name)
            return
        try:
            if client.load() is not None:
                self._record(error)
        except FAULTS as fault:
            tell_queue(active().directory, fault)
        except Exception as fault:  # noqa: BLE001 - no fault of ours may keep the user's results
            notices.warn_once(
                ("mlflow", "record", type(fault)),
                f"the run {self.name} could not be recorded for MLflow ({type(fault).__name__}: "
                f"{fault}); its results are not affected. Please report it",
            )

    def _digest(self, key: object) -> bytes:
        return content.digest(("afml experiment_run", self.name, key), "key")

    def _record(self, error: BaseException | None) -> None:
        store = active()
        box, goes_to = Outbox(store.directory), place.place_for(store.directory)
        name = records.new_name()
        files = box.files(name)
        left_out: dict[str, str] = {}
        if place.configured.log_models:
            left_out |= save_models(files / records.MODELS, self._said.models, {})
        left_out |= write_parts(files / records.ARTEFACTS, self._said.figures, self._said.tables)
        tags = {**place.configured.tags, **self._tags}
        origin = origin_of(None)
        if origin.user:
            tags["mlflow.user"] = origin.user
        parent = place.parent_run(goes_to)
        if parent is not None:
            tags[records.PARENT_TAG] = parent[0]
        if left_out:
            told = "; ".join(f"{part}: {why}" for part, why in left_out.items())
            tags[records.LEFT_OUT_TAG] = cut(told, LONGEST_TAG)
        status = records.FINISHED
        if error is not None:
            status = records.FAILED if isinstance(error, Exception) else records.KILLED
            tags[records.ERROR_TAG] = cut(f"{type(error).__name__}: {error}", LONGEST_TAG)
            write_traceback(files / records.ARTEFACTS, error)
        end = time.time()
        made = Record(
            record=name,
            name=self.name,
            place=goes_to,
            start=int(self._start * 1000),
            end=int(end * 1000),
            status=status,
            params=with_words(self._params, self._said.words),
            metrics={"duration_seconds": end - self._start, **self._said.metrics},
            tags=tags,
            experiment_id=None if parent is None else parent[1],
        )
        lock = box.lock(name)
        lock.acquire(blocking=False)
        try:
            made = box.put(made, READY, store.sealer())
        except BaseException:
            lock.release()
            raise
        sender.deliver(box, store.sealer(), made, patience_of(goes_to), lock)
        kept = box.kept(name)
        self.run_id = None if kept is None else kept.run_id
