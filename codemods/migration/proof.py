"""How far a migrated function is proven: what the tests call, and what of it was run again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from codemods.migration.recorded import Again, Recheck, Recording, calls_of


class Proof(StrEnum):
    """What was seen of a migrated function."""

    VERIFIED = "verified"  #: called, and its body gave what is stored
    NEVER_CALLED = "never called"
    NOT_RECHECKED = "not rechecked"  #: called and compared, but its body was not run again
    NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class Proven:
    """How far one function is proven, and why no further."""

    proof: Proof
    why: str = ""


def proof_of(
    recording: Recording | None, names: Collection[str], maybe: str, *, rechecks: bool
) -> Proven:
    """Tell it from the recording that was made after the migration.

    Parameters
    ----------
    recording : Recording or None
        None: the command records nothing.
    names : collection of str
        The function as recordings name it.
    maybe : str
        A name that may be its or another function's; empty where there is none.
    rechecks : bool
        Whether bodies were to be run again.
    """
    if recording is None:
        return Proven(Proof.NOT_RECORDED, "the command runs no pytest that records")
    if calls_of(recording, names) is None:
        if maybe in recording.functions:
            why = f"recordings name {maybe}, which may be it or another function"
            return Proven(Proof.NOT_RECHECKED, why)
        return Proven(Proof.NEVER_CALLED, "no test calls it")
    if not rechecks:
        return Proven(Proof.NOT_RECHECKED, "--recheck 0")
    mine = [one for one in recording.rechecks if one.function in names]
    if any(one.verdict is not Again.UNCHECKED for one in mine):
        return Proven(Proof.VERIFIED)
    return Proven(Proof.NOT_RECHECKED, unchecked_because(mine))


def unchecked_because(calls: Collection[Recheck]) -> str:
    """Why calls were not checked, each reason once."""
    reasons = dict.fromkeys(what for one in calls for what in one.what)
    return ", ".join(reasons) or "none of its calls was chosen"
