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
from afml_cache.errors import ConfigurationError
from afml_cache.keys import content
from afml_cache.keys.code import Fingerprint
from afml_cache.miss import say_source_changed
from afml_cache.store.active import active
from afml_cache.store.claims import Claim
from afml_cache.store.store import Missing
from afml_cache.tracking import client, place
from afml_cache.tracking import record as records
from afml_cache.tracking.artefacts import write_parts, write_traceback
from afml_cache.tracking.block_code import BlockCode
from afml_cache.tracking.block_hits import count_hit
from afml_cache.tracking.block_run import BlockRun, tell_fault
from afml_cache.tracking.given import checked_tags
from afml_cache.tracking.model_files import save_models
from afml_cache.tracking.outbox import FAULTS, Outbox
from afml_cache.tracking.said import Said, said_of, with_words
from afml_cache.tracking.sender import tell_queue
from afml_cache.tracking.texts import LONGEST_PARAM, LONGEST_TAG, cut, name_of, text_of
from afml_cache.tracking.words import words_of

#: Of a block that has logged something new beside what it found: the run of what it found.
ORIGINAL_TAG = "afml.original"


class ExperimentRun:
    """A block of code that is one run; made by :meth:`MLflowCacheIntegration.experiment_run`.

    Where all that it asked for came out of the cache, and it logs nothing that is new, it is a hit
    as a whole, and no run is made.

    Parameters
    ----------
    name : str
        What the run is called. Results are kept under the name, their key and the code.
    code : BlockCode
        That the results come from.
    tags : mapping
        Of the run.
    """

    def __init__(
        self, name: str, code: BlockCode, tags: Mapping[str, object] | None = None
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ConfigurationError(f"the run is named {name!r}; give a text")
        self.name = name
        self._tags = checked_tags(tags)
        self._params: dict[str, str] = {}
        self._said = Said()
        self._code = code
        self._fingerprint: Fingerprint | None = None
        self._hits = self._computed = 0
        self._run = BlockRun(name, self._tags)
        self._originals: list[str] = []  #: the records of the blocks that computed what was found
        self._start = 0.0

    def __enter__(self) -> ExperimentRun:
        self._start = time.time()
        self._run = BlockRun(self.name, self._tags)
        self._run.enter()
        return self

    @property
    def run_id(self) -> str | None:
        """Of the run in MLflow; of a block that was a hit, of the one that computed its results.

        None until the block has ended, where the run waits in the queue, and where there is none.
        """
        box = Outbox(active().directory)
        try:
            kept = box.kept(self._run.record)
            if kept is None and self._originals:
                kept = box.latest(self._originals[-1])
        except FAULTS as fault:
            tell_queue(box.directory, fault)
            return None
        return None if kept is None else kept.run_id

    def get_cached(self, key: object, default: Any = None) -> Any:
        """What this code has cached under a key in runs of this name; ``default`` where nothing is.

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
        store = active()
        if settings.current.mode == "off" or self._is_edited():
            return default
        found = store.get(digest)
        if type(found) is Missing:
            return default
        original, value = found
        self._hits += 1
        if original != self._run.record:
            self._originals.append(original)
            count_hit(store, original)
        return value

    def cache_result(self, key: object, value: Any) -> Any:
        """Cache a value under a key, and log what it says: metrics, models, figures and tables.

        Returns
        -------
        object
            The value itself.
        """
        self._computed += 1
        digest = self._digest(key)
        claim, store = self._claim(digest), active()
        if settings.current.mode == "on" and not self._is_edited():
            store.put(digest, (self._run.record, value), claim)
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
        run = self._run
        run.leave()
        if run.is_of_parent():
            return
        try:
            if error is None and self._is_hit() and not run.is_needed():
                run.forget()
                notices.say(logging.INFO, "all of the run %s came out of the cache", self.name)
                return
            if error is None:
                self._keep_said()
            if client.load() is not None:
                self._end(run, error)
        except FAULTS as fault:
            tell_queue(run.box.directory, fault)
        except Exception as fault:  # noqa: BLE001 - no fault of ours may keep the user's results
            tell_fault(self.name, fault)

    def _digest(self, key: object) -> bytes:
        found = self._fingerprint
        if found is None:
            found = self._fingerprint = self._code.fingerprint()
        code = self._code.identity, found.code, found.environment
        return content.digest(("afml experiment_run", self.name, code, key), "key")

    def _claim(self, digest: bytes) -> Claim:
        return Claim(f"experiment_run.{self.name}", code=b"", environment=b"", arguments=digest)

    def _is_edited(self) -> bool:
        """Whether its file holds other code than what is running: nothing can be said of it."""
        files = () if self._fingerprint is None else self._fingerprint.edited
        if files:
            say_source_changed(self._code.identity, files)
        return bool(files)

    def _is_hit(self) -> bool:
        """Whether a run would say nothing that those of its results do not say."""
        if not self._hits or self._computed:
            return False
        if not self._params and not self._said.metrics:
            return True
        said: set[tuple[str, str]] = set()
        for original in self._originals:
            kept = active().get(_digest_of_said(original))
            said |= set() if type(kept) is Missing else kept
        return self._logged() <= said

    def _logged(self) -> set[tuple[str, str]]:
        """What it has logged; with figures as texts, as one that is NaN is not equal to itself."""
        metrics = ((f"metric {name}", repr(one)) for name, one in self._said.metrics.items())
        return {*metrics, *((f"param {name}", one) for name, one in self._params.items())}

    def _keep_said(self) -> None:
        """Cache what the run of the results says, to know what is new in a block that finds them.

        It is no part of the results' own entries, since a block logs most after it caches.
        """
        if self._computed and settings.current.mode == "on" and not self._is_edited():
            digest = _digest_of_said(self._run.record)
            active().put(digest, self._logged(), self._claim(digest))

    def _end(self, run: BlockRun, error: BaseException | None) -> None:
        files = run.box.files(run.record)
        left_out = dict(self._said.left_out)
        if place.configured.log_models:
            left_out |= save_models(files / records.MODELS, self._said.models, {})
        left_out |= write_parts(files / records.ARTEFACTS, self._said.figures, self._said.tables)
        tags: dict[str, str] = {}
        if self._originals and not self._computed:
            found = run.box.latest(self._originals[-1])
            tags |= {} if found is None or not found.run_id else {ORIGINAL_TAG: found.run_id}
        if left_out:
            told = "; ".join(f"{part}: {why}" for part, why in left_out.items())
            tags[records.LEFT_OUT_TAG] = cut(told, LONGEST_TAG)
        status = records.FINISHED
        if error is not None:
            status = records.FAILED if isinstance(error, Exception) else records.KILLED
            tags[records.ERROR_TAG] = cut(words_of(error), LONGEST_TAG)
            write_traceback(files / records.ARTEFACTS, error)
        end = time.time()
        run.end(
            start=int(self._start * 1000),
            end=int(end * 1000),
            status=status,
            params=with_words(self._params, self._said.words),
            metrics={"duration_seconds": end - self._start, **self._said.metrics},
            tags=tags,
        )


def _digest_of_said(record: str) -> bytes:
    return content.digest(("afml experiment_run says", record), "record")
