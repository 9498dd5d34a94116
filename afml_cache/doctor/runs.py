"""What concerns MLflow: folders that it does not read any more, and runs that wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from afml_cache.doctor.finding import Finding
from afml_cache.tracking.old_runs import FOLDER, not_imported
from afml_cache.tracking.outbox import READY, REFUSED, Outbox
from afml_cache.tracking.reach import shown


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
                f"{folder} holds {count:,} runs of MLflow, which reads such folders no more",
                f"`afml-cache mlflow import {folder}` puts them into the tracking store; the "
                "folder stays as it is.",
            )


def queue(directory: Path) -> Iterator[Finding]:
    """Whether runs wait to be sent, or never will be."""
    try:
        waiting = [one for one in Outbox(directory).every(READY, REFUSED) if one.error]
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
    if waiting:
        places = ", ".join(sorted({shown(one.uri) for one in waiting}))
        yield Finding(
            "mlflow queue",
            "warning",
            f"{len(waiting):,} runs wait to be sent to {places} (the last: {waiting[-1].error})",
            "See that the server runs, and send them: `afml-cache mlflow sync`.",
            for_others=f"{len(waiting):,} MLflow runs wait to be sent",
        )
