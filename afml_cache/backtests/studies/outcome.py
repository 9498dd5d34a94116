"""What became of one combination, as it travels from a worker to the caller."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from afml_cache import notices
from afml_cache.backtests.parts import parts_of
from afml_cache.backtests.plain import as_number
from afml_cache.backtests.studies.study import Rows, Study
from afml_cache.keys.code import Fingerprint

HIT, COMPUTED, FAILED = "hit", "computed", "failed"


@dataclass(slots=True)
class Task:
    """One call that a worker is to make.

    Attributes
    ----------
    number : int
        Its place in the study.
    combination : bytes or dict or None
        The parameters, pickled where they go to another process.
    rows : tuple or None
        Which rows of the data.
    key : bytes or None
        The key of the call (16 bytes), as the caller has it.
    fingerprint : Fingerprint or None
        Of the code behind the key, where it is not that of the study's first call.
    anew : bool
        Compute it even where it is stored.
    edited : tuple of str
        Files that the caller has imported in an older version than they hold now.
    """

    number: int
    combination: Any
    rows: Rows | None = None
    key: bytes | None = None
    fingerprint: Fingerprint | None = None
    anew: bool = False
    edited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception, as texts: type, message, traceback."""

    type: str
    message: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(slots=True)
class Outcome:
    """What became of one call.

    Attributes
    ----------
    number : int
    outcome : str
        ``"hit"``, ``"computed"`` or ``"failed"``.
    seconds : float or None
        What the function took.
    metrics : dict
        Numbers by name.
    equity : object
        The equity curve, where the study wants it.
    value : bytes or None
        The pickled result, where the caller is to store it; to record it only, where it is not
        stored.
    unstored : str
        Why a result is not stored; empty where it is, or is handed back to be.
    is_counted : bool
        Whether the call was counted where it was made.
    is_recorded : bool
        Whether its run was recorded there, although it could not be stored there.
    failure : Failure or None
    key : bytes or None
    has_other_code : bool
        Whether nothing was computed since the worker has other code than the caller.
    left_alone : bool
        Whether the call is known to have left its arguments as they were.
    """

    number: int
    outcome: str
    seconds: float | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    equity: Any = None
    value: bytes | None = None
    unstored: str = ""
    is_counted: bool = True
    is_recorded: bool = False
    failure: Failure | None = None
    key: bytes | None = None
    has_other_code: bool = False
    left_alone: bool = False


def read_result(study: Study, result: object) -> tuple[dict[str, Any], Any]:
    """The metrics of a result that are numbers, and its equity curve where that is wanted."""
    try:
        parts = parts_of(result)
        metrics = {name: as_number(value) for name, value in parts.metrics.items()}
    except Exception as error:  # noqa: BLE001 - what a result of the user's raises
        notices.warn_once(
            ("study_parts", study.strategy),
            f"the study of {study.strategy} has no metrics of some runs, since their results could "
            f"not be read ({type(error).__name__}: {error}); they are not affected",
        )
        return {}, None
    numbers = {name: value for name, value in metrics.items() if value is not None}
    return numbers, parts.equity if study.wants_equity else None


def failure_of(error: BaseException) -> Failure:
    """An exception as texts, which every process can read."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else _full_name(kind)
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception of the user's may do anything
        message = ""
    return Failure(name, message, "".join(traceback.format_exception(error)))


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
