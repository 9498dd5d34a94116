"""What concerns MLflow: folders that it does not read any more, and runs that wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from afml_cache.doctor.finding import Finding
from afml_cache.tracking.old_runs import FOLDER, not_imported
from afml_cache.tracking.outbox import Outbox
from afml_cache.tracking.reach import shown
from afml_cache.tracking.waiting import waiting_in


def old_folder(directory: Path) -> Iterator[Finding]:
    """Whether runs lie in a folder ``mlruns``, here or beside the cache's own files."""
    for folder in dict.fromkeys((Path.cwd() / FOLDER, directory / FOLDER)):
        try:
            count = not_imported(folder, Outbox(directory))
        except (sqlite3.Error, UnicodeError):  # the queue cannot be read: a finding of its own
            return
        if count:
            yield Finding(
                "mlruns",
                "warning",
                f"{folder} holds {_counted(count)} of MLflow, which reads such folders no more",
                f"`afml-cache mlflow import {folder}` puts them into the tracking store; the "
                "folder stays as it is.",
            )


def queue(directory: Path) -> Iterator[Finding]:
    """Whether runs wait to be sent, or never will be."""
    try:
        found = waiting_in(Outbox(directory))
    except (sqlite3.Error, UnicodeError) as error:
        yield Finding(
            "mlflow queue",
            "error",
            f"the queue of MLflow runs, {Outbox(directory).path}, cannot be read ({error})",
            "Move it away: the next tracked call makes a new one. Runs that waited in it are lost, "
            "results are not.",
            for_others="the queue of MLflow runs cannot be read",
        )
        return
    if found.unsent:
        places = ", ".join(sorted({shown(one.uri) for one in found.unsent}))
        why = next((one.error for one in reversed(found.unsent) if one.error), None)
        told = f" (the last: {why})" if why else ""
        yield Finding(
            "mlflow queue",
            "warning",
            f"{_waiting(len(found.unsent))} to be sent to {places}{told}",
            f"{'See to that, and send' if why else 'Send'} what waits: `afml-cache mlflow sync`. "
            "Its --to sends it elsewhere, its --drop takes it off the queue.",
            for_others=f"{_waiting(len(found.unsent))} to be sent",
        )
    if found.damaged:
        yield Finding(
            "mlflow queue",
            "warning",
            f"{_counted(len(found.damaged))} of MLflow will not be sent, since what the queue has "
            f"of it was changed (the last: {found.damaged[-1].error})",
            "`afml-cache mlflow sync --drop` takes them off the queue; results are not affected.",
            for_others=f"{_counted(len(found.damaged))} of MLflow will not be sent",
        )


def _waiting(runs: int) -> str:
    return f"{_counted(runs)} of MLflow {'waits' if runs == 1 else 'wait'}"


def _counted(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs:,} runs"
