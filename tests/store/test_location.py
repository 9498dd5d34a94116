"""Network file systems are told apart, and get a journal that works there."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from afml_cache.store import location
from afml_cache.store.location import filesystem_type, is_network

MOUNTS = r"""
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
tmpfs /home/me/scratch tmpfs rw 0 0
//share/data /mnt/team\040data cifs rw 0 0
me@host: /home/me/remote fuse.sshfs rw 0 0
/dev/sdb1 /homes xfs rw 0 0
/dev/sdc1 /over ext4 rw 0 0
server:/over /over nfs rw 0 0
garbage
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/cache", "ext4"),
        ("/", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/.cache/afml", "nfs4"),
        ("/home/me/scratch/afml", "tmpfs"),
        ("/home/me/remote", "fuse.sshfs"),
        ("/homes/me", "xfs"),
        ("/mnt/team data/cache", "cifs"),
        ("/over/there", "nfs"),
    ],
)
def test_the_innermost_mount_decides(directory, kind):
    assert filesystem_type(Path(directory), MOUNTS) == kind
    assert is_network(Path(directory), MOUNTS) == (kind in {"nfs4", "nfs", "cifs", "fuse.sshfs"})


def test_a_directory_here_is_not_on_a_network(tmp_path):
    assert not is_network(tmp_path / "not" / "yet")


def test_without_a_table_of_mounts_nothing_is_a_network(tmp_path):
    assert filesystem_type(tmp_path, "") is None and not is_network(tmp_path, "")


def test_the_journal_fits_the_place(open_store, base, digest, claim, monkeypatch):
    store = open_store()
    store.put(digest(1), 1, claim())
    assert store.journal == "wal" and (base / "index.sqlite-wal").exists()
    store.close()
    monkeypatch.setattr(location, "is_network", lambda directory: True)
    remote = open_store()
    assert remote.get(digest(1)) == 1
    assert remote.put(digest(2), 2, claim()) is None
    assert remote.journal == "delete"
    assert not (base / "index.sqlite-wal").exists()
    mode = remote._index.read(lambda cursor: cursor.execute("PRAGMA journal_mode").fetchone())
    assert mode == ("delete",)
    assert remote.get(digest(2)) == 2


@pytest.mark.parametrize("first", ["a value", "a flight", "a file"])
def test_a_directory_that_the_store_makes_is_for_its_owner_alone(
    first, base, open_store, digest, claim
):
    store = open_store(base / "inner")
    if first == "a flight":
        flight = store.flight(digest(1))
        flight.acquire()
        flight.release()
    else:
        if first == "a file":  # of a store that was removed while it was in use
            store.put(digest(2), 2, claim())
            shutil.rmtree(base)
        assert store.put(digest(1), bytes(100_000), claim()) is None
    assert stat.S_IMODE((base / "inner").stat().st_mode) == 0o700
    assert stat.S_IMODE(base.stat().st_mode) != 0o700  # what lies above is not the store's


def test_a_directory_that_exists_keeps_its_mode(base, open_store, digest, claim):
    base.mkdir()
    base.chmod(0o775)
    assert open_store().put(digest(1), bytes(100_000), claim()) is None
    assert stat.S_IMODE(base.stat().st_mode) == 0o775
