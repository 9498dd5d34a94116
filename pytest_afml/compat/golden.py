"""Golden stores: whether entries that were written long ago are still read, and still right.

The store is copied first, and nothing but the copy is ever opened.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_afml.compat import wording
from pytest_afml.compat.bodies import Function, body_of
from pytest_afml.compat.cases import Args
from pytest_afml.compat.differences import differences
from pytest_afml.compat.observe import Observed, observe
from pytest_afml.compat.stores import no_store, store_at
from pytest_afml.compat.upgrades import are_declared
from pytest_afml.limits import identity
from pytest_afml.wording import REASONS

#: What a store of ours consists of: the file of its small values, and the folder of the others.
INDEX, VALUES = "index.sqlite", "values"

#: What :meth:`AfmlCompat.reads_store` can say of a call or an entry.
VERDICTS = ("hit", "adopted", "upgraded", "readable", "miss", "differs", "unreadable")

#: The verdicts that are accepted where nothing else is asked for.
GOOD = ("hit", "adopted", "upgraded", "readable")


@dataclass(frozen=True)
class Verdict:
    """What became of one entry of a golden store.

    Attributes
    ----------
    name : str
        The call that asked for it; of an entry that no call asked for, its function and key.
    verdict : str
        ``"hit"``, ``"adopted"`` (from what ``@cacheable`` stored): served, and equal to what the
        function computes now. ``"upgraded"``: served, and equal after declared changes of dtype.
        ``"differs"``: served, and not equal. ``"miss"``: computed. ``"readable"``,
        ``"unreadable"``: of entries that no call asked for, and of a store's index.
    reason : str
        Of a miss, as in ``afml_cache.Reason``; else empty.
    details : tuple of str
        In words: what differs, or was upgraded, or why it missed.
    """

    name: str
    verdict: str
    reason: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return "\n    ".join([f"{self.name}: {self.verdict}{reason}", *self.details])


def read_store(
    path: Path,
    calls: Sequence[tuple[Function, Args]],
    upgrades: Mapping[str, str],
    settings: Mapping[str, Any],
) -> list[Verdict]:
    """The verdicts on a golden store: of each call, then of what no call asked for.

    Raises
    ------
    FileNotFoundError
        There is no store at ``path``.
    LimitError
        A function is not cached.
    """
    names = {identity(function) for function, _ in calls}
    with _copied(path) as copy, store_at(copy, adopt=True, **settings):
        index = copy / INDEX
        had_index = (index.exists() and index.stat().st_size) or not (copy / VALUES).is_dir()
        with warnings.catch_warnings():  # the verdict says it
            warnings.filterwarnings("ignore", "The index of the cache .* was damaged")
            entries = [*([] if had_index else [_no_index()]), *_entries(copy, names)]
        found = [_of_call(function, arguments, upgrades) for function, arguments in calls]
    asked = {key for _, key in found if key is not None}
    verdicts = [verdict for verdict, _ in found]
    return verdicts + [verdict for key, verdict in entries if key not in asked]


def _of_call(
    function: Function, arguments: Args, upgrades: Mapping[str, str]
) -> tuple[Verdict, str | None]:
    """The verdict on one call, and the key of the entry that it asked for."""
    served = observe(function, arguments)
    name = f"{identity(function)} of {arguments}"
    call = served.call
    key = None if call is None else call.key
    if call is None or not call.was_served:
        return _missed(name, served), key
    with no_store():
        computed = observe(body_of(function), arguments)
    if computed.error is not None:
        why = f"the function now raises {computed.error!r}"
        return Verdict(name, "differs", details=(why,)), key
    found = differences(served.result, computed.result)
    details = tuple(f"computed now, {wording.difference_text(one)}" for one in found)
    if not found:
        return Verdict(name, str(call.outcome)), key
    if are_declared(found, upgrades):
        return Verdict(name, "upgraded", details=details), key
    return Verdict(name, "differs", details=details), key


def _missed(name: str, seen: Observed) -> Verdict:
    if seen.call is None:
        why = "the cache saw no call" if seen.error is None else f"the call raised {seen.error!r}"
        return Verdict(name, "miss", details=(why,))
    reason = str(seen.call.reason)
    told = [one.text for one in seen.warnings if one.name == "CacheWarning"]
    return Verdict(name, "miss", reason, (REASONS[reason], *seen.call.differences, *told))


def _entries(copy: Path, names: set[str]) -> Iterator[tuple[str, Verdict]]:
    """Whether each entry can be opened; joblib's of the functions named are left to the calls."""
    from afml_cache import use_store

    with use_store(copy, durable=False) as store:
        problems = {
            problem.digest: f"{problem.reason}: {problem.detail}" for problem in store.verify()
        }
        for entry in store.entries():
            name = f"{entry.function}, key {entry.digest.hex()}"
            bad = problems.pop(entry.digest, None)
            verdict = Verdict(name, "readable") if bad is None else _unreadable(name, bad)
            yield entry.digest.hex(), verdict
        for digest, bad in problems.items():
            key = digest.hex() if digest is not None else "unknown"
            yield key, _unreadable(f"key {key}", bad)
        if list(copy.glob(f"{INDEX}.corrupt-*")):  # it was set aside when it was opened
            yield "index", _unreadable(INDEX, "it is damaged; which entries it held is not known")
    for file in sorted((copy / "joblib_cache").rglob("output.pkl")):
        folder = file.parent.parent.relative_to(copy / "joblib_cache").parts
        dotted = ".".join(part for part in folder if part != "joblib")
        if dotted not in names:
            yield str(file), _of_joblib(f"{dotted}, joblib's {file.parent.name}", file)


def _of_joblib(name: str, file: Path) -> Verdict:
    import joblib

    try:
        joblib.load(file)
    except Exception as error:  # noqa: BLE001 - what a class raises while it is unpickled
        return _unreadable(name, f"{type(error).__name__}: {error}")
    return Verdict(name, "readable")


def _no_index() -> tuple[str, Verdict]:
    why = f"it is gone, though there is a folder {VALUES}; which entries it held is not known"
    return "index", _unreadable(INDEX, why)


def _unreadable(name: str, why: str) -> Verdict:
    return Verdict(name, "unreadable", details=(why,))


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """A copy of a store, or of a location of joblib's, in a place of the user's own."""
    if not path.is_dir():
        raise FileNotFoundError(f"there is no golden store at {path}: it is no directory")
    with tempfile.TemporaryDirectory(prefix="afml-golden-", ignore_cleanup_errors=True) as name:
        copy = Path(name) / "store"
        is_ours = any((path / name).exists() for name in (INDEX, VALUES))
        is_ours = is_ours or (path / "joblib_cache").is_dir()
        shutil.copytree(path, copy if is_ours else copy / "joblib_cache")
        for place in (copy, *copy.rglob("*")):  # a checkout may be another's, or for reading only
            place.chmod(place.stat().st_mode & ~(stat.S_IWGRP | stat.S_IWOTH) | stat.S_IWUSR)
        yield copy
