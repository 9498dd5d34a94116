"""Clearing a part of the cache: what was named, what belongs to changed code, what is too much.

What was named and what belongs to changed code is moved aside and can be restored for seven days;
what a limit of size or age removes makes room, and is gone.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from afml_cache import notices, settings
from afml_cache.adoption import pins
from afml_cache.adoption.records import Records
from afml_cache.cleaned import Cleaning, Maintenance
from afml_cache.clearing import BAR
from afml_cache.errors import ConfigurationError
from afml_cache.function_names import in_modules, names_given, perhaps_in_modules, suggestion
from afml_cache.function_tracker import FunctionTracker, TrackedFunction, get_function_tracker
from afml_cache.joblib_memory.cleared import forget_checked_functions, joblib_sizes, move_aside
from afml_cache.robust_cache_keys import robust_cacheable
from afml_cache.store import cleared as aside
from afml_cache.store import prospect, upkeep
from afml_cache.store.active import active
from afml_cache.store.cleared import JOBLIB_FOLDER, Cleared
from afml_cache.store.homes import modules_of
from afml_cache.store.setaside import set_aside
from afml_cache.store.store import Store
from afml_cache.store.upkeep import Freed
from afml_cache.stored_functions import Stored, cleared_functions, stored_functions

__all__ = [
    "Cleaning",
    "FunctionTracker",
    "Maintenance",
    "TrackedFunction",
    "cache_maintenance",
    "clear_changed_functions",
    "get_function_tracker",
    "optimize_cache_system",
    "selective_cache_clear",
    "smart_cacheable",
]

#: ``@smart_cacheable``, which notices changed code: by now, the same as ``@robust_cacheable``.
smart_cacheable = robust_cacheable


def selective_cache_clear(
    modules: object = None, functions: object = None, *, dry_run: bool = False
) -> Cleaning:
    """Clear what is stored of some functions, of all versions of their code.

    Names are matched exactly. Joblib's results under ``@cacheable`` are cleared, too. What is
    cleared can be restored for seven days: :func:`~afml_cache.restore_cleared`.

    Parameters
    ----------
    modules : str, module, or sequence of them, optional
        All functions defined in these; ``"package.*"`` is a package and all that is in it.
    functions : str, decorated function, or sequence of them, optional
        ``"package.module.function"``, ``"package.module.Class.method"``.
    dry_run : bool, optional
        Clear nothing; tell what would be.

    Returns
    -------
    Cleaning
        What was cleared, by function; false where that was nothing.

    Raises
    ------
    ConfigurationError
        Neither was given, or something that is no name.
    ClearingError
        Not everything could be cleared; nothing is lost.

    Examples
    --------
    >>> from afml_cache import robust_cacheable, selective_cache_clear, use_store
    >>> @robust_cacheable
    ... def labels(x):
    ...     return x
    >>> with use_store(tmp_path / "selective"):
    ...     _ = labels(1), labels(2)
    ...     selective_cache_clear(functions=labels).entries
    2
    """
    if modules is None and functions is None:
        raise ConfigurationError(
            "selective_cache_clear() needs modules= or functions=; clear_afml_cache() clears all"
        )
    named, places = names_given("functions", functions), names_given("modules", modules)
    store = active()
    stored = stored_functions(store)
    known = modules_of(store, stored.keys()) if places else {}
    wanted = set(named) & stored.keys() | in_modules(stored.keys(), places, known)
    unmatched = [name + suggestion(name, stored) for name in named if name not in stored]
    unsure = []
    for place in places:
        perhaps = perhaps_in_modules(stored.keys(), [place], known) - wanted
        if perhaps:
            unsure.append(
                f"whether these are of the module {place} cannot be told from their names alone, "
                f"so name those that you mean: {', '.join(sorted(perhaps))}"
            )
        if not (perhaps or in_modules(stored.keys(), [place], known)):
            unmatched.append(place)
    cleaning = _clear(store, wanted, stored, dry_run, tuple(unmatched), tuple(unsure))
    notices.say(logging.INFO, "%s", cleaning)
    return cleaning


def _clear(
    store: Store,
    wanted: Iterable[str],
    stored: Mapping[str, Stored],
    dry_run: bool,
    unmatched: tuple[str, ...],
    unsure: tuple[str, ...],
) -> Cleaning:
    names = sorted(wanted)
    sizes = {name: stored[name].size for name in names}
    if dry_run or not names:
        return Cleaning(sizes, dry_run=dry_run, unmatched=unmatched, unsure=unsure)
    folders = [folder for name in names for folder in stored[name].folders]
    place = store.directory / JOBLIB_FOLDER

    def joblibs(cleared: Path) -> None:
        for folder in folders:
            move_aside(place, folder, cleared / JOBLIB_FOLDER)

    _bar_named_places(store, names)
    cleared = set_aside(store, functions=names, beside=joblibs if folders else None)
    if folders:
        forget_checked_functions()
    moved = cleared_functions(cleared, stored)  # others may have stored or cleared meanwhile
    return Cleaning(moved, cleared, unmatched=unmatched, unsure=unsure)


def _bar_named_places(store: Store, names: Iterable[str]) -> None:
    """What lies in joblib folders of the user's own is not moved: it is not adopted any more."""
    if not settings.current.adopt_from:
        return
    try:
        for name in names:
            pins.bar(Records(store), name.replace(".", "/"), BAR + prospect.run_card())
    except (OSError, sqlite3.Error) as error:
        notices.warn_once(
            ("adoption_bar", str(store.directory)),
            "entries were cleared, but such results in the folders named with "
            f"configure(adopt_from=...) will be adopted again, since {Records(store).path} "
            f"cannot be written to ({error}); configure(adopt_from=None) keeps them out",
        )


def clear_changed_functions(
    modules: object = None, functions: object = None, *, dry_run: bool = False
) -> Cleaning:
    """Clear the entries of code that has changed since they were stored.

    Judged are the functions under the exact decorators that this process has loaded, by what is
    loaded: the function itself and the project code that it reaches. A touched file, a comment,
    a docstring, a decorator of the cache, a value that changes in place, or an upgraded package is
    no change; entries that fit the present code stay. What is cleared can be restored, and hits
    again once the code is what it was.

    Entries of ``@cacheable`` are not looked at: joblib drops them itself at the next call.

    Parameters
    ----------
    modules, functions, dry_run
        As for :func:`selective_cache_clear`; without either, all functions that are loaded.

    Returns
    -------
    Cleaning

    Raises
    ------
    ConfigurationError, ClearingError
        As for :func:`selective_cache_clear`.
    """
    store = active()
    tracker = get_function_tracker()
    named, places = names_given("functions", functions), names_given("modules", modules)
    loaded = tracker.names()
    everything = modules is None and functions is None
    wanted = set(loaded) if everything else set(named) & {*loaded} | in_modules(loaded, places)
    unmatched = [name + suggestion(name, loaded) for name in named if name not in loaded]
    unmatched += [place for place in places if not in_modules(loaded, [place])]
    found = tracker.look(wanted.__contains__)
    sizes = {
        one.tracked.name: (one.tracked.changed_entries, one.tracked.changed_bytes)
        for one in found
        if one.outdated
    }
    unsure = tuple(
        f"{one.tracked.name}: {one.tracked.unsure}" for one in found if one.tracked.unsure
    )
    digests = [entry.digest for one in found for entry in one.outdated]
    cleared = Cleared() if dry_run or not digests else set_aside(store, digests=digests)
    if not dry_run:
        sizes = cleared_functions(cleared, {})
    cleaning = Cleaning(sizes, cleared, dry_run, tuple(unmatched), unsure)
    notices.say(logging.INFO, "entries of changed code: %s", cleaning)
    return cleaning


def cache_maintenance(
    auto_clear_changed: bool = True,
    max_cache_size_mb: float | None = None,
    max_age_days: float | None = None,
) -> Maintenance:
    """Put the cache in order: what is outdated goes, and the limits hold.

    Parameters
    ----------
    auto_clear_changed : bool, optional
        Clear the entries of changed code, as :func:`clear_changed_functions` does.
    max_cache_size_mb : float, optional
        Over so many millions of bytes, what is cheapest to compute again a megabyte is evicted.
        None: the limit in ``configure(size_limit=)``, if there is one.
    max_age_days : float, optional
        Entries that were not used for so many days are removed. None: the limit in
        ``configure(age_limit=)``, if there is one. What is past its ``ttl`` goes in any case.

    Returns
    -------
    Maintenance
        What was cleared and what was freed.

    Raises
    ------
    ConfigurationError
        A limit is not a positive number; nothing has been removed.
    ClearingError
        The cache cannot be written to.

    Notes
    -----
    The results of ``@cacheable`` are joblib's: no limit is applied to them.
    """
    return _maintain(auto_clear_changed, max_cache_size_mb, max_age_days, thoroughly=False)


def optimize_cache_system(
    clear_changed: bool = True,
    max_cache_size_mb: float | None = None,
    max_age_days: float | None = None,
) -> Maintenance:
    """As :func:`cache_maintenance`, and remove leftovers and compact the index.

    Takes longer: every file in the store is looked at, and the index is written anew, while
    other processes wait to store results.

    Parameters
    ----------
    clear_changed, max_cache_size_mb, max_age_days
        As for :func:`cache_maintenance`.

    Returns
    -------
    Maintenance

    Raises
    ------
    ConfigurationError, ClearingError
        As for :func:`cache_maintenance`.
    """
    return _maintain(clear_changed, max_cache_size_mb, max_age_days, thoroughly=True)


def _maintain(
    clear_changed: bool, megabytes: float | None, days: float | None, *, thoroughly: bool
) -> Maintenance:
    store = active()
    size_limit = _limit("max_cache_size_mb", megabytes, 1e6)
    age_limit = _limit("max_age_days", days, 86_400.0)
    room = store.size_limit if size_limit is None else round(size_limit)
    age = store.age_limit if age_limit is None else age_limit
    if not store.directory.is_dir():
        return Maintenance()
    expired = upkeep.drop_expired(store, age)
    changed = clear_changed_functions() if clear_changed else Cleaning()
    before = aside.folders(store.directory)
    _remove_outdated(store)
    evicted = Freed() if room is None else upkeep.make_room(store, room)
    kept = {cleared.path for cleared in aside.folders(store.directory)}
    leftovers = upkeep.remove_leftovers(store) if thoroughly else Freed()
    index_bytes = upkeep.compact(store) if thoroughly else 0
    sizes = store.sizes().values()
    done = Maintenance(
        changed=changed,
        expired=expired,
        evicted=evicted,
        leftovers=leftovers,
        outdated=tuple(cleared for cleared in before if cleared.path not in kept),
        index_bytes=index_bytes,
        entries=sum(count for count, _ in sizes),
        bytes=sum(size for _, size in sizes),
        joblib_bytes=sum(
            size for _, size in joblib_sizes(store.directory / JOBLIB_FOLDER).values()
        ),
    )
    notices.say(logging.INFO, "maintenance of the cache %s: %s", store.directory, done)
    return done


def _remove_outdated(store: Store) -> None:
    if aside.folders(store.directory):
        with contextlib.suppress(OSError), aside.held(store.directory):  # else the next time
            aside.tidy(store.directory)


def _limit(name: str, value: Any, unit: float) -> float | None:
    if value is None:
        return None
    is_number = not isinstance(value, bool) and isinstance(value, Real)  # NumPy's, too
    if is_number and 0 < float(value) < float("inf"):
        return float(value) * unit
    raise ConfigurationError(f"{name} is {value!r}; it has to be a positive number, or None")
