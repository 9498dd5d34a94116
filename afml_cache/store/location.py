"""What kind of place a cache directory is: on a network file system, read-only, gone.

SQLite's write-ahead log needs memory shared between all readers, which a network
file system cannot give; there the index keeps a rollback journal instead.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

#: File system types whose files another machine may have open at the same time.
NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "davfs", "fhgfs", "fuse.ceph",
        "fuse.davfs", "fuse.glusterfs", "fuse.gcsfuse", "fuse.juicefs", "fuse.rclone",
        "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse", "glusterfs", "gpfs", "lustre", "ncpfs",
        "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs",
    }
)  # fmt: skip


def is_network(directory: Path, mounts: str | None = None) -> bool:
    """Whether ``directory`` lies on a network file system.

    Parameters
    ----------
    directory : Path
        It, or its nearest parent that exists, is looked up.
    mounts : str, optional
        Text in the format of ``/proc/mounts``; None: this machine's. Where a system has
        none (macOS), the answer is False.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return False
    return filesystem_type(Path(os.path.realpath(directory)), mounts) in NETWORK_TYPES


def filesystem_type(directory: Path, mounts: str) -> str | None:
    """The type of the file system that holds ``directory``, from a table of mounts."""
    # As text: a machine can have hundreds of mounts, and every new store asks.
    inside = f"{directory}".rstrip("/") + "/"
    best, found = -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1]
        if "\\" in point:
            point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), point)
        point = point.rstrip("/") + "/"
        # Of two mounts on one point the later hides the earlier.
        if len(point) >= best and inside.startswith(point):
            best, found = len(point), fields[2]
    return found


#: The folder of a cache directory that holds what is not cache: never cleared, never evicted.
RECORDS = "records"


#: One of them makes a directory a cache.
_SIGNS = ("index.sqlite", "joblib_cache", "cleared", "values", "records/mlflow-queue.sqlite")


def is_cache(base: Path) -> bool:
    """Whether there is a cache in a directory."""
    return any((base / sign).exists() for sign in _SIGNS)


def why_no_cache(base: Path) -> str:
    """What is said of a directory that holds no cache."""
    here = "it exists and holds none" if base.is_dir() else "it does not exist"
    return (
        f"There is no cache in {base}: {here}, and nothing was made. Call a cached function first, "
        "or name another place"
    )


def make_folder(base: Path, folder: Path) -> None:
    """Make ``folder`` inside a cache directory; the directory itself, if new, for its owner alone.

    Values lie there in the clear. A directory that exists keeps its mode: it may be shared.
    """
    if not folder.is_dir():
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a small file in one step: whoever reads it finds the old text or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def copy_if_absent(source: Path, target: Path) -> bool:
    """Copy a small file in one step; False where the target is there, which is left alone."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    shutil.copyfile(source, draft)
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return True


def can_write(directory: Path) -> bool:
    """Whether files can be made in ``directory``, or in the parent where it would be made."""
    for place in (directory, *directory.parents):
        if place.is_dir():
            return may_write(place)
    return False


def may_write(path: Path) -> bool:
    """Whether this process may change ``path``; False on a read-only mount, even for root."""
    mode = os.W_OK | (os.X_OK if path.is_dir() else 0)
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)
