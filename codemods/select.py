"""Which of the functions that could be migrated are, this time, and why the others are not.

Finding is over when this begins: here are functions, with what was recorded of them, and the
answer is a set of them. Nothing is read and nothing is planned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from codemods.evidence import Evidence, percent
from codemods.matching import Key, Matched, unit
from codemods.patterns import matches

MIN_CALLS = 10
MAX_HIT_RATE = 0.5


class Why(StrEnum):
    """Why functions are not selected, or a wish selects nothing."""

    ONLY = "only"  #: no pattern of ``--only`` means it
    NO_EVIDENCE = "no-evidence"  #: nothing was recorded of it
    UNDECIDED = "undecided"  #: what was recorded may be of another function
    NOT_ASKED = "not-asked"  #: its calls passed the cache by
    FEW_CALLS = "few-calls"
    HIGH_HIT_RATE = "high-hit-rate"
    LATER = "later"  #: ``--limit`` is reached
    NO_MATCH = "no-match"  #: a pattern of ``--only`` that means no function
    STRANGER = "stranger"  #: a record of no function that could be migrated


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person asked for.

    Parameters
    ----------
    only : tuple of str
        Patterns; without any, all functions are meant.
    evidence : Evidence, optional
        Then only what was called often, and served from the cache seldom, is selected.
    min_calls : int
        How many of its calls have to have asked the cache, at least.
    max_hit_rate : float
        The share of hits that it may have, at most; from 0 to 1.
    limit : int, optional
        How many functions at a time: the dearest, or without evidence the first.
    exactly : frozenset of Key, optional
        Just these, as a program has chosen them; nothing is said of the others.
    """

    only: tuple[str, ...] = ()
    evidence: Evidence | None = None
    min_calls: int = MIN_CALLS
    max_hit_rate: float = MAX_HIT_RATE
    limit: int | None = None
    exactly: frozenset[Key] | None = None

    @property
    def narrows(self) -> bool:
        """Whether it asks for less than everything."""
        chosen = (self.evidence, self.limit, self.exactly)
        return bool(self.only) or any(one is not None for one in chosen)


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A function with a legacy decorator."""

    path: str
    line: int
    function: str
    refused: bool = False  #: its decorator cannot be rewritten, and a finding says why

    @property
    def key(self) -> Key:
        return self.path, self.function


@dataclass(frozen=True, slots=True)
class Note:
    """Functions that are left for one reason, together."""

    why: Why
    text: str  #: a sentence without its full stop
    about: tuple[str, ...]  #: ``path::function``, a pattern, or the name in a record


@dataclass(frozen=True, slots=True)
class Selected:
    """The answer."""

    wanted: frozenset[Key]  #: what is to be migrated
    heard: frozenset[Key]  #: what is wanted and cannot be: its findings are told
    notes: tuple[Note, ...] = ()
    matched: Matched = field(default_factory=Matched)


def select(candidates: Iterable[Candidate], selection: Selection, matched: Matched) -> Selected:
    """Choose among ``candidates``.

    Parameters
    ----------
    candidates : iterable of Candidate
        All functions with a legacy decorator.
    selection : Selection
        What was asked for.
    matched : Matched
        What was recorded of them.
    """
    everything = sorted(candidates)
    left: dict[Why, list[Candidate]] = defaultdict(list)
    kept = []
    for candidate in everything:
        why = _not_wanted(candidate, selection, matched)
        if why is None:
            kept.append(candidate)
        elif not candidate.refused and selection.exactly is None:
            left[why].append(candidate)
    wanted, left[Why.LATER] = _first(kept, selection, matched)
    notes = [_note(why, left[why], selection, matched) for why in Why if left.get(why)]
    return Selected(
        frozenset(candidate.key for candidate in wanted),
        frozenset(candidate.key for candidate in kept if candidate.refused),
        (*notes, *_idle(everything, selection, matched)),
        matched,
    )


def _not_wanted(candidate: Candidate, selection: Selection, matched: Matched) -> Why | None:
    if selection.exactly is not None and candidate.key not in selection.exactly:
        return Why.ONLY
    if selection.only and not matches(selection.only, *candidate.key):
        return Why.ONLY
    if selection.evidence is None:
        return None
    if candidate.key in matched.undecided:
        return Why.UNDECIDED
    recorded = matched.recorded.get(candidate.key)
    if recorded is None:
        return Why.NO_EVIDENCE
    if not recorded.asked:
        return Why.NOT_ASKED
    if recorded.asked < selection.min_calls:
        return Why.FEW_CALLS
    return Why.HIGH_HIT_RATE if recorded.hit_rate > selection.max_hit_rate else None


def _first(
    kept: Sequence[Candidate], selection: Selection, matched: Matched
) -> tuple[list[Candidate], list[Candidate]]:
    """As many as are allowed, dearest first; the rest. What is defined twice counts once."""
    units: dict[Key, list[Candidate]] = defaultdict(list)
    for candidate in kept:
        if not candidate.refused:
            units[unit(*candidate.key)].append(candidate)

    def dearest_first(these: list[Candidate]) -> tuple[float, Candidate]:
        costs = [matched.recorded[c.key].cost for c in these if c.key in matched.recorded]
        return -max(costs, default=0.0), these[0]

    ordered = sorted(units.values(), key=dearest_first)
    limit = len(ordered) if selection.limit is None else selection.limit
    now, later = ordered[:limit], ordered[limit:]
    return [c for these in now for c in these], sorted(c for these in later for c in these)


def _note(why: Why, these: list[Candidate], selection: Selection, matched: Matched) -> Note:
    about = tuple(dict.fromkeys(f"{c.path}::{c.function}" for c in these))
    one = len(about) == 1
    are, have = ("is", "has") if one else ("are", "have")
    names = dict.fromkeys(matched.undecided.get(c.key, "") for c in these)
    said = {
        Why.ONLY: f"{'matches' if one else 'match'} no pattern of --only",
        Why.NO_EVIDENCE: f"{are} not in the evidence",
        Why.UNDECIDED: f"{are} undecided: what is recorded may be of others ({_some(names)})",
        Why.NOT_ASKED: f"{'was' if one else 'were'} called with the cache switched off only",
        Why.FEW_CALLS: f"{have} fewer than {selection.min_calls} calls",
        Why.HIGH_HIT_RATE: f"{have} a hit rate above {percent(selection.max_hit_rate)}",
        Why.LATER: f"{'waits' if one else 'wait'} for a later run (--limit {selection.limit})",
    }[why]
    return Note(why, f"{len(about)} function{'' if one else 's'} {said}", about)


def _idle(
    everything: Sequence[Candidate], selection: Selection, matched: Matched
) -> Iterable[Note]:
    """Patterns and records that mean nothing here: a misspelling shows in them."""
    for pattern in selection.only:
        if not any(matches([pattern], *candidate.key) for candidate in everything):
            yield Note(Why.NO_MATCH, f"--only {pattern} means no function to migrate", (pattern,))
    strangers = matched.strangers
    if strangers:
        records = "1 record is" if len(strangers) == 1 else f"{len(strangers)} records are"
        text = f"{records} of no function to migrate ({_some(strangers)})"
        yield Note(Why.STRANGER, text, strangers)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
