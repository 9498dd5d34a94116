"""What an issue needs, in one ZIP file: findings, statistics, versions; no value of anything."""

from __future__ import annotations

import heapq
import io
import json
import platform
import sqlite3
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from afml_cache.doctor.finding import Finding

_PACKAGES = (
    "afml-cache", "numpy", "pandas", "pyarrow", "joblib", "libcst", "xxhash", "scikit-learn",
    "watchfiles", "mlflow", "click", "rich", "pytest", "ipython",
)  # fmt: skip

#: So many entries, the newest, are in the log.
_LOGGED = 1_000


def write_bundle(path: Path, directory: Path, findings: Sequence[Finding]) -> None:
    """Write the file in one step; the home directory is ``~`` in it.

    Parameters
    ----------
    path : Path
        The ZIP file.
    directory : Path
        The cache; its statistics are left out where there is none.
    findings : sequence of Finding

    Raises
    ------
    OSError
        It cannot be written.
    """
    from afml_cache.monitoring.files import write_whole
    from afml_cache.store.state import state_of

    parts: dict[str, Any] = {
        "findings.json": [one.fields(for_others=True) for one in findings],
        "versions.json": versions(),
        "files.json": _files(directory),
    }
    # A damaged index is left as it is: it is what the issue may be about.
    if (directory / "index.sqlite").exists() and state_of(directory).problem is None:
        parts["statistics.json"], parts["log.json"] = _of_the_store(directory)
    home = str(Path("~").expanduser())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            text = json.dumps(content, indent=1, default=str)
            archive.writestr(name, text.replace(home, "~") if len(home) > 1 else text)
    write_whole(path, buffer.getvalue())


def versions() -> dict[str, Any]:
    """Of Python, of the system, and of the packages that matter; None: not installed."""
    found: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return {
        "python": sys.version,
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "packages": found,
    }


def _files(directory: Path) -> list[dict[str, Any]]:
    """What lies in the directory itself: names, sizes and modes."""
    if not directory.is_dir():
        return []
    listed = []
    for path in sorted(directory.iterdir()):
        status = path.lstat()
        listed.append({"name": path.name, "size": status.st_size, "mode": oct(status.st_mode)})
    return listed


def _of_the_store(directory: Path) -> tuple[Any, dict[str, Any]]:
    """The statistics; and what happened when: calls by hour, faults, what was stored last."""
    from afml_cache.cache_monitoring import get_comprehensive_cache_status
    from afml_cache.settings import use_settings
    from afml_cache.store.active import use_store
    from afml_cache.store.hours import HOUR

    with use_settings(mode="readonly"), use_store(directory) as store:  # looking writes nothing
        newest = heapq.nlargest(_LOGGED, store.entries(), key=lambda entry: entry.created)
        counters = store.counters()
        log = {
            "faults": store.faults(),
            "misses": {
                function: dict(one.reasons) for function, one in counters.items() if one.reasons
            },
            "hours": [
                {"hour": _time(hour * HOUR), "function": function, **asdict(counted)}
                for function in counters
                for hour, counted in sorted(store.ledger.hours(function).items())
            ],
            "stored": [
                {
                    "stored": _time(entry.created),
                    "function": entry.function,
                    "seconds": entry.seconds,
                    "size_bytes": entry.size,
                }
                for entry in newest
            ],
        }
        return get_comprehensive_cache_status(), log


def _time(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat()
