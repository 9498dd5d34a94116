"""Every test gets a tracking database of its own: a copy of one that MLflow has made."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from afml_cache.store.store import Store
from tests.mlflow_tracking.served import Server

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
HAS_MLFLOW = find_spec("mlflow") is not None
#: These tell how it is without.
WITHOUT = ("test_without_mlflow.py", "test_block_notebook.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_MLFLOW:
        return
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here and item.path.name not in WITHOUT:
            item.add_marker(pytest.mark.skip(reason="MLflow is not installed (extra: mlflow)"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new tracking database; making one takes MLflow seconds, copying it none."""
    import mlflow

    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    with contextlib.chdir(path.parent):  # it names a folder for artefacts there
        mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    from afml_cache.tracking import place
    from afml_cache.tracking.sender import sender

    for name in (place.URI_VARIABLE, place.NAME_VARIABLE, place.ID_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    place.configure(place.Configured())  # the examples of the documentation configure it, too
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield
    place.configure(place.Configured())
    sender.after_fork()  # its threads go on with what is theirs, and see no other test's queue
    left = [path.name for path in (tmp_path / "here").iterdir()]
    assert left == []  # nothing is dropped in the working directory
    if HAS_MLFLOW:
        import mlflow

        while mlflow.active_run() is not None:
            mlflow.end_run()
        mlflow.set_tracking_uri(None)
        mlflow.tracking.fluent._active_experiment_id = None  # there is no other way
        os.environ.pop(place.ID_VARIABLE, None)


@pytest.fixture
def client(template: Path, store: Store) -> Any:
    """A client of the default tracking store of this test."""
    import mlflow

    path = store.directory / "records" / "mlflow.db"
    path.parent.mkdir(parents=True)
    shutil.copyfile(template, path)
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}")


@pytest.fixture
def runs(client: Any) -> Any:
    """All runs, the oldest first, of an experiment (by default that of those who name none)."""

    def ask(experiment: str = "afml-cache") -> list[Any]:
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return []
        order = ["attributes.start_time ASC"]
        return list(client.search_runs([found.experiment_id], order_by=order))

    return ask


@pytest.fixture
def server(tmp_path: Path, template: Path) -> Iterator[Server]:
    """A tracking server of this test."""
    folder = tmp_path / "server"
    folder.mkdir()
    one = Server(folder, template)
    one.start()
    yield one
    one.kill()
