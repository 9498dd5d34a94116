"""``mlflow``: the queue of MLflow runs, runs of long ago, and folders ``mlruns``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afml_cache.cli.place import on_a_cache, on_any_cache
from afml_cache.cli.stop import DONE, FAILED, stop

if TYPE_CHECKING:
    from afml_cache.store.store import Store
    from afml_cache.tracking.outbox import Outbox


#: Why a run was not tried.
_NOT_OURS = "it was written with another secret (AFML_CACHE_SECRET), and left to whoever has that"


@click.group(name="mlflow")
def mlflow_runs() -> None:
    """Send, archive and import MLflow runs.

    They are what @mlflow_cached functions have computed.
    """


@mlflow_runs.command()
@click.option("--to", metavar="URI", help="Send there what could not be sent where it should go.")
@click.option("--drop", is_flag=True, help="Take off the queue what cannot be sent; asks first.")
@click.option(
    "--only",
    multiple=True,
    metavar="RECORD",
    help="With --drop or --to: only this one, as --json names it; may be repeated.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_a_cache
def sync(
    store: Store, as_json: bool, to: str | None, drop: bool, only: tuple[str, ...], yes: bool
) -> None:
    """Send the runs that wait in the queue; exit 3 where some could not be sent.

    What is taken off with --drop is lost to MLflow; the results stay in the cache.
    """
    from afml_cache.cli.ask import agreed
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, counted, line, waiting
    from afml_cache.tracking.deliver import drain
    from afml_cache.tracking.impatience import short_of_patience
    from afml_cache.tracking.reach import shown
    from afml_cache.tracking.redirect import redirect
    from afml_cache.tracking.waiting import drop as take_off
    from afml_cache.tracking.waiting import waiting_in

    box, target = _box(store), to and _uri(to)
    before = waiting_in(box)
    if only and not (drop or to):
        raise click.UsageError("--only says which runs --drop or --to is about; give one of these")
    for one in set(only) - {kept.record for kept in before.unsent + before.damaged}:
        raise click.UsageError(f"no record {one} waits in the queue; --json lists those that do")
    if before.unsent or before.running:
        _require_mlflow()
    with waiting("Sending runs"), short_of_patience():
        sent, _ = drain(box, store.sealer())
        unsent = [one for one in waiting_in(box).unsent if not only or one.record in only]
        if target and redirect(box, store.sealer(), unsent, target):
            sent += drain(box, store.sealer())[0]
    now = waiting_in(box)
    left = now.unsent + now.damaged
    reasons = [(shown(one.uri), one.error or _NOT_OURS) for one in left]
    out = console(errors=as_json)
    if not as_json:
        line(out, f"{counted(sent, 'run')} sent, {len(left):,} left.")
        if now.running:
            line(out, f"{counted(len(now.running), 'run')} of calls that are running now.")
        for (uri, why), count in sorted(Counter(reasons).items()):
            line(out, f"  {count:,} for {uri}: {why}")
    chosen = [one.record for one in left if not only or one.record in only]
    question = f"Take {counted(len(chosen), 'run')} off the queue? MLflow will never have them."
    dropped = 0
    if drop and chosen and agreed(question, yes=yes):
        dropped = take_off(box, chosen)
    if as_json:
        listed = [
            {"record": one.record, "function": one.function, "uri": uri, "why": why}
            for one, (uri, why) in zip(left, reasons, strict=True)
        ]
        counts = {"sent": sent, "running": len(now.running), "dropped": dropped}
        print_json("mlflow sync", {**counts, "unsent": listed})
    elif dropped:
        line(out, f"{counted(dropped, 'run')} taken off the queue.")
    elif left:
        line(out, "See to that and run it again, send them elsewhere with --to, or drop them.")
    sys.exit(FAILED if dropped < len(left) else DONE)


@mlflow_runs.command()
@click.option(
    "--older-than",
    required=True,
    metavar="AGE",
    help="Runs that were over so long ago, as 90d.",
)
@click.option("--experiment", metavar="NAME", help="Only those of one experiment.")
@click.option("--tracking-uri", metavar="URI", help="Only those at one address; default: at all.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where they are written; default: records/mlflow-archive in the cache.",
)
@click.option("--dry-run", is_flag=True, help="Show which ones; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_a_cache
def archive(
    store: Store,
    as_json: bool,
    older_than: str,
    experiment: str | None,
    tracking_uri: str | None,
    to: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Write runs of long ago into a folder, then delete them from MLflow.

    Only runs that this cache has recorded. MLflow keeps what is deleted until `mlflow gc`. Exit 3
    where an address could not be asked: the others are gone through all the same.
    """
    import dataclasses
    import time

    from afml_cache.cli.ask import agreed
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, counted, line, waiting
    from afml_cache.errors import TrackingError
    from afml_cache.store.location import RECORDS
    from afml_cache.tracking import archive as archives

    box, before = _box(store), time.time() - _age(older_than)
    uri = tracking_uri and _uri(tracking_uri)
    _require_mlflow()
    try:
        with waiting("Looking for runs"):
            found, passed = archives.old_runs(box, before, experiment, uri)
        counts = archives.counted(found)
        folder = (to or store.directory / RECORDS / archives.FOLDER).expanduser().absolute()
        out = console(errors=as_json)
        for name, count in counts.items():
            were = "was" if count == 1 else "were"
            line(out, f"{name}: {counted(count, 'run')} that {were} over {older_than} ago")
        for one in passed:
            line(out, f"Passed over: {counted(one.runs, 'run')} at {one.uri}: {one.why}")
        if not found:
            line(out, f"No run that this cache has recorded was over {older_than} ago.")
        them = "it" if len(found) == 1 else "them"
        question = f"Write {counted(len(found), 'run')} to {folder}, and delete {them} from MLflow?"
        done: list[archives.Archived] = []
        if found and not dry_run:
            if not agreed(question, yes=yes):
                click.echo("Nothing was changed.", err=True)
                return
            with waiting("Archiving"):
                done += (archives.archive(box, one, folder) for one in found)
    except (TrackingError, OSError) as error:
        stop(f"{error}. Runs that were not written are not deleted.", FAILED)
    if as_json:
        content = {
            "dry_run": dry_run,
            "experiments": counts,
            "written": [str(one.folder) for one in done],
            "passed_over": [dataclasses.asdict(one) for one in passed],
        }
        print_json("mlflow archive", content)
    elif done:
        were = "was" if len(done) == 1 else "were"
        written = f"{counted(len(done), 'run')} {were} written to {folder}"
        line(out, f"{written} and deleted from MLflow, models included.")
        registered = sorted({name for one in done for name in one.registered})
        if registered:
            line(out, f"Models that are registered stay with MLflow: {', '.join(registered)}.")
        line(out, "`mlflow gc` removes what is deleted for good.")
    sys.exit(FAILED if passed else DONE)


@mlflow_runs.command(name="import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--tracking-uri", metavar="URI", help="Where to; default: as for runs made here.")
@click.option("--dry-run", is_flag=True, help="Show what is there; import nothing.")
@on_any_cache
def import_runs(
    store: Store, as_json: bool, folder: Path, tracking_uri: str | None, dry_run: bool
) -> None:
    """Import the runs of a folder `mlruns`, which MLflow does not read any more.

    The folder stays as it is; what was imported before is left out.
    """
    from afml_cache.cli.document import print_json
    from afml_cache.cli.screen import console, counted, line, waiting
    from afml_cache.errors import ConfigurationError, TrackingError
    from afml_cache.tracking import old_runs, place

    box = _box(store)
    _require_mlflow()
    found = old_runs.experiments_in(folder.absolute())
    if not found:
        stop(f"There are no experiments of MLflow in {folder}.", FAILED)
    out = console(errors=as_json)
    counts = {}
    try:
        if tracking_uri is not None:
            place.configure(place.Configured(uri=place.checked_uri(tracking_uri)))
        names = {path: old_runs.name_of_experiment(path) for path in found}
        made: list[old_runs.OldFolder] = []
        for one in [] if dry_run else old_runs.in_order(found):
            to = place.place_for(store.directory, names[one.path.parent])
            with waiting(f"Importing {to.experiment}"):
                if old_runs.import_run(box, to, one) is not None:
                    made.append(one)
        for path, runs in found.items():
            count = counts[names[path]] = sum(one.path.parent == path for one in made)
            told = counted(len(runs), "run")
            told = told if dry_run else f"{count:,} of {told} imported"
            line(out, f"{names[path]}: {told}")
        left = old_runs.left_behind(found)
        everything = [one for runs in found.values() for one in runs]
        unfinished = old_runs.unfinished(everything if dry_run else made)
    except (TrackingError, ConfigurationError, OSError, ValueError) as error:
        stop(f"{error}. Run it again: what was imported is not imported twice.", FAILED)
    if unfinished:
        are = "is" if unfinished == 1 else "are"
        line(out, f"{counted(unfinished, 'run')} had not ended, and {are} KILLED there.")
    if left:
        what = ", ".join(counted(number, one, old_runs.LEFT[one]) for one, number in left.items())
        line(
            out,
            f"Not imported: {what}. `mlflow migrate-filestore` of MLflow 3.13 or later takes them, "
            "and all the rest of the folder, into a database of its own.",
        )
    if as_json:
        print_json("mlflow import", {"dry_run": dry_run, "imported": counts, "left": dict(left)})


def _box(store: Store) -> Outbox:
    from afml_cache.tracking.outbox import Outbox

    return Outbox(store.directory)


def _uri(text: str) -> str:
    from afml_cache.errors import ConfigurationError
    from afml_cache.tracking.place import checked_uri

    try:
        return checked_uri(text) or ""
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error


def _require_mlflow() -> None:
    from afml_cache.errors import TrackingError
    from afml_cache.tracking.client import require

    try:
        require()
    except TrackingError as error:
        stop(f"{error}.", FAILED)


def _age(text: str) -> float:
    from afml_cache.errors import ConfigurationError
    from afml_cache.settings import parse_age

    if re.fullmatch(r"[0-9_.\s]+", text):
        raise click.BadParameter(f"{text!r} has no unit; write 90d, 12h")
    try:
        return parse_age(text) or 0.0
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from error
