"""Files of a folder ``mlruns``, as MLflow wrote them: a thing a folder, a value a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from afml_cache.errors import TrackingError
from afml_cache.tracking.client import require

META = "meta.yaml"


class Measured(NamedTuple):
    """One line of a metric's file: of a run, or of a model (which names the run that measured)."""

    timestamp: int
    value: float
    step: int
    rest: tuple[str, ...]


def meta_of(folder: Path) -> dict[str, Any]:
    """The fields of a thing; empty where it has none.

    Raises
    ------
    TrackingError
        The file is no YAML.
    """
    require()
    import yaml  # it comes with mlflow

    path = folder / META
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise TrackingError(f"{path} cannot be read ({error})") from error
    return found if isinstance(found, dict) else {}


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and content of every file; a name with slashes lies in folders."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")


def measured(folder: Path) -> Iterator[tuple[str, Measured]]:
    """The name of each metric in a folder, and each of its values."""
    for name, text in texts(folder):
        for line in text.splitlines():
            parts = line.split(" ")
            if len(parts) >= 2:
                step = int(parts[2]) if len(parts) > 2 else 0
                yield name, Measured(int(parts[0]), float(parts[1]), step, tuple(parts[3:]))


def folders(place: Path) -> list[Path]:
    """The things in a folder."""
    return [path.parent for path in sorted(place.glob(f"*/{META}"))] if place.is_dir() else []
