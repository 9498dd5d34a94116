"""Addresses of tracking stores: those at which nothing can ever answer, whatever is done there."""

from __future__ import annotations

from urllib.parse import urlsplit

_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
#: What MLflow itself knows beside them.
_OTHERS = ("databricks", "databricks-uc", "uc")


def fault_of(uri: str) -> str | None:
    """Why no run can be sent to an address, as the end of a sentence; None: it is well-formed."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        # What it says may be a part of the password.
        why = "before the @, / is written %2F, ? is %3F, # is %23" if "@" in uri else error
        return f"is no address ({why})"
    scheme = uri if uri in _OTHERS else parts.scheme
    if scheme in _SERVERS:
        return "names no host" if not parts.hostname or port == 0 else None
    if scheme.partition("+")[0] == "sqlite":
        return _fault_of_file(uri)
    if scheme.partition("+")[0] in _DATABASES or scheme in _OTHERS:
        return None
    if scheme == "file":
        return "is a folder, which MLflow does not take any more"
    from importlib.metadata import entry_points

    if any(one.name == scheme for one in entry_points(group="mlflow.tracking_store")):
        return None
    return f"begins with {scheme!r}, which MLflow does not know"


def _fault_of_file(uri: str) -> str | None:
    rest = uri.partition(":")[2]
    if not rest.startswith("///") and rest.strip("/"):
        return "has not three slashes, or four: sqlite:////data/mlflow.db"
    path, _, options = rest.removeprefix("///").partition("?")
    if path.strip("/") in ("", ":memory:") or "mode=memory" in options:
        return "is a database in memory, which is gone with the program"
    return None
