"""mlflow itself, imported when something is to be sent or asked, and its clients.

Everything goes through clients of an address of their own: the tracking address, the experiment
and the open run that the user's program has told mlflow stay as they are.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.errors import TrackingError
from afml_cache.store.flight import FileLock
from afml_cache.store.location import RECORDS
from afml_cache.tracking.new_tables import one_at_a_time
from afml_cache.tracking.place import ARTEFACTS, Place

INSTALL = "pip install 'afml-cache[mlflow]'"
#: The first version that has logged models.
_OLDEST = (3, 1)


def is_installed() -> bool:
    """Whether there is an mlflow to import; a folder ``mlflow`` of runs is none."""
    if "mlflow" in sys.modules:
        return hasattr(sys.modules["mlflow"], "__version__")
    try:
        spec = find_spec("mlflow")
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


_guard = threading.RLock()
_module: Any = None
#: What is told of an installation that cannot be used: cause and message.
_useless: tuple[str, str] | None = None


def load() -> Any:
    """The package mlflow; None, told once, where there is none that can be used."""
    global _module, _useless
    with _guard:
        if _module is None and _useless is None:
            if not is_installed():
                tell_missing()
                return None
            _module, _useless = _imported()
        if _useless is not None:
            notices.warn_once(("mlflow", _useless[0]), _useless[1])
        return _module


def _imported() -> tuple[Any, tuple[str, str] | None]:
    """The package, or why it cannot be used."""
    try:
        with unwarned():
            import mlflow
    except Exception as error:  # noqa: BLE001 - what a broken installation raises
        return None, (
            "broken",
            f"MLflow is not available: importing it fails ({type(error).__name__}: {error}). "
            f"Results are cached, and no run is recorded. Install it again: {INSTALL}",
        )
    version = tuple(map(int, re.findall(r"\d+", mlflow.__version__)[:2]))
    if version < _OLDEST:
        return None, (
            "old",
            f"MLflow {mlflow.__version__} is too old: 3.1 or later is needed. Results are cached, "
            f"and no run is recorded. Run: {INSTALL}",
        )
    return mlflow, None


def tell_missing() -> None:
    """Say once that nothing is tracked, since MLflow is not installed."""
    notices.warn_once(
        ("mlflow", "missing"),
        f"MLflow is not available - install with: {INSTALL}. Until then results are cached, and no "
        "run is recorded",
    )


def require() -> Any:
    """The package mlflow, for what cannot be done without; raises `TrackingError`."""
    mlflow = load()
    if mlflow is None:
        raise TrackingError(f"this needs MLflow 3.1 or later; install it with: {INSTALL}")
    return mlflow


_clients: dict[str, Any] = {}


def client_of(uri: str) -> Any:
    """The client of an address; one each process."""
    with _guard:
        found = _clients.get(uri)
        if found is None:
            mlflow = require()
            with unwarned(), _making(Place(uri, "").database):
                found = _clients[uri] = mlflow.MlflowClient(tracking_uri=uri)
        return found


#: A database as MLflow makes it, which takes it seconds: a program with several caches, a suite of
#: tests, makes one.
_new_database = b""


@contextlib.contextmanager
def _making(database: Path | None) -> Iterator[None]:
    """Let one process at a time make the tables of a database; and remember those of our own."""
    if database is None:
        yield
        return
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if database.parent.name != RECORDS:  # the user's own
        with one_at_a_time(database):
            yield
        return
    global _new_database
    lock = FileLock(database.with_name(f"{database.name}.lock"))
    lock.acquire()
    try:
        is_new = not database.exists()
        if is_new:  # parameters and metrics lie there
            file = os.open(database, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "wb") as empty:
                empty.write(_new_database)
        yield
        if is_new:
            _new_database = database.read_bytes()
            _settle_default_experiment(database)
    finally:
        lock.release()


def _settle_default_experiment(database: Path) -> None:
    """Have runs without an experiment keep their artefacts beside the database.

    MLflow has put them into ``./mlruns`` of the directory that we happen to be in.
    """
    folder = database.parent / ARTEFACTS / "Default"
    with contextlib.closing(sqlite3.connect(database, timeout=3.0)) as db, db:
        db.execute(
            "UPDATE experiments SET artifact_location=? WHERE experiment_id=0", (folder.as_uri(),)
        )


#: Has MLflow's pages show an experiment as one of runs; else it takes ours for one of traces.
_OF_MODELS = {"mlflow.experimentKind": "custom_model_development"}


def experiment_id_of(client: Any, place: Place) -> str:
    """The experiment that a run goes to; made where there is none of this name."""
    if place.experiment_id is not None:
        return place.experiment_id
    found = client.get_experiment_by_name(place.experiment)
    if found is None:
        try:
            made: str = client.create_experiment(
                place.experiment, place.artifact_location, tags=_OF_MODELS
            )
            return made
        except Exception:
            found = client.get_experiment_by_name(place.experiment)
            if found is None:  # else another process was faster
                raise
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment {place.experiment!r} was deleted in MLflow; restore it (mlflow "
            f"experiments restore --experiment-id {found.experiment_id}), or name another"
        )
    return str(found.experiment_id)


def is_gone(error: BaseException) -> bool:
    """Whether MLflow says that there is no such run (any more)."""
    return getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what mlflow logs in this thread to itself while we call it; its errors are raised."""
    me = threading.get_ident()

    def keep(record: logging.LogRecord) -> bool:
        if record.thread != me:
            return True
        return record.levelno >= logging.ERROR and not record.exc_info  # which is raised, too

    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    handlers = {handler for logger in loggers for handler in logger.handlers}
    for handler in handlers:
        handler.addFilter(keep)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(keep)


@contextlib.contextmanager
def unwarned() -> Iterator[None]:
    """As :func:`quiet`, and without warnings: for a short time, in the user's own thread."""
    with quiet(), warnings.catch_warnings(action="ignore"):
        yield


def _after_fork() -> None:
    """In a child: the parent's connections are the parent's."""
    global _guard
    _guard = threading.RLock()
    for client in _clients.values():
        store = getattr(getattr(client, "_tracking_client", None), "store", None)
        engine = getattr(store, "engine", None)
        if engine is not None:
            engine.dispose(close=False)
    _clients.clear()


os.register_at_fork(after_in_child=_after_fork)
