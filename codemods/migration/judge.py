"""What a criterion says: whether it holds, in which numbers, and which functions break it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Name(StrEnum):
    """The criteria, as the report lists them."""

    TESTS = "all existing tests pass"
    RESULTS = "results are the same"
    HIT_RATES = "hit rates kept or better"
    NOT_COMPUTED_AGAIN = "nothing computed again"
    SPEED = "no slower cached call"
    HEALTH = "monitoring is healthy"
    MLFLOW = "MLflow works"
    BACKTESTS = "backtest studies reuse"
    RECHECK = "bodies give what is stored"


class Holds(StrEnum):
    """What can be said of a criterion."""

    YES = "holds"
    NO = "broken"
    UNKNOWN = "not measured"  #: so it is not known to hold, and the migration is not proven by it
    IDLE = "does not apply"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that breaks a criterion.

    Attributes
    ----------
    function : str
        As recordings name it; empty where it cannot be told whose fault it is.
    what : str
        A sentence, with the difference of the values where there is one.
    suspects : frozenset of str
        Where it cannot be told: functions one of which it must be. Empty: any.
    """

    what: str
    function: str = ""
    suspects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Gap:
    """What a criterion has not looked at.

    Attributes
    ----------
    function : str
        As recordings name it.
    what : str
        Which calls, and why.
    whole : bool
        Nothing of the function was looked at.
    needed : bool
        It could have been, so the criterion is not known to hold.
    """

    function: str
    what: str
    whole: bool = False
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Criterion:
    """One row of the table.

    Attributes
    ----------
    name : Name
    holds : Holds
    told : str
        The numbers in a few words; or why there are none.
    """

    name: Name
    holds: Holds
    told: str
    faults: tuple[Fault, ...] = ()
    gaps: tuple[Gap, ...] = ()


def criterion(
    name: Name, told: str, faults: Iterable[Fault], gaps: Iterable[Gap] = ()
) -> Criterion:
    """A criterion that holds where nothing breaks it, and nothing is left open that need not be."""
    faults, gaps = tuple(faults), tuple(gaps)
    holds = Holds.UNKNOWN if any(gap.needed for gap in gaps) else Holds.YES
    return Criterion(name, Holds.NO if faults else holds, told, faults, gaps)


def unknown(name: Name, why: str) -> Criterion:
    """A criterion that was not measured."""
    return Criterion(name, Holds.UNKNOWN, why)


def idle(name: Name, why: str) -> Criterion:
    """A criterion that there is nothing to hold."""
    return Criterion(name, Holds.IDLE, why)
