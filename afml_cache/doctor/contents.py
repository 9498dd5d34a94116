"""What lies in the directory of the cache: strangers, the index, times, leftovers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from afml_cache.doctor.finding import Finding
from afml_cache.store.repair import were_set_aside
from afml_cache.store.sweep import LEFT_ALONE

#: What the cache itself makes in its directory; beside these, files that begin with a dot.
_OURS = ("index.sqlite", "values", "flights", "cleared", "records", "joblib_cache")
#: What the system before this one made there, which a migration leaves where it is.
_BEFORE = (
    *("cache_stats.json", "function_tracker.json", "data_access_log.csv"),
    *("numba_cache", "backtests", "cv_cache"),
)
#: What other caches leave, by the name that they give it.
_OTHERS = {"joblib": "joblib.Memory", "cache.db": "diskcache", "mlruns": "MLflow"}
#: Seconds that two clocks may be apart.
_APART = 120.0


def other_systems(directory: Path) -> Iterator[Finding]:
    """Whether something else keeps its files in the same directory."""
    if not directory.is_dir():
        return
    names = [path.name for path in directory.iterdir()]
    strangers = sorted(
        name
        for name in names
        if not name.startswith((".", "index.sqlite")) and name not in (*_OURS, *_BEFORE)
    )
    if strangers:
        told = ", ".join(
            f"{name} ({_OTHERS[name]})" if name in _OTHERS else name for name in strangers[:5]
        )
        more = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
        remedy = (
            "Give each its own directory (AFML_CACHE). Clearing leaves it alone; size limits do "
            "not count it."
        )
        if "joblib" in strangers:
            remedy += (
                " Results of a joblib.Memory are adopted from "
                f"configure(adopt_from={str(directory)!r})."
            )
        yield Finding(
            "two systems",
            "warning",
            f"{directory} also holds what this cache did not make: {told}{more}",
            remedy,
        )


def index(directory: Path) -> Iterator[Finding]:
    """Whether the index is there, can be opened, and is of a version that we know."""
    from afml_cache.store.schema import ERRORS, NewerIndexError, is_current
    from afml_cache.store.state import reading, state_of

    path = directory / "index.sqlite"
    problem = state_of(directory, thoroughly=False).problem
    if problem is not None:
        yield Finding(
            "index",
            "error",
            f"{path}: {problem.detail}",
            "`afml-cache verify --repair` makes it again from the value files and from what can be "
            "read (so does the next cached call); if it happens again, see that the disk is sound.",
            for_others=f"{path} is damaged, empty or gone",
        )
        return
    if not path.exists():
        return
    try:
        with reading(path) as cursor:
            is_current(cursor)
    except NewerIndexError as error:
        yield Finding(
            "index",
            "error",
            f"{path} was written by a newer version ({error}): nothing is cached",
            "Upgrade afml-cache, or name another directory with AFML_CACHE.",
        )
    except ERRORS as error:
        yield Finding(
            "index",
            "error",
            f"{path} cannot be read ({error})",
            "See that you may read it and that it is a file, and that no other program locks it.",
            for_others=f"{path} cannot be read ({type(error).__name__})",
        )


def rows(directory: Path) -> Iterator[Finding]:
    """Whether the index is at one with itself and with the value files."""
    from afml_cache.store.state import contradictions, missing_files

    remedy = "`afml-cache verify` names them; with --repair it puts the index in order."
    if not (directory / "index.sqlite").exists():
        return
    if number := contradictions(directory):
        yield Finding(
            "rows",
            "error",
            f"the index contradicts itself about {number:,} entries: they are served and not "
            "listed, or listed and not served",
            remedy,
        )
    named, gone = missing_files(directory)
    if gone:
        yield Finding(
            "rows",
            "error" if gone == named else "warning",
            f"{gone:,} of the {named:,} value files that the index names are gone: such results "
            "are computed again",
            remedy,
        )


def clock(directory: Path) -> Iterator[Finding]:
    """Whether entries come from the future: then ages and expiry are not what they seem."""
    path = directory / "index.sqlite"
    if not path.exists():
        return
    from afml_cache.store.schema import ERRORS
    from afml_cache.store.state import reading

    newest = None
    # An index that cannot be read is a finding of its own.
    with contextlib.suppress(*ERRORS), reading(path) as cursor:
        (newest,) = cursor.execute("SELECT max(created) FROM claim").fetchone()
    ahead = newest - time.time() if isinstance(newest, float) else 0.0
    if ahead > _APART:
        yield Finding(
            "clock",
            "warning",
            f"the newest entry was stored {ahead / 60:,.0f} minutes from now: this clock is "
            "behind, or that of another machine was ahead",
            "Set the clocks (NTP): until then such entries expire too late.",
        )


def leftovers(directory: Path) -> Iterator[Finding]:
    """What processes that were killed have left, and indexes that were moved aside."""
    if not directory.is_dir():
        return
    aside = were_set_aside(directory)
    if aside:
        names = ", ".join(path.name for path in aside)
        yield Finding(
            "leftovers",
            "warning",
            f"the index was damaged before and made again; what of it could not be read, small "
            f"results and statistics, is lost. It was moved aside: {names}",
            "Remove what was moved aside when nothing is missed; if it happens again, see that "
            "the disk is sound.",
        )
    old = time.time() - LEFT_ALONE
    sizes = [_size_if_older(path, old) for path in _unnamed(directory)]
    left = [size for size in sizes if size is not None]
    if left:
        yield Finding(
            "leftovers",
            "warning",
            f"{len(left):,} files ({sum(left) / 1e6:,.1f} MB) of processes that died before they "
            "had stored them",
            "`afml-cache prune --compact` removes them.",
        )


def _unnamed(directory: Path) -> Iterator[Path]:
    """Half-written files, and value files that no row of the index names."""
    from afml_cache.store.rows import is_value_name
    from afml_cache.store.schema import ERRORS
    from afml_cache.store.state import reading

    yield from directory.glob("values/*/.*.part")
    index = directory / "index.sqlite"
    query = "SELECT body FROM entry WHERE typeof(body) = 'text'"
    # Without an index every file would seem to be left over, and is what it is made anew from.
    with contextlib.suppress(*ERRORS), reading(index) as cursor:
        named = {body for (body,) in cursor.execute(query)}
        for path in directory.glob("values/*/*"):
            if is_value_name(path.name) and path.name not in named:
                yield path


def _size_if_older(path: Path, than: float) -> int | None:
    with contextlib.suppress(FileNotFoundError):  # it has just been named, or removed
        status = path.stat()
        return status.st_size if status.st_mtime < than else None
    return None
