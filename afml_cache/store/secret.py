"""The secret that seals the entries: configured, from the environment, or from a file.

The file lies in the user's configuration directory, never inside the cache: whoever can
write to a shared cache must not be able to read what seals it.
"""

from __future__ import annotations

import binascii
import os
import secrets
import stat
from pathlib import Path

from afml_cache.notices import warn_once
from afml_cache.store.claims import UnavailableError

VARIABLE = "AFML_CACHE_SECRET"
_BYTES = 32


def find_secret(configured: bytes | None) -> bytes:
    """The secret in force; made on first use.

    Raises
    ------
    UnavailableError
        There is a secret that cannot be read, or none and none can be made. A secret
        invented for the occasion would seal entries that nobody can ever open.
    """
    if configured:
        return configured
    named = os.environ.get(VARIABLE)
    if named:
        return named.encode("utf-8", "surrogateescape")
    path = secret_file()
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            _create(path)
            return _read(path)
    except (OSError, ValueError) as error:
        raise UnavailableError(
            "secret",
            f"The secret that seals the cache, {path}, cannot be used ({error}). Nothing is "
            f"cached until it can: make the file readable, or set {VARIABLE}.",
        ) from error


def secret_file() -> Path:
    """Where the user's own secret is kept."""
    import platformdirs

    return Path(platformdirs.user_config_dir("afml", appauthor=False)) / "cache-secret"


def _read(path: Path) -> bytes:
    text = path.read_bytes().strip()
    try:
        secret = binascii.unhexlify(text)
    except binascii.Error:
        secret = b""
    if len(secret) < _BYTES:
        raise ValueError(f"it does not hold {2 * _BYTES} hexadecimal digits")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        warn_once(
            ("secret-mode", str(path)),
            f"The secret that seals the cache, {path}, is open to other users, who can forge "
            f"entries with it. Run: chmod 600 {path}",
        )
    return secret


def _create(path: Path) -> None:
    """Write a new secret unless another process was faster; never half of one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = secrets.token_bytes(_BYTES).hex().encode() + b"\n"
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where a rename would replace another's secret
        except FileExistsError:
            pass  # another process was faster: its secret is the secret
        except OSError:  # a file system without hard links
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
                file.write(text)
    finally:
        draft.unlink()
