"""The directory of the cache: is it there, whose is it, on what kind of disk, with what room."""

from __future__ import annotations

import os
import shutil
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

from afml_cache.doctor.finding import Finding
from afml_cache.errors import CacheWarning
from afml_cache.store import location
from afml_cache.store.secret import VARIABLE, find_secret, secret_file

#: With less room the next results may find none.
_LOW = 10**9


def existence(directory: Path) -> Iterator[Finding]:
    """Whether the directory is there, or can be made."""
    if directory.is_dir():
        return
    if directory.exists():
        yield Finding(
            "directory",
            "error",
            f"{directory} is no directory",
            "Move it away, or name another place: AFML_CACHE or configure(directory=...).",
        )
    elif location.can_write(directory):
        yield Finding(
            "directory",
            "note",
            f"there is no cache in {directory} yet",
            "The first cached call makes it; if you expected one, AFML_CACHE names another place.",
        )
    else:
        yield Finding(
            "directory",
            "error",
            f"{directory} does not exist and cannot be made",
            "Make its parent writable, or name another place with AFML_CACHE.",
        )


def permissions(directory: Path) -> Iterator[Finding]:
    """Whether we can write there, and who else can."""
    if not directory.is_dir():
        return
    if not os.access(directory, os.R_OK | os.X_OK):
        yield Finding(
            "permissions",
            "error",
            f"{directory} cannot be read by you",
            f"Have its owner run: chmod u+rwx {directory}, or name another place.",
        )
        return
    index = directory / "index.sqlite"
    places = [directory, *(path for path in (index, directory / "values") if path.exists())]
    locked = [path for path in places if not location.may_write(path)]
    if locked:
        yield Finding(
            "permissions",
            "warning",
            f"{', '.join(map(str, locked))} cannot be written to: results are served, "
            "and none are stored",
            f"chmod u+w {' '.join(map(str, locked))}; or, where that is meant, set "
            "AFML_CACHE_MODE=readonly.",
        )
    if directory.stat().st_mode & stat.S_IWOTH:
        yield Finding(
            "permissions",
            "warning",
            f"every user can write to {directory}; entries that @cacheable has stored there are "
            "not sealed, so they are not adopted",
            f"chmod o-w {directory}",
        )


def secret(_: Path) -> Iterator[Finding]:
    """Whether the secret that seals the entries can be used, and is one."""
    if os.environ.get(VARIABLE):
        return
    path = secret_file()
    if not path.exists():
        return  # the first cached call makes it
    if not os.access(path, os.R_OK):
        yield Finding(
            "secret",
            "error",
            f"the secret that seals the cache, {path}, cannot be read: nothing is cached",
            f"chmod 600 {path} as its owner, or set {VARIABLE}.",
        )
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding(
            "secret",
            "warning",
            f"the secret that seals the cache, {path}, is open to other users, who can forge "
            "entries with it",
            f"chmod 600 {path}",
        )


def other_secret(directory: Path) -> Iterator[Finding]:
    """Whether the entries were sealed with the secret that is in force."""
    from afml_cache import settings
    from afml_cache.store.claims import UnavailableError
    from afml_cache.store.seal import Sealer
    from afml_cache.store.state import owners

    configured = settings.current.secret
    mine: bytes | None = None
    if configured or os.environ.get(VARIABLE) or secret_file().exists():  # else it would be made
        try:
            with warnings.catch_warnings(action="ignore", category=CacheWarning):
                mine = Sealer(find_secret(configured)).id
        except UnavailableError:
            return  # a finding of its own, as is what it warns of
    counted = owners(directory) if (directory / "index.sqlite").exists() else {}
    others = sum(count for owner, count in counted.items() if owner != mine)
    if not others:
        return
    if counted.get(mine or b""):
        yield Finding(
            "other secret",
            "note",
            f"{others:,} entries are sealed with another secret than yours, so you do not use them",
            f"That is as it should be where several share the directory; else see {VARIABLE}.",
        )
        return
    yield Finding(
        "other secret",
        "error",
        f"all {others:,} entries are sealed with another secret than the one in force, so none of "
        "them is used",
        f"Set {VARIABLE}, or bring back {secret_file()}, as it was when they were stored. If that "
        "is lost, so are they: `afml-cache clear` makes room.",
    )


def network(directory: Path) -> Iterator[Finding]:
    """Whether the directory lies on a network file system."""
    if location.is_network(directory):
        yield Finding(
            "network",
            "warning",
            f"{directory} lies on a network file system: the index keeps a rollback journal "
            "there, and every store and hit is slower",
            "If no other machine needs it, name a place on a local disk with AFML_CACHE.",
        )


def room(directory: Path) -> Iterator[Finding]:
    """Whether the disk is nearly full."""
    if not directory.is_dir():
        return
    free = shutil.disk_usage(directory).free
    if free < _LOW:
        yield Finding(
            "room",
            "warning",
            f"the disk of {directory} has {free / 1e6:,.0f} MB left",
            "Make room: `afml-cache prune --max-size 2GB`, `afml-cache restore --list`.",
        )
