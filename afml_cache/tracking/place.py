"""Where runs go: the tracking store and the experiment, as configured or as the environment says.

Looked up when a run is recorded. mlflow itself is not asked: what a program tells it with
``mlflow.set_tracking_uri`` and ``mlflow.set_experiment`` stands in the environment, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from afml_cache.backtests.run import safe_name
from afml_cache.errors import ConfigurationError
from afml_cache.store import location
from afml_cache.tracking.address import fault_of
from afml_cache.tracking.reach import shown

URI_VARIABLE = "MLFLOW_TRACKING_URI"
NAME_VARIABLE, ID_VARIABLE = "MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"
#: The experiment of those who name none.
DEFAULT_EXPERIMENT = "afml-cache"
DATABASE, ARTEFACTS = "mlflow.db", "mlflow-artifacts"
_SQLITE = "sqlite:///"
_GIVE = (
    "give the address of a server ('http://localhost:5000'), a database "
    "('sqlite:////data/mlflow.db', or its path, which ends in .db), or None: a database among the "
    "records of the cache"
)


@dataclass(frozen=True, slots=True)
class Configured:
    """What :func:`~afml_cache.setup_mlflow_cache` was told; None: as the environment says."""

    experiment: str | None = None
    uri: str | None = None
    artifact_location: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    log_models: bool = True
    patience: float = 5.0  #: seconds that a call waits for its run to reach a server


configured = Configured()


def configure(new: Configured) -> None:
    """Put a configuration in force, for all functions of this process."""
    global configured
    configured = new


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run goes.

    Attributes
    ----------
    uri : str
        Of the tracking store; absolute, so that another process can send there.
    experiment : str
        Its name; empty where ``experiment_id`` says which.
    artifact_location : str or None
        Of the experiment, if it has to be made; None: as the server has it.
    """

    uri: str
    experiment: str
    experiment_id: str | None = None
    artifact_location: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether no server is needed."""
        return urlsplit(self.uri).scheme in ("sqlite", "file") or self.uri.startswith((".", "/"))

    @property
    def database(self) -> Path | None:
        """The file of the tracking store, where it is SQLite."""
        path = self.uri.removeprefix(_SQLITE).partition("?")[0]
        return Path(path) if self.uri.startswith(_SQLITE) and path else None


def place_for(base: Path, experiment: str | None = None) -> Place:
    """Where a run that is recorded now goes.

    Parameters
    ----------
    base : Path
        The cache directory; the default tracking store lies in its records.
    experiment : str, optional
        What the decorator names.
    """
    told = configured
    theirs = absolute(os.environ.get(URI_VARIABLE, ""))
    uri = told.uri or theirs or default_uri(base)
    name = experiment or told.experiment or os.environ.get(NAME_VARIABLE, "")
    # A number means something in the program's own tracking store only.
    number = os.environ.get(ID_VARIABLE) or None if not name and uri == theirs else None
    name = name or ("" if number else DEFAULT_EXPERIMENT)
    place = Place(uri, name, number, told.artifact_location)
    if place.artifact_location is None and place.database is not None:
        # Without one, MLflow would put them into ./mlruns of whatever directory we are in.
        beside = place.database.parent / ARTEFACTS / safe_name(name or "experiment")
        place = replace(place, artifact_location=beside.as_uri())
    return place


def default_uri(base: Path) -> str:
    """The tracking store of those who name none: a database among the cache's records."""
    return f"{_SQLITE}{base / location.RECORDS / DATABASE}"


def absolute(uri: str) -> str:
    """An address that means the same in every working directory."""
    if not uri.startswith(_SQLITE):
        return uri
    path, mark, query = uri.removeprefix(_SQLITE).partition("?")
    if not path or path.startswith(("/", ":memory:")):
        return uri
    return f"{_SQLITE}{Path(path).absolute()}{mark}{query}"


def checked_uri(uri: str | os.PathLike[str] | None) -> str | None:
    """The address that a user has given; a path is that of a SQLite database.

    Raises
    ------
    ConfigurationError
        It is neither an address nor the path of a database.
    """
    if uri is None:
        return None
    text = os.fspath(uri) if isinstance(uri, str | os.PathLike) else ""
    scheme = text.partition(":")[0]
    if (":" in text and len(scheme) > 1) or scheme == "databricks":
        fault = fault_of(text)
        if fault is None:
            return absolute(text)
        raise ConfigurationError(f"tracking_uri is {shown(text)!r}, which {fault}; {_GIVE}")
    path = Path(text).expanduser()
    if text and path.suffix in (".db", ".sqlite", ".sqlite3"):
        return f"{_SQLITE}{path.absolute()}"
    raise ConfigurationError(
        f"tracking_uri is {uri!r}; {_GIVE}. MLflow does not take a folder like ./mlruns any more"
    )
