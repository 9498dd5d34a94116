"""From the rows of the records to what a user gets: metadata, metrics, whole results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from afml_cache.backtests.book import RunBook
from afml_cache.backtests.plain import from_plain, together
from afml_cache.backtests.run import Run, as_text
from afml_cache.backtests.tables import RUN, SAID, said
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
    return list(map(_run, book.ask(f"SELECT {RUN} FROM run WHERE {where}", parameters)))


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
    for row in book.ask(query, parameters):
        yield _run((*row, *(None,) * (len(_NAMES) - len(row))))
    for run in unwritten_trials(book, strategy):
        row = run.trial.hex(), *said(run)
        yield _run((*row, *(None,) * (len(_NAMES) - len(row))))


def unwritten_trials(book: RunBook, strategy: str | None = None) -> list[Run]:
    """Runs that are held, the first of each trial that is not in the ledger yet."""
    first: dict[tuple[str, bytes], Run] = {}
    for run in book.held():
        name = as_text(run.strategy)
        if strategy in (None, name):
            first.setdefault((name, run.trial), run)
    found = "SELECT 1 FROM trial WHERE strategy=? AND id=?"
    return [run for key, run in first.items() if not book.ask(found, key)]


def _run(row: tuple[Any, ...]) -> Recorded:
    told = dict(zip(_NAMES, row, strict=True))
    metadata = BacktestMetadata(
        run_id=told["id"],
        strategy=told["strategy"],
        function=told["function"],
        code=told["code"].hex(),
        parameters=_named(told["parameters"], told["parameter_types"]),
        data=tuple(map(window_from_plain, json.loads(told["data"]))),
        created=datetime.fromtimestamp(told["created"], UTC),
        seconds=told["seconds"],
        user=told["user"],
        host=told["host"],
        pid=told["pid"],
        commit=told["git_commit"],
        split=told["split"],
        kept={"trades": told["trades"] or "", "equity": told["equity"] or ""},
    )
    return Recorded(metadata, _named(told["metrics"], told["metric_types"]))


def _named(values: str, types: str) -> dict[str, Any]:
    plain = json.loads(values)
    if types != "{}":
        plain = together(plain, json.loads(types))
    return {name: from_plain(one) for name, one in plain.items()}
