"""From the rows of the records to what a user gets: metadata, metrics, whole results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from afml_cache.backtests.book import RunBook
from afml_cache.backtests.plain import from_plain, together
from afml_cache.backtests.tables import RUN, SAID
from afml_cache.backtests.windows import DataWindow, window_from_plain

_NAMES = RUN.split(", ")
#: Ids in one query.
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class BacktestMetadata:
    """What is known of a run besides its results.

    Attributes
    ----------
    run_id, strategy : str
    function : str
        ``module.qualname`` of the cached function; empty for a run that was given to
        :meth:`BacktestCache.cache_backtest`.
    code : str
        The digest (32 hex digits) of the code that made it, of the strategy and all it reaches;
        empty likewise.
    parameters : dict
        By name, with the types that they had; what could not be written out as an account of it.
    data : tuple of DataWindow
        What it saw.
    created : datetime
        In UTC.
    seconds : float
        What it took; 0.0 where that is not known.
    user, host, pid, commit
        Who made it, where, and with which commit checked out; None: not known.
    split : int or None
        The number of a walk-forward split.
    kept : dict
        ``trades`` and ``equity``: the forms in which they are kept, empty for none.
    """

    run_id: str
    strategy: str
    function: str
    code: str
    parameters: dict[str, Any]
    data: tuple[DataWindow, ...]
    created: datetime
    seconds: float
    user: str | None = None
    host: str | None = None
    pid: int | None = None
    commit: str | None = None
    split: int | None = None
    kept: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What is recorded of a run.

    Attributes
    ----------
    metadata : BacktestMetadata
    metrics : dict
        By name, with the types that they had.
    trades, equity : frame, series, array or None
        None where the run had none, or they were not kept.
    """

    metadata: BacktestMetadata
    metrics: dict[str, Any]
    trades: Any = None
    equity: Any = None

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.metadata.run_id

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name."""
        return self.metadata.parameters


@dataclass(frozen=True, slots=True)
class Recorded:
    """One row: a run, or a trial, which has no id that a user meets."""

    metadata: BacktestMetadata
    metrics: dict[str, Any]


def runs_where(book: RunBook, where: str, parameters: tuple[Any, ...] = ()) -> list[Recorded]:
    """The runs that an SQL condition finds."""
    return list(map(_run, book.read_all(f"SELECT {RUN} FROM run WHERE {where}", parameters)))


def runs_of_ids(book: RunBook, ids: Sequence[str]) -> dict[str, Recorded]:
    """Id -> run, of those that there are."""
    found: dict[str, Recorded] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = tuple(ids[start : start + _AT_ONCE])
        for run in runs_where(book, f"id IN ({','.join('?' * len(some))})", some):
            found[run.metadata.run_id] = run
    return found


def trials_of(book: RunBook, strategy: str | None) -> Iterator[Recorded]:
    """The trials of one strategy, or all, in the order in which they were made."""
    where, parameters = ("1", ()) if strategy is None else ("strategy=?", (strategy,))
    query = f"SELECT lower(hex(id)), {SAID} FROM trial WHERE {where} ORDER BY created, rowid"
    for row in book.read_all(query, parameters):
        yield _run((*row, *(None,) * (len(_NAMES) - len(row))))


def _run(row: tuple[Any, ...]) -> Recorded:
    said = dict(zip(_NAMES, row, strict=True))
    metadata = BacktestMetadata(
        run_id=said["id"],
        strategy=said["strategy"],
        function=said["function"],
        code=said["code"].hex(),
        parameters=_named(said["parameters"], said["parameter_types"]),
        data=tuple(map(window_from_plain, json.loads(said["data"]))),
        created=datetime.fromtimestamp(said["created"], UTC),
        seconds=said["seconds"],
        user=said["user"],
        host=said["host"],
        pid=said["pid"],
        commit=said["git_commit"],
        split=said["split"],
        kept={"trades": said["trades"] or "", "equity": said["equity"] or ""},
    )
    return Recorded(metadata, _named(said["metrics"], said["metric_types"]))


def _named(values: str, types: str) -> dict[str, Any]:
    plain = json.loads(values)
    if types != "{}":
        plain = together(plain, json.loads(types))
    return {name: from_plain(one) for name, one in plain.items()}
