"""One run of a backtest, as it is recorded: an identity that is the same in every process."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xxhash import xxh3_128_hexdigest

from afml_cache.backtests.arguments import Arguments

#: Hexadecimal digits of the key in the id of a run: two of 100,000 share them once in 10^9 times.
_DIGITS = 16
_LONGEST_NAME = 80
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made a run, where, and with which state of the repository; None: not known."""

    user: str | None
    host: str | None
    pid: int | None
    commit: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """What is written of one run.

    Attributes
    ----------
    id : str
        As from :func:`run_id_of`.
    strategy, function : str
        The name that the user gave, and ``module.qualname``; empty where no function was cached.
    code : bytes
        The digest of the code fingerprint; empty likewise.
    trial : bytes
        The digest of strategy, code and arguments: what counts as one trial.
    arguments : Arguments
    metrics : mapping
        Each as JSON knows it (:mod:`afml_cache.backtests.plain`).
    seconds, created : float
        What it took, and when, in seconds since the epoch.
    trades, equity : str
        The forms in which they are kept, as :func:`afml_cache.backtests.kept_frames.keep` says.
    split : int or None
        The number of a walk-forward split.
    """

    id: str
    strategy: str
    function: str
    code: bytes
    trial: bytes
    arguments: Arguments
    metrics: Mapping[str, Any]
    seconds: float
    created: float
    origin: Origin
    trades: str = ""
    equity: str = ""
    split: int | None = None


def run_id_of(strategy: str, key: bytes | str) -> str:
    """The id of the run that a key (16 bytes, or 32 hex digits) belongs to.

    >>> run_id_of("sma", "00112233445566778899aabbccddeeff")
    'sma-0011223344556677'
    """
    digits = key if isinstance(key, str) else key.hex()
    return f"{safe_name(strategy)}-{digits[:_DIGITS]}"


def safe_name(name: str) -> str:
    """A name that every file system takes, another one for every name.

    >>> safe_name("sma"), safe_name("Mean reversion / 15 min")
    ('sma', 'Mean_reversion_15_min-6ecd387d')
    """
    name = as_text(name)
    # Where case does not count, "SMA" and "sma" would be one folder: only the plain are kept.
    if re.fullmatch(r"[a-z0-9_][a-z0-9_.-]*", name) and len(name) <= _LONGEST_NAME:
        return name
    digest = xxh3_128_hexdigest(name.encode())[:8]
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")[:_LONGEST_NAME]
    return f"{plain or 'strategy'}-{digest}"


def as_text(name: str) -> str:
    """A name that SQLite takes; those of files may hold what is no character."""
    return name.encode("utf-8", "backslashreplace").decode()


def to_json(plain: Any) -> str:
    """What :func:`afml_cache.backtests.plain.to_plain` made, as text that SQLite takes."""
    text = json.dumps(plain, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    # Half characters alone are escaped: SQL finds a name by the letters that it is written with.
    return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
