"""What lies in the directory of the cache: strangers, the index, times, leftovers."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from afml_cache.doctor.finding import Finding
from afml_cache.store.repair import were_set_aside
from afml_cache.store.sweep import LEFT_ALONE

#: What the cache itself makes in its directory; beside these, files that begin with a dot.
_OURS = ("index.sqlite", "values", "flights", "cleared", "records", "joblib_cache")
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
        name for name in names if not name.startswith((".", "index.sqlite")) and name not in _OURS
    )
    if strangers:
        told = ", ".join(
            f"{name} ({_OTHERS[name]})" if name in _OTHERS else name for name in strangers[:5]
        )
        more = f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""
        yield Finding(
            "two systems",
            "warning",
            f"{directory} also holds what this cache did not make: {told}{more}",
            "Give each its own directory (AFML_CACHE). Clearing leaves it alone; size limits do "
            "not count it. Results of a joblib.Memory are adopted from "
            f"configure(adopt_from={str(directory)!r}).",
        )


def index(directory: Path) -> Iterator[Finding]:
    """Whether the index can be opened, and is of a version that we know."""
    path = directory / "index.sqlite"
    if not path.exists():
        return
    from afml_cache.store.header import check_header
    from afml_cache.store.schema import ERRORS, NewerIndexError, is_current

    try:
        check_header(path)
        with contextlib.closing(_opened(path)) as connection:
            is_current(connection.cursor())
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
            "The next cached call makes it again from the value files; if it stays so, see "
            "that the disk is sound. `afml-cache verify` checks the entries.",
        )


def clock(directory: Path) -> Iterator[Finding]:
    """Whether entries come from the future: then ages and expiry are not what they seem."""
    path = directory / "index.sqlite"
    if not path.exists():
        return
    from afml_cache.store.schema import ERRORS

    newest = None
    # An index that cannot be read is a finding of its own.
    with contextlib.suppress(*ERRORS), contextlib.closing(_opened(path)) as connection:
        (newest,) = connection.execute("SELECT max(created) FROM claim").fetchone()
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
    aside = [path.name for path in were_set_aside(directory)]
    if aside:
        yield Finding(
            "leftovers",
            "note",
            f"damaged indexes that were moved aside: {', '.join(aside)}",
            "What could be had from them is in the new one: remove them when nothing is missed.",
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

    yield from directory.glob("values/*/.*.part")
    index = directory / "index.sqlite"
    query = "SELECT body FROM entry WHERE typeof(body) = 'text'"
    # Without an index every file would seem to be left over, and is what it is made anew from.
    with contextlib.suppress(*ERRORS), contextlib.closing(_opened(index)) as connection:
        named = {body for (body,) in connection.execute(query)}
        for path in directory.glob("values/*/*"):
            if is_value_name(path.name) and path.name not in named:
                yield path


def _size_if_older(path: Path, than: float) -> int | None:
    with contextlib.suppress(FileNotFoundError):  # it has just been named, or removed
        status = path.stat()
        return status.st_size if status.st_mtime < than else None
    return None


def _opened(path: Path) -> sqlite3.Connection:
    """The index, to read; where nobody has it open, nothing is made beside it either."""
    log = path.with_name(path.name + "-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=1.0)
