"""Reports written to files: in one piece or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from afml_cache.errors import ReportError
from afml_cache.monitoring.figures import FunctionCacheStats
from afml_cache.monitoring.frames import MISSES, efficiency_frame, efficiency_row
from afml_cache.monitoring.health import HealthReport, health_in_words
from afml_cache.monitoring.tables import compact_table

#: What the JSON says that it is.
FORMAT, VERSION = "afml-cache report", 1


def write_report(path: Path, stats: Sequence[FunctionCacheStats], health: HealthReport) -> None:
    """Write a report in the format that the ending of the path names; raises `ReportError`."""
    written = datetime.now(UTC)
    writers: Mapping[str, Callable[[], bytes]] = {
        ".csv": lambda: efficiency_frame(stats).to_csv(index=False).encode(),
        ".json": lambda: _json(stats, health, written),
        ".html": lambda: _html(stats, health, written),
        ".parquet": lambda: _parquet(stats),
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise ReportError(
            f"a report cannot be written as {path.name!r}; end it with {', '.join(writers)}"
        )
    write_whole(path, writer())


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place in one step, so that nobody reads half of it; raises `OSError`."""
    name = str(path)
    if not path.parent.is_dir():
        what = f"the folder {path.parent} does not exist; make it, or write elsewhere"
        raise FileNotFoundError(errno.ENOENT, what, name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder is there; name a file in it", name)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException as error:  # an interrupt, too, must not leave half a file behind
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):  # of the file that was asked for, not of ours beside it
            raise OSError(error.errno, error.strerror, name) from error
        raise


def _json(stats: Sequence[FunctionCacheStats], health: HealthReport, written: datetime) -> bytes:
    functions = []
    for one in stats:
        row: dict[str, Any] = efficiency_row(one)
        last = row["last_access"]
        row["last_access"] = None if last is None else last.isoformat()
        functions.append(row)
    report = {
        "format": FORMAT,
        "version": VERSION,
        "written": written.isoformat(timespec="seconds"),
        "health": health,
        "functions": functions,
    }
    return json.dumps(report, indent=1, allow_nan=False).encode()


def _html(stats: Sequence[FunctionCacheStats], health: HealthReport, written: datetime) -> bytes:
    from html import escape

    when = f"written {written:%Y-%m-%d %H:%M} UTC"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>Cache report</title></head>'
        f"<body><h1>Cache report</h1><p>{when}</p><pre>{escape(health_in_words(health))}</pre>"
        f"{compact_table(stats, 'All functions', len(stats))}"
        f'<h2>All numbers</h2><div style="overflow-x: auto">{_all_numbers(stats)}</div>'
        "</body></html>\n"
    )
    return page.encode()


def _all_numbers(stats: Sequence[FunctionCacheStats]) -> str:
    """The efficiency report, but for reasons that no call missed for."""
    import pandas as pd

    frame = efficiency_frame(stats)
    idle = [name for name in frame.columns if name.startswith(MISSES) and not frame[name].any()]
    with pd.option_context("display.max_colwidth", None):  # else long names are cut
        return frame.drop(columns=idle).to_html(
            index=False, border=0, na_rep="", float_format="{:.6g}".format
        )


def _parquet(stats: Sequence[FunctionCacheStats]) -> bytes:
    import io

    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ReportError(
            "a .parquet report needs pyarrow, which is not installed: pip install "
            "'afml-cache[parquet]', or write .csv, .json or .html"
        ) from error
    buffer = io.BytesIO()
    efficiency_frame(stats).to_parquet(buffer, index=False, engine="pyarrow")
    return buffer.getvalue()
