"""What the store says and is told: claims, entries, misses, counters, problems.

Plain values without behaviour, so that every room can speak of them without
loading SQLite or touching a disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from afml_cache.outcomes import Reason

#: First and last nanosecond since the epoch, and whether they are time-zone aware (UTC).
Extent = tuple[int, int, bool]


class Notes:
    """What a description refers to by a digest, each made when it is asked for.

    Parameters
    ----------
    made : Mapping
        Digest (16 bytes) -> what makes its note, a mapping that JSON can hold.
    """

    __slots__ = ("joined", "made")

    def __init__(self, made: Mapping[bytes, Callable[[], Mapping[str, Any]]]) -> None:
        self.made = made
        self.joined = b"".join(sorted(made))  #: all digests


@dataclass(frozen=True, slots=True)
class Claim:
    """What an entry says about its value.

    Parameters
    ----------
    function : str
        Identity of the function that computed the value.
    code, environment, arguments : bytes
        Digests of the project code, of the installed packages, of all bound arguments.
    description : Mapping
        JSON-able account of the arguments (digests a column and a block, never values).
    extent : tuple of (int, int, bool), optional
        Time span of the arguments: first and last nanosecond, aware or naive.
    seconds : float
        What the value cost to compute.
    expires : float, optional
        Seconds since the epoch from which on the entry is a miss.
    created : float, optional
        When the value was computed, in seconds since the epoch; None: now.
    notes : Notes, optional
        What the description refers to by a digest; kept once for all entries that refer to it.
    """

    function: str
    code: bytes
    environment: bytes
    arguments: bytes
    description: Mapping[str, Any] = field(default_factory=dict)
    extent: Extent | None = None
    seconds: float = 0.0
    expires: float | None = None
    created: float | None = None
    notes: Notes | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored value as the index knows it; times are seconds since the epoch."""

    digest: bytes
    function: str
    code: bytes
    environment: bytes
    arguments: bytes
    extent: Extent | None
    size: int  #: bytes on disk
    seconds: float  #: compute time
    created: float
    used: float
    expires: float | None


class Missing:
    """The answer of :meth:`Store.get` when there is no value; ``reason`` says why.

    ``reason`` is None when the store never knew the digest.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: Reason | None = None) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Missing({self.reason})"

    def __eq__(self, other: object) -> bool:
        return type(other) is Missing and other.reason == self.reason

    def __hash__(self) -> int:
        return hash((Missing, self.reason))


@dataclass(slots=True)
class Counters:
    """How the calls of one function went."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)  #: of the computed calls
    seconds_computed: float = 0.0
    seconds_saved: float = 0.0  #: what the entries of the hits had taken to compute
    computed_untimed: int = 0  #: computed calls that are not in ``seconds_computed``
    hits_unpriced: int = 0  #: hits that are not in ``seconds_saved``: of unknown worth
    hits_timed: int = 0  #: hits that ``hit_seconds`` tells of
    hit_seconds: float = 0.0  #: what hits took themselves: key and loading
    raised: int = 0  #: computed calls that raised, so that nothing was stored
    misses_timed: int = 0  #: misses that ``miss_seconds`` tells of
    miss_seconds: float = 0.0  #: what misses took beside computing: key, looking, storing
    adopt_seconds: float = 0.0  #: what adopting took
    last: float | None = field(default=None, compare=False)  #: the last call, since the epoch


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that :meth:`Store.verify` found wrong."""

    digest: bytes | None  #: None: a problem of the index, not of one entry
    function: str | None
    reason: Reason
    detail: str
    row: bool = False  #: it is the rows of the index that tell of the entry; its value is another


class BadEntryError(Exception):
    """A stored entry cannot be given out; ``reason`` says why. Never leaves the store."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class UnavailableError(Exception):
    """The store cannot be used now. Never leaves the store.

    Parameters
    ----------
    cause : str
        One word for the cause; a warning is given once a cause.
    detail : str
        What happened, to what, and what to do, as sentences.
    """

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail
