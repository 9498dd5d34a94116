"""What a recording says, as far as a migration asks: tests, calls by function, rechecks.

The format is the one of ``--afml-record`` (:mod:`pytest_afml.record.recording` documents it). It is
read here as a document, since the codemods import nothing of the tests' environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Any

from codemods.migration.state import MigrationError

#: A test that ended like this is a passed one as far as a run is concerned.
FINE = frozenset({"passed", "skipped", "xfailed"})


@dataclass(slots=True)
class Calls:
    """The calls of one function."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    compute_seconds: float = 0.0
    hit_seconds: float = 0.0
    saved_seconds: float = 0.0  #: that served results had taken to compute; 0.0: not known
    distinct: int = 0  #: different arguments
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def served(self) -> int:
        """Calls that did not run the function."""
        return self.hits + self.adopted

    @property
    def total(self) -> int:
        """All calls."""
        return self.served + self.computed

    @property
    def hit_rate(self) -> float:
        """The share of served calls, from 0 to 1; 0 where there was none."""
        return self.served / self.total if self.total else 0.0

    @property
    def worth(self) -> float:
        """Seconds that the calls would have taken without any cache, as far as that is known."""
        return self.compute_seconds + (self.saved_seconds or self.hit_seconds)

    def add(self, plain: Mapping[str, Any]) -> None:
        """Add the calls of one test."""
        self.hits += plain["hits"]
        self.adopted += plain["adopted"]
        self.computed += plain["computed"]
        self.compute_seconds += plain["compute_seconds"]
        self.hit_seconds += plain["hit_seconds"]
        self.saved_seconds += plain.get("saved_seconds", 0.0)
        self.reasons.update(plain["reasons"])

    def __add__(self, other: Calls) -> Calls:
        """Those of one function that ran under two names."""
        both = {
            one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)
        }
        return Calls(**both)


class Again(StrEnum):
    """What came of running a body again."""

    SAME = "same"
    DIFFERS = "differs"  #: it gives something else than what is stored
    MUTATES = "mutates"  #: it changes an argument
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Speed:
    """A hit under the new decorator beside one under the old one, in pairs."""

    old: float  #: seconds
    new: float
    ratio: float
    low: float  #: of the interval of the ratio
    high: float
    pairs: int
    decision: str  #: pass, fail, unsure


@dataclass(frozen=True, slots=True)
class Recheck:
    """One call that was chosen to be checked."""

    function: str
    test: str
    called_with: str
    verdict: Again
    what: tuple[str, ...] = ()  #: the differences, a sentence each; why it was not checked
    speed: Speed | None = None
    lasting: bool = False  #: it was not checked, and no other time or call would change that
    unpaired: str = ""  #: why there are no times, of a call that was checked

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Recheck:
        """From the document."""
        pairs = plain["speed"]
        if pairs is not None:  # JSON has no infinity
            high = inf if pairs["high"] is None else pairs["high"]
            pairs = Speed(**{**pairs, "high": high})
        return cls(
            plain["function"],
            plain["test"],
            plain["called_with"],
            Again(plain["verdict"]),
            tuple(plain["what"]),
            pairs,
            plain["lasting"],
            plain["unpaired"],
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded run.

    Attributes
    ----------
    path : Path
    mode : str
        Which store the tests ran on.
    outcomes : mapping
        Test -> how it ended.
    calls : mapping
        Test -> function -> its calls there.
    rechecks : tuple of mapping
        What came of running bodies again.
    """

    path: Path
    mode: str
    outcomes: Mapping[str, str]
    calls: Mapping[str, Mapping[str, Calls]]
    functions: Mapping[str, Calls]
    rechecks: tuple[Recheck, ...] = ()

    @property
    def failed(self) -> list[str]:
        """The tests that did not pass."""
        return [test for test, outcome in self.outcomes.items() if outcome not in FINE]


def calls_of(recording: Recording | None, names: Collection[str]) -> Calls | None:
    """The calls of a function, under whichever names it ran; None where there were none."""
    if recording is None:
        return None
    found = [recording.functions[name] for name in names if name in recording.functions]
    return sum(found[1:], found[0]) if found else None


def recheck_of(recording: Recording | None, names: Collection[str]) -> Recheck | None:
    """The most telling recheck of a function: one that found something, else the first."""
    if recording is None:
        return None
    found = [one for one in recording.rechecks if one.function in names]
    order = {Again.DIFFERS: 0, Again.MUTATES: 0, Again.SAME: 1, Again.UNCHECKED: 2}
    return min(found, key=lambda one: order[one.verdict], default=None)


def read(path: Path) -> Recording:
    """Read a recording.

    Raises
    ------
    MigrationError
        It is damaged.
    """
    try:
        found = json.loads(path.read_bytes())
        calls: dict[str, dict[str, Calls]] = {}
        functions: dict[str, Calls] = {}
        arguments: dict[str, set[str]] = {}
        for test, one in found["tests"].items():
            for name, plain in one["functions"].items():
                calls.setdefault(test, {}).setdefault(name, Calls()).add(plain)
                functions.setdefault(name, Calls()).add(plain)
                seen = arguments.setdefault(name, set())
                seen.update(result["arguments"] or "" for result in plain["results"])
        for name, digests in arguments.items():
            functions[name].distinct = len(digests)
        outcomes = {test: one["outcome"] for test, one in found["tests"].items()}
        rechecks = tuple(map(Recheck.of_plain, found.get("rechecks", ())))
        return Recording(path, found["mode"], outcomes, calls, functions, rechecks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MigrationError(
            f"the recording {path} cannot be read ({type(error).__name__}: {error}); run again"
        ) from error


@dataclass(frozen=True, slots=True)
class Compared:
    """What has changed between two recordings, as the recording's own comparison tells."""

    tests: int
    compared: int
    changed: Mapping[str, tuple[str, ...]]  #: function -> a sentence on each result that changed
    changed_in: Mapping[str, frozenset[str]]  #: function -> the tests it changed in
    fell: frozenset[str]  #: functions whose hit rate fell
    lost: frozenset[str]  #: functions that are not called any more, unexplained
    missing: tuple[str, ...]  #: tests that did not run this time
    uncompared: int  #: results without a digest


def compare(before: Path, after: Path) -> Compared:
    """Hold two recordings against each other, by the command that the recordings bring.

    Raises
    ------
    MigrationError
        They cannot be compared.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pytest_afml.record", str(before), str(after)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MigrationError(f"two recordings cannot be compared: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    changed: dict[str, list[str]] = {}
    changed_in: dict[str, set[str]] = {}
    for one in found["sentences"]:
        changed.setdefault(one["function"], []).append(f"{one['sentence']} ({one['test']})")
        changed_in.setdefault(one["function"], set()).add(one["test"])
    functions = found["functions"]
    return Compared(
        tests=found["tests"],
        compared=sum(one["compared"] for one in functions),
        changed={name: tuple(dict.fromkeys(told)) for name, told in changed.items()},
        changed_in={name: frozenset(tests) for name, tests in changed_in.items()},
        fell=frozenset(one["name"] for one in functions if one["rate_fell"]),
        lost=frozenset(one["name"] for one in functions if one["is_lost"]),
        missing=tuple(found["missing_tests"]),
        uncompared=sum(one["times"] for one in found["uncompared"]),
    )
