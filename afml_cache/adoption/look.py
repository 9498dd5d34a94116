"""Looks for joblib's entry of a call, and says whether it may be used.

The questions are asked in the order of their cost, and every answer but the last leads to a
computation: is there a folder of the function, was its code edited since it was pinned, is there
an entry of these arguments, was it cleared, is the recorded source the function's, may the file be
opened, can it be read. joblib's folders are only read.
"""

from __future__ import annotations

import itertools
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from afml_cache import notices, settings
from afml_cache.adoption import pins, recorded, snapshots
from afml_cache.adoption.closures import closed_over_names, names_of_the_notebook
from afml_cache.adoption.noted import notes_of
from afml_cache.adoption.other_pandas import say_if_out_of_reach
from afml_cache.adoption.probe import parts_after_import
from afml_cache.adoption.records import Records
from afml_cache.adoption.trust import DistrustedError, distrusted, open_trusted
from afml_cache.joblib_memory.layout import (
    FunctionFolder,
    Written,
    folders_of,
    joblib_location,
    written,
)
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.extent import Extent
from afml_cache.outcomes import Reason
from afml_cache.store.cleared import CODE
from afml_cache.store.store import Store


@dataclass(frozen=True, slots=True)
class Legacy:
    """A call whose entry is looked for.

    Parameters
    ----------
    function : callable
        The undecorated function.
    identity : str
        Its identity.
    own, whole : Fingerprint
        Of the function, and of the function with the code that the arguments bring along.
    arguments : bytes
        The digest of all arguments.
    args, kwargs
        The call as it was written.
    ignore : frozenset of str
        What the new decorator leaves out.
    extents : callable
        Gives the stretches of time that the arguments cover, None where they are not told; asked
        only if need be.
    ttl : float, optional
        Seconds after which an entry is too old.
    """

    function: Any
    identity: str
    own: Fingerprint
    whole: Fingerprint
    arguments: bytes
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    ignore: frozenset[str]
    extents: Callable[[], Mapping[str, Extent] | None]
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """joblib's result of the call."""

    value: Any
    written: Written


@dataclass(frozen=True, slots=True)
class Refused:
    """There is an entry of the call and it is not used; ``why`` is a sentence without its end."""

    reason: Reason
    why: str


@dataclass(frozen=True, slots=True)
class _Entry:
    folder: FunctionFolder
    output: Path
    written: Written
    by_other_code: bool  #: as the notes of exact keys tell


def roots(store: Store) -> list[Path]:
    """The joblib locations in force: that of the store, then those that the user has named."""
    named = settings.current.adopt_from
    for place in named:
        if not os.path.isdir(place):  # noqa: PTH112 - Path.is_dir raises where it may not look
            notices.warn_once(
                ("adopt_from", str(place)),
                f"nothing is adopted from {place}, which configure(adopt_from=...) names: it is no "
                "directory, or may not be entered",
            )
    return [joblib_location(store), *named]


def adopt(store: Store, call: Legacy, *, code_is_known: bool) -> Adopted | Refused | None:
    """joblib's result of a call, why it is not used, or None where there is none.

    Parameters
    ----------
    store : Store
    call : Legacy
    code_is_known : bool
        The store itself knows the call under other code, which explains a miss well enough:
        then an edited function is not looked for any further.

    Raises
    ------
    OSError, sqlite3.Error
        A folder of joblib's cannot be looked into, or the records cannot be used.
    """
    folders = [f for f in folders_of(call.function, roots(store)) if any(f.entries())]
    if code_is_known:
        folders = [folder for folder in folders if not _is_known_to_be_edited(store, folder, call)]
    if not folders:
        return None
    entry = _find(store, folders, call)
    if entry is None:
        arguments = (*call.args, *call.kwargs.values())
        say_if_out_of_reach(call.identity, arguments, folders)
        return None
    refused = _refusal(store, call, entry)
    if refused is None:
        answer = _open(store, call, entry)
        if not isinstance(answer, Refused):
            return answer
        refused = answer
    notices.say(
        logging.INFO,
        "what @cacheable has stored of a call of %s() is not used: %s",
        call.identity,
        refused.why,
    )
    return refused


def preview(store: Store, call: Legacy) -> Refused | Path | None:
    """What :func:`adopt` would do, and nothing done: the file that it would open, if any."""
    folders = folders_of(call.function, roots(store))
    entry = _find(store, folders, call) if folders else None
    if entry is None:
        return None
    try:
        refused = _refusal(store, call, entry)
        if refused is None:
            why = distrusted(entry.folder.root, entry.output)
            refused = None if why is None else _refused(why)
        if refused is None and not _is_same(entry.folder, call):
            refused = _refused(_OTHER_SOURCE)
        return refused or entry.output
    except (OSError, sqlite3.Error) as error:
        return _refused(f"the records in {Records(store).path} cannot be read ({error})")


def _is_known_to_be_edited(store: Store, folder: FunctionFolder, call: Legacy) -> bool:
    """Whether the code is another than at the last pin of a folder's entries."""
    records = Records(store)
    found = pins.pins(records, folder.key)
    return bool(found) and bool(found[-1].contradicts(call.own, call.whole, lambda: None))


def _find(store: Store, folders: Iterable[FunctionFolder], call: Legacy) -> _Entry | None:
    """The newest entry of the call."""
    from afml_cache.adoption.hashing import argument_hashes

    notes = notes_of(store, call.identity, call.arguments, call.whole)
    by_ignored: dict[frozenset[str], list[FunctionFolder]] = {}
    for folder in folders:
        by_ignored.setdefault(_ignored(folder, call), []).append(folder)
    found = []
    for ignored, those in by_ignored.items():
        hashes = argument_hashes(call.function, ignored, call.args, call.kwargs)
        for hashed in itertools.chain(hashes, notes.hashes):
            for folder in those:
                output = folder.entry(hashed)
                try:
                    modified = output.stat().st_mtime
                except OSError:
                    continue
                by_other_code = notes.contradict(hashed, call.whole)
                found.append(_Entry(folder, output, written(output, modified), by_other_code))
            if found:
                break
    return max(found, key=lambda entry: entry.written.at, default=None)


def _ignored(folder: FunctionFolder, call: Legacy) -> frozenset[str]:
    """What the old decorator left out of its hashes, as far as its recorded line tells."""
    source = folder.recorded_source() or ""
    named = recorded.ignored_names(source, getattr(call.function, "__globals__", {}))
    return call.ignore if named is None else named


def _refusal(store: Store, call: Legacy, entry: _Entry) -> Refused | None:
    """Why an entry is not used, as far as that can be told without opening it."""
    at, key, records = entry.written.at, entry.folder.key, Records(store)
    if pins.barred(records, key, at, call.extents):
        return Refused(Reason.CLEARED, "it was stored before the function was cleared")
    against = _edited(records, call, entry)
    if against is not None:
        return _refused(against)
    if not entry.folder.is_certain:
        others = names_of_the_notebook(call.function, call.own)
        if others:
            return _refused(f"nothing tells which {others[0]} its notebook had")
    if call.ttl is not None and time.time() >= at + call.ttl:
        return Refused(Reason.EXPIRED, f"it is older than the ttl of {call.ttl:g} s")
    if entry.by_other_code:
        return _refused("it was computed by other code, as was noted then")
    closed_over = closed_over_names(call.function)
    if closed_over:
        return _refused(f"joblib's key does not contain the closed-over {closed_over}")
    counted = _ignored(entry.folder, call) - call.ignore
    if counted:
        return _refused(f"the old decorator ignored {', '.join(sorted(counted))}")
    if entry.folder.recorded_source() is None:
        return _refused("no source is recorded beside it (func_code.py is missing)")
    return None


def _edited(records: Records, call: Legacy, entry: _Entry) -> str | None:
    """What was edited since the code was pinned that an entry belongs to, in words."""
    stored = entry.written.at
    pin = pins.governing(pins.pins(records, entry.folder.key), stored)
    first = snapshots.snapshot_of(records, call.function, stored)
    if pin is None:
        files = [] if first is None else first.edited()
        return f"{files[0]} was edited since the migration was applied" if files else None
    against = pin.contradicts(call.own, call.whole, _as_imported(records, call, stored))
    if against is not None:
        return f"{against} since the function's code was pinned"
    if pin.is_vouched_for:
        return None
    files = []
    unknown = [name for name in call.whole.parts if name not in pin.rows]
    if first is None:
        if unknown and pin.is_applied:
            return f"nothing tells what {unknown[0]} was when the migration was applied"
    elif first.at < snapshots.taken_before(records, call.function, pin.at):
        files = first.edited()  # it could not be pinned when the migration was first applied
    elif unknown:
        files = first.edited(snapshots.modules_of(unknown))
    return f"{files[0]} was edited since the migration was applied" if files else None


def _as_imported(
    records: Records, call: Legacy, stored: float
) -> Callable[[], Mapping[str, str] | None]:
    """What an import gives; nothing if a file was edited, since another module may set values."""

    def imported() -> Mapping[str, str] | None:
        first = snapshots.snapshot_of(records, call.function, stored)
        if first is not None and first.edited():
            return None
        return parts_after_import(call.function)

    return imported


def _refused(why: str) -> Refused:
    return Refused(Reason.ADOPTION_REFUSED, why)


_OTHER_SOURCE = "its recorded source is not that of the function"


def _open(store: Store, call: Legacy, entry: _Entry) -> Adopted | Refused:
    """Open, check and pin, and only then unpickle."""
    folder = entry.folder
    try:
        why = distrusted(folder.root, folder.path / CODE)
        if why is not None:
            raise DistrustedError(why)
        file = open_trusted(folder.root, entry.output)
    except DistrustedError as error:
        notices.warn_once(
            ("adoption_distrusted", str(error)),
            f"what joblib has stored of {call.identity}() is not adopted, since {error}. "
            "Opening a pickle executes what it says",
        )
        return _refused(str(error))
    except OSError as error:  # cleared since it was looked up, or no file at all
        return _unreadable(call, entry, error)
    with file:
        return _load(store, call, entry, file)


def _load(store: Store, call: Legacy, entry: _Entry, file: BinaryIO) -> Adopted | Refused:
    from joblib.numpy_pickle import load

    # Compared after the file was opened: whoever replaces a result of other source replaces the
    # source that is recorded first.
    if not _is_same(entry.folder, call):
        return _refused(_OTHER_SOURCE)
    at, records = entry.written.at, Records(store)
    key, imported = entry.folder.key, _as_imported(records, call, at)
    against = pins.pin(records, key, at, call.own, call.whole, imported)
    if against is not None:  # pinned by another process this very moment
        return _refused(f"{against} since the function's code was pinned")
    try:
        return Adopted(load(file), entry.written)
    except Exception as error:  # noqa: BLE001 - what a class raises while it is unpickled
        return _unreadable(call, entry, error)


def _unreadable(call: Legacy, entry: _Entry, error: Exception) -> Refused:
    notices.warn_once(
        ("adoption_unreadable", str(entry.folder.path)),
        f"an entry that joblib has stored of {call.identity}() cannot be read, so its result "
        f"is computed again ({entry.output}: {type(error).__name__}: {error})",
    )
    return Refused(Reason.UNREADABLE, f"it cannot be read ({type(error).__name__}: {error})")


def _is_same(folder: FunctionFolder, call: Legacy) -> bool:
    from afml_cache.adoption.hashing import source_text

    source = folder.recorded_source()
    namespace = getattr(call.function, "__globals__", {})
    return source is not None and recorded.is_same_source(
        source, source_text(call.function), namespace
    )
