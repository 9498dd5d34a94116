"""The tables of the records: runs, and the ledger of trials.

Runs may be moved aside once they are old; no statement here removes a trial. How many of either a
strategy has is kept beside them by triggers, so that asking costs the same however many there are.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from afml_cache.backtests.plain import apart
from afml_cache.backtests.run import Run, as_text, to_json
from afml_cache.backtests.windows import window_to_plain

FORMAT = 1

#: What a run and a trial both say; a trial says it of the first run that it was made by.
_SAID = (
    "strategy TEXT, function TEXT, code BLOB, parameters_digest BLOB, data_digest BLOB, "
    "parameters TEXT, parameter_types TEXT, data TEXT, metrics TEXT, metric_types TEXT, "
    "seconds REAL, created REAL, split INTEGER"
)
SAID = (
    "strategy, function, code, parameters_digest, data_digest, parameters, parameter_types, "
    "data, metrics, metric_types, seconds, created, split"
)
#: What a run says besides.
RUN = f"id, {SAID}, trial, user, host, pid, git_commit, trades, equity"

TABLES = (
    f"CREATE TABLE run (id TEXT PRIMARY KEY, {_SAID}, trial BLOB, user TEXT, host TEXT, "
    "pid INTEGER, git_commit TEXT, trades TEXT, equity TEXT)",
    "CREATE INDEX run_by_strategy ON run (strategy, created)",
    "CREATE INDEX run_by_call ON run (strategy, parameters_digest, data_digest, created)",
    "CREATE INDEX run_by_split ON run (strategy, split, created) WHERE split IS NOT NULL",
    f"CREATE TABLE trial (id BLOB NOT NULL, {_SAID}, UNIQUE (strategy, id))",
    "CREATE TABLE strategy (name TEXT PRIMARY KEY, runs INTEGER NOT NULL DEFAULT 0, "
    "trials INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
    "CREATE TRIGGER run_added AFTER INSERT ON run BEGIN "
    "INSERT OR IGNORE INTO strategy (name) VALUES (new.strategy); "
    "UPDATE strategy SET runs = runs + 1 WHERE name = new.strategy; END",
    "CREATE TRIGGER run_gone AFTER DELETE ON run BEGIN "
    "UPDATE strategy SET runs = runs - 1 WHERE name = old.strategy; END",
    "CREATE TRIGGER trial_added AFTER INSERT ON trial BEGIN "
    "INSERT OR IGNORE INTO strategy (name) VALUES (new.strategy); "
    "UPDATE strategy SET trials = trials + 1 WHERE name = new.strategy; END",
)

_COLUMNS = RUN.split(", ")
_MARKS = ", ".join("?" * len(_COLUMNS))
_ORIGIN = ("user", "host", "pid", "git_commit")
#: A run that was made again replaces the one of its id, with its trades; who made it is not known
#: of one that is recorded again from a hit.
_SET = {
    **{name: f"coalesce(excluded.{name}, {name})" for name in _ORIGIN},
    # Trades that were kept once stay when the run is made without keeping them.
    **{
        name: f"CASE WHEN excluded.{name}='unsaved' AND {name}<>'' THEN {name} "
        f"ELSE excluded.{name} END"
        for name in ("trades", "equity")
    },
}
_NEW = ", ".join(f"{name}={_SET.get(name, f'excluded.{name}')}" for name in _COLUMNS[1:])
_WRITE_RUN = f"INSERT INTO run ({RUN}) VALUES ({_MARKS}) ON CONFLICT (id) DO UPDATE SET {_NEW}"
_WRITE_TRIAL = (
    f"INSERT INTO trial (id, {SAID}) VALUES (?, {', '.join('?' * len(SAID.split(', ')))}) "
    "ON CONFLICT DO NOTHING"
)


def create(cursor: sqlite3.Cursor) -> None:
    """Make the tables, within a transaction."""
    for statement in TABLES:
        cursor.execute(statement)
    cursor.execute(f"PRAGMA user_version={FORMAT}")


def write_runs(cursor: sqlite3.Cursor, runs: Iterable[Run]) -> None:
    """Write runs, and the trials that they are."""
    for run in runs:
        both = said(run)
        origin = run.origin
        besides = (run.trial, origin.user, origin.host, origin.pid, origin.commit)
        cursor.execute(_WRITE_RUN, (run.id, *both, *besides, run.trades, run.equity))
        cursor.execute(_WRITE_TRIAL, (run.trial, *both))


def said(run: Run) -> tuple[object, ...]:
    """What a run and its trial both say, as :data:`SAID` names it."""
    arguments = run.arguments
    return (
        as_text(run.strategy),
        as_text(run.function),
        run.code,
        arguments.parameters_digest,
        arguments.data_digest,
        *map(to_json, apart(arguments.parameters)),
        to_json([window_to_plain(window) for window in arguments.windows]),
        *map(to_json, apart(run.metrics)),
        run.seconds,
        run.created,
        run.split,
    )


def mark_lower_bound(cursor: sqlite3.Cursor, aside: str) -> None:
    """Note that trials may have been lost with the file that was moved aside."""
    cursor.execute("CREATE TABLE IF NOT EXISTS lower_bound (since REAL, aside TEXT)")
    cursor.execute("INSERT INTO lower_bound VALUES (?, ?)", (time.time(), aside))


def unmark_lower_bound(cursor: sqlite3.Cursor) -> None:
    """Take that back: all trials have come over."""
    cursor.execute("DROP TABLE lower_bound")


#: Finds something if there may have been more trials than are counted.
IS_LOWER_BOUND = "SELECT 1 FROM sqlite_master WHERE type='table' AND name='lower_bound'"


def is_lower_bound(cursor: sqlite3.Cursor) -> bool:
    """Whether there may have been more trials than are counted."""
    return cursor.execute(IS_LOWER_BOUND).fetchone() is not None
