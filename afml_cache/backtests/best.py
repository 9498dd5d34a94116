"""The best runs of a strategy by one metric, reported as what they are: the best of so many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from afml_cache.backtests.book import RunBook
from afml_cache.backtests.plain import as_number
from afml_cache.backtests.rows import Recorded, runs_of_ids, runs_where
from afml_cache.backtests.run import to_json
from afml_cache.backtests.windows import DataWindow


@dataclass(frozen=True, slots=True)
class Tried:
    """What has been tried of a strategy.

    Parameters
    ----------
    trials : int
        Cleared runs, other code and other data among them.
    at_least : bool
        Whether there may have been more, lost with damaged records.
    other_code : int
        Trials by code that was not ranked.
    """

    trials: int
    at_least: bool = False
    other_code: int = 0

    def __str__(self) -> str:
        many = f"{'at least ' * self.at_least}{self.trials:,} trial{'s' * (self.trials != 1)}"
        if not self.other_code:
            return many
        return f"{many} ({self.other_code:,} of them by other code, which is not ranked)"


@dataclass(frozen=True, slots=True)
class BestRun:
    """One of the best runs of a strategy.

    Attributes
    ----------
    run_id : str
    parameters : dict
    metric : str
    value : float
        Of the metric.
    rank : int
        From 1 on.
    tried : Tried
        How many trials of the strategy there have been: a value is to be judged as the best of so
        many (Bailey and Lopez de Prado 2014, "The deflated Sharpe ratio").
    code : str
        The digest (32 hex digits) of the code that made it.
    data : tuple of DataWindow
        What it saw.
    is_current : bool
        Whether this is the code of the newest run of the strategy.
    """

    run_id: str
    parameters: dict[str, Any]
    metric: str
    value: float
    rank: int
    tried: Tried
    code: str = ""
    data: tuple[DataWindow, ...] = ()
    is_current: bool = True

    @property
    def trials(self) -> int:
        """How many trials of the strategy there have been."""
        return self.tried.trials

    def __str__(self) -> str:
        named = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        place = "the best" if self.rank == 1 else f"number {self.rank}"
        seen = f", on {' and '.join(map(_window, self.data))}" if self.data else ""
        code = "" if self.is_current else "; by code that has changed since"
        said = f"{self.metric} {self.value:g}, {place} of {self.tried}"
        return f"{said}: {named or 'no parameters'}{seen}{code}"


def _window(data: DataWindow) -> str:
    rows = f"{data.rows:,} row{'s' * (data.rows != 1)}"
    if data.first is None:
        return rows
    first, last = (str(end).removesuffix(" 00:00:00") for end in (data.first, data.last))
    return f"{rows} from {first} to {last}"


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is ranked, and by what.

    Parameters
    ----------
    strategy, metric : str
    maximize : bool
    top_n : int
    all_code : bool
        False: only runs by the code of the newest.
    data_digests : tuple of bytes
        Only runs on data of one of these digests; empty: on any.
    """

    strategy: str
    metric: str
    maximize: bool = True
    top_n: int = 1
    all_code: bool = False
    data_digests: tuple[bytes, ...] = ()


def best_runs(book: RunBook, ranking: Ranking, trials: int, at_least: bool) -> list[BestRun]:
    """The best first, of equal ones the earlier; runs without the metric, or with NaN, are none.

    Raises
    ------
    ValueError
        None of the runs has the metric.
    """
    newest = book.ask(
        "SELECT code FROM run WHERE strategy=? ORDER BY created DESC, rowid DESC LIMIT 1",
        (ranking.strategy,),
    )
    if not newest:
        return []
    code: bytes = newest[0][0]
    where: str = "strategy=?"
    values: tuple[Any, ...] = (ranking.strategy,)
    other = 0
    if not ranking.all_code:
        where, values = f"{where} AND code=?", (*values, code)
        ((other,),) = book.ask(
            "SELECT count(*) FROM trial WHERE strategy=? AND code<>?", (ranking.strategy, code)
        )
    if ranking.data_digests:
        marks = ", ".join("?" * len(ranking.data_digests))
        where, values = f"{where} AND data_digest IN ({marks})", (*values, *ranking.data_digests)
    ids = _candidates(book, ranking, where, values)
    found = list(runs_of_ids(book, ids).values())
    if not found:
        check_metric(runs_where(book, f"{where} LIMIT 1000", values), ranking.metric)
    return _ranked(found, ranking, Tried(trials, at_least, other), code.hex())


def _candidates(book: RunBook, ranking: Ranking, where: str, values: tuple[Any, ...]) -> list[str]:
    """Ids of runs among which the best are: SQL sorts the numbers that it can read."""
    if to_json(ranking.metric) != f'"{ranking.metric}"':  # a path has no way to say it
        return [id for (id,) in book.ask(f"SELECT id FROM run WHERE {where}", values)]
    name, order = f'$."{ranking.metric}"', "DESC" if ranking.maximize else "ASC"
    numbers = book.ask(
        "SELECT id FROM (SELECT id, created, json_extract(metrics, ?) AS value FROM run "
        f"WHERE {where}) WHERE typeof(value) IN ('integer', 'real') "
        f"ORDER BY value {order}, created LIMIT ?",
        (name, *values, ranking.top_n),
    )
    others = book.ask(  # infinity and Decimals, which JSON has as no number
        "SELECT id FROM (SELECT id, json_extract(metric_types, ?) AS type FROM run "
        f"WHERE {where}) WHERE type = 'decimal' OR type LIKE '%inf'",
        (name, *values),
    )
    return [id for (id,) in (*numbers, *others)]


def _ranked(runs: Iterable[Recorded], ranking: Ranking, tried: Tried, newest: str) -> list[BestRun]:
    valued = []
    for run in runs:
        value = as_number(run.metrics.get(ranking.metric))
        if value is not None and not math.isnan(value):
            valued.append((float(value), run.metadata))
    sign = -1.0 if ranking.maximize else 1.0
    valued.sort(key=lambda one: (sign * one[0], one[1].created))
    return [
        BestRun(
            run_id=run.run_id,
            parameters=run.parameters,
            metric=ranking.metric,
            value=value,
            rank=rank,
            tried=tried,
            code=run.code,
            data=run.data,
            is_current=run.code == newest,
        )
        for rank, (value, run) in enumerate(valued[: ranking.top_n], start=1)
    ]


def check_metric(runs: Iterable[Recorded], metric: str) -> None:
    """Refuse a metric that none of the runs has; raises ValueError."""
    known = dict.fromkeys(name for run in runs for name in run.metrics)
    if known and metric not in known:
        near = get_close_matches(metric, known, n=1)
        meant = f" (is it {near[0]!r}?)" if near else ""
        raise ValueError(
            f"none of the runs has a metric {metric!r}{meant}; they have {', '.join(known)}"
        )
