"""Trades and equity curves on disk: Parquet, which other programs open; sealed where need be.

They lie in ``<base>/records/backtests/<strategy>/<run id>.trades.parquet`` and
``.equity.parquet``. What is not plain numbers and dates is read back before it counts as kept; what
Parquet changes (objects of several types in one column, say) or refuses is kept in sealed form
besides or instead, as ``.sealed``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xxhash import xxh3_128_digest

from afml_cache import notices
from afml_cache.backtests import parquet
from afml_cache.backtests.exact_frames import comes_back
from afml_cache.backtests.parts import Parts
from afml_cache.backtests.run import safe_name
from afml_cache.errors import BacktestRecordError, UnkeyableArgumentError
from afml_cache.keys import content
from afml_cache.store import location, valuefile
from afml_cache.store.claims import BadEntryError, UnavailableError
from afml_cache.store.codec import decode, encode
from afml_cache.store.seal import Sealer
from afml_cache.store.store import Store

FOLDER = "backtests"
FORMS = PARQUET, SEALED = "parquet", "sealed"
#: Stands for a part that could not be written: the next process that meets the run tries again.
LOST = "lost"
#: Stands for a part that was not to be kept: who wants it kept and meets the run keeps it.
UNSAVED = "unsaved"


def folder_of(directory: Path) -> Path:
    """Where the files of all runs lie, a folder a strategy."""
    return directory / location.RECORDS / FOLDER


def place_of(directory: Path, strategy: str, run_id: str, part: str, form: str) -> Path:
    """Where a part (``"trades"`` or ``"equity"``) of a run lies."""
    return folder_of(directory) / safe_name(strategy) / f"{run_id}.{part}.{form}"


def keep(store: Store, strategy: str, run_id: str, part: str, value: Any) -> str:
    """Keep a frame, series or array; never raises for a fault of disk or format.

    Returns
    -------
    str
        The forms in which it is kept: ``"parquet"``, ``"sealed"``, ``"parquet sealed"``; ``"lost"``
        where it could not be now; empty where it never can be, or there is nothing to keep.
    """
    if value is None:
        return ""
    target = place_of(store.directory, strategy, run_id, part, PARQUET)
    forms = []
    try:
        location.make_folder(store.directory, target.parent)
        if find_spec("pyarrow") is None:
            exact = False
        else:
            written, exact = _keep_parquet(target, value, strategy, part)
            if written:
                forms.append(PARQUET)
        if not exact:
            _keep_sealed(target.with_suffix(f".{SEALED}"), value, store)
            forms.append(SEALED)
    except (OSError, UnavailableError) as error:
        why = error.detail if isinstance(error, UnavailableError) else error
        notices.warn_once(
            ("backtest_frames", str(store.directory)),
            f"the {part} of {run_id} cannot be recorded in {target.parent} ({why}); the result is "
            "not affected. See that the disk has room and the folder can be written to",
        )
        return LOST
    except Exception as error:  # noqa: BLE001 - what pickling a value of the user's raises
        notices.warn_once(
            ("backtest_frames", strategy, part),
            f"the {part} of {strategy} cannot be recorded, since a {type(value).__name__} like "
            f"this cannot be pickled ({type(error).__name__}: {error}); the result is not affected",
        )
        return PARQUET if PARQUET in forms else ""
    return " ".join(forms)


def keep_both(store: Store, strategy: str, run_id: str, parts: Parts) -> tuple[str, str]:
    """Keep trades and equity curve of a run; the forms of either, as :func:`keep` says."""
    trades = keep(store, strategy, run_id, "trades", parts.trades)
    return trades, keep(store, strategy, run_id, "equity", parts.equity)


def unsaved(parts: Parts) -> tuple[str, str]:
    """The forms of parts that are not to be kept."""
    return ("" if parts.trades is None else UNSAVED), ("" if parts.equity is None else UNSAVED)


def _keep_parquet(target: Path, value: Any, strategy: str, part: str) -> tuple[bool, bool]:
    """Write Parquet; whether it was written, and whether it comes back as it was."""
    draft = _draft(target)
    try:
        parquet.write(draft, value)
        exact = comes_back(value) or _is_same(parquet.read(draft), value)
        draft.replace(target)
        return True, exact
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - Arrow has many words for what it does not take
        notices.warn_once(
            ("backtest_parquet", strategy, part),
            f"the {part} of {strategy} cannot be written as Parquet ({error}); they are kept in "
            "sealed form, which only this cache reads. Columns of one type each, with names that "
            "differ as text, can be",
        )
        return False, False
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _keep_sealed(target: Path, value: Any, store: Store) -> None:
    draft = _draft(target)
    try:
        sealer: Sealer = store.sealer()
        valuefile.write(draft, _name_digest(target), sealer, encode(value), None, _NO_RECORD)
        draft.replace(target)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def is_complete(directory: Path, strategy: str, run_id: str, kept: Mapping[str, str]) -> bool:
    """Whether the files of a run are there, and whole to look at, given the forms of each part."""
    return all(
        form == UNSAVED
        or (form != LOST and _looks_whole(place_of(directory, strategy, run_id, part, form), form))
        for part, forms in kept.items()
        for form in forms.split()
    )


def _looks_whole(path: Path, form: str) -> bool:
    """Whether a file is there with its beginning and its end, which one that was cut has not."""
    try:
        if form == SEALED:
            valuefile.read_record(path, None)
            return True
        with path.open("rb") as file:
            begins = file.read(4)
            file.seek(-8, os.SEEK_END)  # the length of the footer, and the mark again
            return file.tell() > 0 and begins == file.read()[4:] == _PARQUET_MARK
    except (OSError, BadEntryError):
        return False


_PARQUET_MARK = b"PAR1"


def load(store: Store, strategy: str, run_id: str, part: str, forms: str) -> Any:
    """What :func:`keep` has kept in these forms; None where it was nothing.

    Raises
    ------
    BacktestRecordError
        It is there, or was, and cannot be read.
    """
    kept = [form for form in forms.split() if form in FORMS]
    problem: Exception | None = None
    for form in (SEALED, PARQUET):  # the sealed one is there because the other one is not exact
        if form not in kept:
            continue
        path = place_of(store.directory, strategy, run_id, part, form)
        try:
            return _load_sealed(path, store) if form == SEALED else parquet.read(path)
        except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
            problem = problem or error
    if problem is None:
        return None
    if isinstance(problem, FileNotFoundError):
        told = "the file is gone"
    elif isinstance(problem, ImportError):
        told = "reading Parquet needs pyarrow: pip install 'afml-cache[parquet]'"
    else:
        told = str(problem)
    anew = "A call of the backtest in a new process records them anew"
    if not isinstance(problem, FileNotFoundError | ImportError):
        anew = f"Remove the file: {anew[0].lower()}{anew[1:]}"
    raise BacktestRecordError(
        f"the {part} of {run_id} cannot be read from "
        f"{place_of(store.directory, strategy, run_id, part, kept[0])} ({told}); the run itself "
        f"and its metrics are there. {anew}"
    ) from problem


def _load_sealed(path: Path, store: Store) -> Any:
    try:
        opened = valuefile.open_sealed(path, _name_digest(path), store.sealer())
    except BadEntryError as bad:
        raise BacktestRecordError(bad.detail) from bad
    return decode(opened.stream, opened.buffers)


def _is_same(one: Any, other: Any) -> bool:
    try:
        return content.digest(one) == content.digest(other)
    except UnkeyableArgumentError:
        return False


def _draft(target: Path) -> Path:
    return target.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part")


def _name_digest(path: Path) -> bytes:
    """What a sealed file is bound to: a file of another run in its place is noticed."""
    return xxh3_128_digest(path.name.encode())


_NO_RECORD = valuefile.pack_record({})
