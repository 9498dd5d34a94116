"""The files of a record: figures, tables, the account of an exception.

They are written when the result is there and before its caller has it, so that what happens to it
later does not count. What cannot be written is left out, and the run says so.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from afml_cache.tracking.words import without_passwords

#: Bytes of one table that is written out; a longer one lies in the cache.
LARGEST = 200_000_000


def write_parts(
    folder: Path, figures: Mapping[str, Any], tables: Mapping[str, Any]
) -> dict[str, str]:
    """Write figures and tables into a folder.

    Returns
    -------
    dict
        Name -> why it was left out.
    """
    left_out: dict[str, str] = {}
    for named, write in ((figures, _write_figure), (tables, _write_table)):
        for name, value in named.items():
            why = _try(write, folder, name, value)
            if why:
                left_out[name] = why
    return left_out


def _try(write: Callable[[Path, Any], str], folder: Path, name: str, value: Any) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write(folder / name, value)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - what a figure or frame of the user's raises
        return f"{type(error).__name__}: {error}"


def _write_figure(path: Path, figure: Any) -> str:
    if hasattr(figure, "write_html"):
        figure.write_html(_with(path, ".html"), include_plotlyjs="cdn", auto_open=False)
    else:
        figure.savefig(_with(path, ".png"))
    return ""


def _write_table(path: Path, table: Any) -> str:
    size = _bytes(table)
    if size > LARGEST:
        return f"it has {size / 1e6:,.0f} MB; the cache has it"
    if isinstance(table, str):
        told = table.encode("utf-8", "backslashreplace")
        _with(path, ".txt").write_bytes(told)
        return ""
    if not hasattr(table, "to_csv"):
        import numpy as np

        is_list = isinstance(table, list | tuple)  # of numbers of any kind
        array = np.asarray(table, dtype=np.float64 if is_list else None)
        np.save(_with(path, ".npy"), array, allow_pickle=False)
        return ""
    frame = table.to_frame() if hasattr(table, "to_frame") else table
    try:
        frame.to_parquet(_with(path, ".parquet"))
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - Arrow is missing, or has no type for a column
        _with(path, ".parquet").unlink(missing_ok=True)
        frame.to_csv(_with(path, ".csv"))
    return ""


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _bytes(table: Any) -> int:
    usage = getattr(table, "memory_usage", None)
    if callable(usage):
        counted = usage()
        return int(counted.sum() if hasattr(counted, "sum") else counted)
    return int(getattr(table, "nbytes", 0))


def write_traceback(folder: Path, error: BaseException) -> None:
    """Write what a call raised, with the lines that it came from."""
    folder.mkdir(parents=True, exist_ok=True)
    told = without_passwords("".join(traceback.format_exception(error)))
    (folder / "traceback.txt").write_text(told, encoding="utf-8", errors="backslashreplace")
