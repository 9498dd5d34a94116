"""Looks for joblib's entry of a call, and says whether it may be used.

The questions are asked in the order of their cost, and every answer but the last leads to a
computation: is there a folder of the function, was its code edited since it was pinned, is there
an entry of these arguments, was it cleared, is the recorded source the function's, may the file be
opened, can it be read. joblib's folders are only read.
"""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afml_cache import notices, settings
from afml_cache.adoption import pins, recorded
from afml_cache.adoption.noted import notes_of
from afml_cache.adoption.trust import distrusted, distrusted_status
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
        Gives the stretches of time that the arguments cover; asked only if need be.
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
    extents: Callable[[], Mapping[str, Extent]]
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
    return [joblib_location(store), *settings.current.adopt_from]


def adopt(store: Store, call: Legacy, *, code_is_known: bool) -> Adopted | Refused | None:
    """joblib's result of a call, why it is not used, or None where there is none.

    Parameters
    ----------
    store : Store
    call : Legacy
    code_is_known : bool
        The store itself knows the call under other code, which explains a miss well enough:
        then an edited function is not looked for any further.
    """
    folders = folders_of(call.function, roots(store))
    if not folders:
        return None
    try:
        against = _contradiction(store, call)
        if against is not None and code_is_known:
            return None
        entry = _find(store, folders, call)
        if entry is None:
            _say_if_out_of_reach(call, folders)
            return None
        refused = _refusal(store, call, entry, against)
        if refused is not None:
            return refused
        return _open(store, call, entry)
    except (OSError, sqlite3.Error) as error:
        notices.warn_once(
            ("adoption", str(store.directory)),
            f"what @cacheable has stored of {call.identity}() is not adopted, since the records in "
            f"{pins.records_file(store).parent} cannot be used ({error}); see that they can be "
            "written to",
        )
        return None


def preview(store: Store, call: Legacy) -> Refused | Path | None:
    """What :func:`adopt` would do, and nothing done: the file that it would open, if any."""
    folders = folders_of(call.function, roots(store))
    entry = _find(store, folders, call) if folders else None
    if entry is None:
        return None
    try:
        return _refusal(store, call, entry, _contradiction(store, call)) or entry.output
    except (OSError, sqlite3.Error) as error:
        return _refused(f"the records in {pins.records_file(store)} cannot be read ({error})")


def _contradiction(store: Store, call: Legacy) -> str | None:
    pin = pins.pinned(store, call.identity)
    return None if pin is None else pin.contradicts(call.own, call.whole)


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


def _refusal(store: Store, call: Legacy, entry: _Entry, against: str | None) -> Refused | None:
    """Why an entry is not used; None where it may be."""
    if against is not None:
        return _refused(f"{against} since the function's code was pinned")
    if pins.barred(store, call.identity, entry.written.at, call.extents):
        return Refused(Reason.CLEARED, "it was stored before the function was cleared")
    if call.ttl is not None and time.time() >= entry.written.at + call.ttl:
        return Refused(Reason.EXPIRED, f"it is older than the ttl of {call.ttl:g} s")
    if entry.by_other_code:
        return _refused("it was computed by other code, as was noted then")
    closed_over = closed_over_data(call.function)
    if closed_over:
        return _refused(f"joblib's key does not contain the closed-over {closed_over}")
    counted = _ignored(entry.folder, call) - call.ignore
    if counted:
        return _refused(f"the old decorator ignored {', '.join(sorted(counted))}")
    if entry.folder.recorded_source() is None:
        return _refused("no source is recorded beside it (func_code.py is missing)")
    for path in (entry.folder.path / "func_code.py", entry.output):
        why = distrusted(entry.folder.root, path)
        if why is not None:
            notices.warn_once(
                ("adoption_distrusted", why),
                f"what joblib has stored of {call.identity}() is not adopted, since {why}. "
                "Opening a pickle executes what it says",
            )
            return _refused(why)
    if not _is_same(entry.folder, call):
        return _refused("its recorded source is not that of the function")
    return None


def _refused(why: str) -> Refused:
    return Refused(Reason.ADOPTION_REFUSED, why)


def _is_same(folder: FunctionFolder, call: Legacy) -> bool:
    from afml_cache.adoption.hashing import source_text

    source = folder.recorded_source()
    namespace = getattr(call.function, "__globals__", {})
    return source is not None and recorded.is_same_source(
        source, source_text(call.function), namespace
    )


def closed_over_data(function: Any) -> str:
    """The closed-over names of a function made inside another that hold data, with commas.

    Such a function has one folder of joblib's, whatever it closes over.
    """
    names: list[str] = []
    if "<locals>" not in getattr(function, "__qualname__", ""):
        return ""
    while isinstance(function, types.FunctionType):
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            if not isinstance(value, types.ModuleType | type) and not callable(value):
                names.append(name)
        function = function.__dict__.get("__wrapped__")
    return ", ".join(names)


def _open(store: Store, call: Legacy, entry: _Entry) -> Adopted | Refused:
    """Pin and unpickle; the file that is read is the file that was checked."""
    from joblib.numpy_pickle import load

    try:
        with open(entry.output, "rb") as file:
            why = distrusted_status(entry.output, os.fstat(file.fileno()), reachable=False)
            if why is not None:
                return _refused(why)
            against = pins.pin(store, call.identity, call.own, call.whole)
            if against is not None:  # pinned by another process this very moment
                return _refused(against)
            return Adopted(load(file), entry.written)
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - what a class raises while it is unpickled
        notices.warn_once(
            ("adoption_unreadable", str(entry.folder.path)),
            f"an entry that joblib has stored of {call.identity}() cannot be read, so its result "
            f"is computed again ({entry.output}: {type(error).__name__}: {error})",
        )
        return Refused(Reason.UNREADABLE, f"it cannot be read ({type(error).__name__}: {error})")


# --- entries of another pandas ---

#: How pickles name a frame or Series: by its module before pandas 3, by pandas itself from then on.
_BEFORE_3 = re.compile(rb"pandas\.core\.(frame|series)\W")
_FROM_3 = re.compile(rb"\x8c\x06pandas\x94\x8c(\x09DataFrame|\x06Series)\x94")
#: Entries, and bytes of each, that are looked through for it.
_LOOKED_AT, _HEAD = 8, 1 << 16
#: Functions whose entries have been looked through.
_looked_through: set[str] = set()


def _say_if_out_of_reach(call: Legacy, folders: Iterable[FunctionFolder]) -> None:
    """Tell, once a function, that another pandas wrote its entries, and hashed otherwise."""
    pandas = sys.modules.get("pandas")
    if pandas is None or call.identity in _looked_through:
        return
    if not any(map(_is_pandas, _values(call))):
        return
    _looked_through.add(call.identity)
    major = int(pandas.__version__.partition(".")[0])
    for folder in folders:
        other = _other_major(folder, major)
        if other is not None:
            notices.warn_once(
                ("adoption_out_of_reach", call.identity),
                f"what @cacheable has stored of {call.identity}() under pandas {other} is out of "
                f"reach: joblib hashes frames otherwise under pandas {pandas.__version__}. To keep "
                f"it, let the new decorator adopt it under pandas {other}, with "
                "configure(package_versions='ignore'), and upgrade pandas then: the new keys stay",
            )


def _other_major(folder: FunctionFolder, major: int) -> str | None:
    for number, output in enumerate(folder.entries()):
        if number >= _LOOKED_AT:
            break
        try:
            with open(output, "rb") as file:
                head = file.read(_HEAD)
        except OSError:
            continue
        before, after = _BEFORE_3.search(head), _FROM_3.search(head)
        if before or after:
            return None if bool(before) == (major < 3) else "2" if before else "3"
    return None


def _values(call: Legacy) -> Iterator[object]:
    for value in (*call.args, *call.kwargs.values()):
        if isinstance(value, list | tuple):
            yield from value
        elif isinstance(value, dict):
            yield from value.values()
        else:
            yield value


def _is_pandas(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas"
