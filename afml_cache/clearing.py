"""Clearing the cache without losing anything: what is cleared can be restored for seven days."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import Counter
from dataclasses import dataclass
from glob import escape as glob_escape
from pathlib import Path

from afml_cache import notices, settings
from afml_cache.adoption import pins
from afml_cache.adoption.records import Records
from afml_cache.errors import ClearingError
from afml_cache.joblib_memory.cleared import bring_back, forget_checked_functions
from afml_cache.store import cleared as aside
from afml_cache.store import prospect
from afml_cache.store.active import active
from afml_cache.store.cleared import JOBLIB_FOLDER, KEPT_FOR, Cleared
from afml_cache.store.store import Store

__all__ = [
    "KEPT_FOR",
    "Cleared",
    "Restored",
    "clear_afml_cache",
    "list_cleared",
    "restore_cleared",
]


@dataclass(frozen=True, slots=True)
class Restored:
    """What :func:`restore_cleared` brought back; false where that was nothing.

    Parameters
    ----------
    paths : tuple of Path
        The cleared folders that were brought back; those with conflicts still exist.
    entries, joblib_entries : int
        Results that are back, of the cache's own store and of joblib.
    present : int
        Results that are there already, computed anew since or brought back before; these stay as
        they are.
    unreadable : int
        Entries that were damaged.
    conflicts : tuple of str
        Functions whose results under joblib stay in the cleared folder, since the results that
        are there now belong to another source text of the function, or to an unknown one.
    conflicting : tuple of Path
        The cleared folders in which these lie.
    left : tuple of Cleared
        What else can be restored, the newest last.
    """

    paths: tuple[Path, ...] = ()
    entries: int = 0
    joblib_entries: int = 0
    present: int = 0
    unreadable: int = 0
    conflicts: tuple[str, ...] = ()
    conflicting: tuple[Path, ...] = ()
    left: tuple[Cleared, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries or self.joblib_entries)

    def __str__(self) -> str:
        if not self.paths:
            return "nothing to restore"
        told = [f"{self.entries:,} entries and {self.joblib_entries:,} of joblib are back"]
        if self.present:
            told.append(f"{self.present:,} were there already")
        if self.unreadable:
            told.append(f"{self.unreadable:,} were damaged")
        if self.conflicts:
            told.append(
                f"those of {', '.join(self.conflicts)} stay aside, since joblib has them down "
                "with another source now; call them once with the source of then and "
                + " ".join(f"restore_cleared({path.name!r})" for path in self.conflicting)
            )
        if self.left:
            told.append(
                f"{len(self.left):,} more can be restored (list_cleared() names them, "
                "restore_cleared('all') brings them back)"
            )
        return "; ".join(told)


def clear_afml_cache(warn: bool = True) -> Cleared:
    """Empty the cache; what was in it is moved aside and can be restored for seven days.

    Moved are the entries and the counts of the active store, and joblib's results under
    ``@cacheable``, to ``<base>/cleared/<time>``. Records that are not cache
    (``<base>/records``) stay; so do folders named with ``configure(adopt_from=...)``, from which
    nothing older is adopted until it is restored. What is aside counts towards the size limit, and
    goes first where room is needed.

    Parameters
    ----------
    warn : bool, optional
        Warn how much was moved, where to, and how it is restored. False: only log it.

    Returns
    -------
    Cleared
        What was moved; false where there was nothing to clear.

    Raises
    ------
    ClearingError
        It could not be moved; nothing has been.
    """
    store = active()
    cleared = store.take_out()
    _bar_named_places(store, cleared)
    forget_checked_functions()
    if cleared:
        told = f"the cache was cleared: {cleared}; afml_cache.restore_cleared() brings it back"
        limit = store.size_limit
        if limit is not None and 2 * cleared.bytes > limit:
            told += (
                f". It takes more than half of the size limit ({limit / 1e6:,.0f} MB), and goes "
                "first where room is needed: restore it soon, or raise the limit"
            )
    else:
        told = f"there was nothing to clear in the cache {store.directory}"
    if warn and cleared:
        notices.warn_once(("cleared", str(cleared.path)), told)
    else:
        notices.say(logging.INFO, "%s", told)
    return cleared


def _bar_named_places(store: Store, cleared: Cleared) -> None:
    """What lies in joblib folders of the user's own is not moved: it is not adopted any more."""
    if cleared.path is None and not settings.current.adopt_from:
        return
    try:
        # Others may have named such folders; restoring what this run cleared lifts it.
        pins.bar(Records(store), pins.EVERY, BAR + prospect.run_card())
    except (OSError, sqlite3.Error) as error:
        notices.warn_once(
            ("adoption_bar", str(store.directory)),
            "the cache was cleared, but results in the folders named with "
            f"configure(adopt_from=...) will be adopted again, since {Records(store).path} "
            f"cannot be written to ({error}); configure(adopt_from=None) keeps them out",
        )


#: How the bars begin that a clearing puts up, with the run that cleared.
BAR = "cleared by "


def _lift(store: Store, token: str) -> None:
    try:
        pins.lift(Records(store), token)
    except (OSError, sqlite3.Error) as error:
        notices.warn_once(
            ("adoption_lift", str(store.directory)),
            f"what was cleared is back, but {Records(store).path} cannot be used ({error}), "
            "so results in folders named with configure(adopt_from=...) stay unused; move the file "
            "away if it is damaged",
        )


def list_cleared() -> list[Cleared]:
    """What can be restored into the active store, oldest first."""
    return aside.folders(active().directory)


def restore_cleared(which: str | os.PathLike[str] | None = None) -> Restored:
    """Bring back what was cleared, beside what has been cached since.

    What is cached now is never replaced: of two results for one call the present one stays.

    Parameters
    ----------
    which : str or path, optional
        The name or path of one cleared folder, or ``"all"``. None: what was cleared last,
        with everything that the same run cleared before. (A test suite may clear the
        cache around every test: the first time, a user's.)

    Returns
    -------
    Restored
        What is back and what had to stay; false where there was nothing to restore.

    Raises
    ------
    ClearingError
        There is no such folder, or the cache cannot be written to; nothing is lost.
    """
    store = active()
    base = store.directory
    if not list_cleared() and which in (None, "all"):
        _lift(store, BAR + "*")
        return Restored()
    try:
        with aside.held(base):
            restored = _restore(store, _chosen(aside.folders(base), which, base))
    except OSError as error:
        raise ClearingError(
            f"Not everything could be brought back into {base} ({error}). The rest is still in "
            "the cleared folder: see that the cache can be written to, and restore again."
        ) from error
    if restored.conflicts:
        notices.warn_once(("restored", restored.paths, restored.conflicts), str(restored))
    else:
        notices.say(logging.INFO, "%s", restored)
    return restored


def _chosen(
    folders: list[Cleared], which: str | os.PathLike[str] | None, base: Path
) -> list[Cleared]:
    if which == "all" or (which is None and not folders):
        return folders
    if which is None:
        # What had to stay at an earlier restoration must not be in the way of the next.
        folders = [folder for folder in folders if not folder.only_conflicts] or folders
        return [folder for folder in folders if folder.run == folders[-1].run]
    wanted = Path(which)
    for folder in folders:
        if folder.path is not None and (
            folder.path.name == str(which) or folder.path == wanted.expanduser().absolute()
        ):
            return [folder]
    names = ", ".join(folder.path.name for folder in folders if folder.path is not None)
    raise ClearingError(
        f"There is no cleared folder {str(which)!r} in {base}; "
        + (f"there are {names}" if names else "nothing can be restored")
    )


def _restore(store: Store, chosen: list[Cleared]) -> Restored:
    base = store.directory
    paths: list[Path] = []
    conflicting: list[Path] = []
    conflicts: list[str] = []
    counts: Counter[str] = Counter()
    for folder in reversed(chosen):  # of two results for one call the newer one comes first
        assert folder.path is not None
        ours = store.bring_back(folder.path)
        joblibs = bring_back(folder.path / JOBLIB_FOLDER, base / JOBLIB_FOLDER)
        counts["entries"] += ours.entries
        counts["joblib_entries"] += joblibs.entries
        counts["present"] += ours.present + joblibs.present
        counts["unreadable"] += ours.unreadable
        paths.append(folder.path)
        _lift(store, BAR + glob_escape(folder.run))
        if joblibs.conflicts:
            conflicting.append(folder.path)
            conflicts += joblibs.conflicts
            aside.account(folder.path, only_conflicts=True)
        else:
            aside.remove(folder)
    aside.tidy_empty(base)
    return Restored(
        paths=tuple(paths),
        conflicts=tuple(dict.fromkeys(conflicts)),
        conflicting=tuple(conflicting),
        left=tuple(folder for folder in aside.folders(base) if folder.path not in paths),
        **counts,
    )
