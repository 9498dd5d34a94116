"""Reading an entry of joblib's where nothing may be written.

joblib itself records sources, and drops the entries of an edited function, while it looks one up.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache import notices
from afml_cache.joblib_memory.folder import (
    Origin,
    entries,
    folder_named,
    folder_of,
    memorize,
    name_of,
    recorded_source,
)
from afml_cache.joblib_memory.layout import written
from afml_cache.outcomes import Reason
from afml_cache.store.store import Missing


@dataclass(frozen=True, slots=True)
class Found:
    """A stored result, and where it lies."""

    value: Any
    output: Path

    def seconds(self) -> float:
        """What it had taken to compute; 0.0 where joblib has not noted it."""
        return written(self.output, 0.0).seconds


def peek(
    function: Any,
    ignore: tuple[str, ...],
    place: Path,
    origin: Origin | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Found | Missing:
    """joblib's result of a call, or a :class:`Missing` with the reason; nothing is changed.

    Parameters
    ----------
    function, ignore, place, origin
        As for :func:`~afml_cache.joblib_memory.folder.memorize`.
    args, kwargs
        Of the call.
    """
    name = name_of(function) if origin is None else origin[0]
    folder = folder_named(place, name)
    if not folder.is_dir() or next(entries(folder), None) is None:
        return Missing(Reason.FIRST_CALL)
    memorized = memorize(function, ignore, place, origin, reading=True)
    if recorded_source(memorized) != memorized.func_code_info[0]:
        return Missing(Reason.CODE)
    try:
        arguments = memorized._get_args_id(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - what an argument's pickling may raise
        notices.say(10, "joblib could not hash the arguments of %s: %r", name, error)
        return Missing(Reason.UNKEYABLE)
    output = folder_of(memorized) / arguments / "output.pkl"
    if not os.path.exists(output):  # noqa: PTH110
        return Missing(Reason.ARGUMENT)
    try:
        return Found(memorized._load_item((memorized.func_id, arguments)), output)
    except Exception as error:  # noqa: BLE001 - what a class raises while it is unpickled
        notices.warn_once(
            ("joblib", name, Reason.UNREADABLE),
            f"{name} is computed, since joblib could not read its result back "
            f"({type(error).__name__}: {error})",
        )
        return Missing(Reason.UNREADABLE)
