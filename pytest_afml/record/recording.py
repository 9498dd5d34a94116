"""The file of ``--afml-record``: its format, read and written.

A version 1 recording is an object of

- ``format``: ``"afml-cache recording"``, ``version``: 1
- ``made_with``: the versions of Python and of packages, by name
- ``mode``: the mode of the run, as of ``--afml-cache-mode``
- ``tests``: by node ID, ``outcome`` (``passed``, ``failed``, ``skipped``, or ``unfinished`` where
  its worker died) and ``functions``: by ``module.qualname``, ``hits``, ``adopted``, ``computed``,
  ``hit_seconds``, ``computed_seconds`` (what callers waited), ``reasons`` (of computed calls) and
  ``results``: how often each result came back, by its digest
- ``values``: by digest, what a value is, as of ``afml_cache.describe_value``

A result that has no digest is counted as ``"no digest: "`` and why; an exception as
``"raised: "`` and its type.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_afml.json_file import write_json

FORMAT = "afml-cache recording"
VERSION = 1

NO_DIGEST = "no digest: "
RAISED = "raised: "


class RecordingError(ValueError):
    """A file that is no recording, or of a version that this one does not read."""


@dataclass(slots=True)
class Seen:
    """What one test got from one function."""

    hits: int = 0
    adopted: int = 0
    computed: int = 0
    hit_seconds: float = 0.0
    computed_seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """All calls."""
        return self.hits + self.adopted + self.computed

    @property
    def served(self) -> int:
        """The calls that did not run the function."""
        return self.hits + self.adopted

    def add(self, other: Seen) -> None:
        """Add what another part of the test got."""
        self.hits += other.hits
        self.adopted += other.adopted
        self.computed += other.computed
        self.hit_seconds += other.hit_seconds
        self.computed_seconds += other.computed_seconds
        for mine, more in ((self.reasons, other.reasons), (self.results, other.results)):
            for name, times in more.items():
                mine[name] = mine.get(name, 0) + times

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        plain = asdict(self)
        plain["reasons"] = dict(sorted(self.reasons.items()))
        plain["results"] = dict(sorted(self.results.items()))
        return plain


@dataclass(slots=True)
class Test:
    """One test of a run."""

    __test__ = False  # for pytest: this is none of its own

    outcome: str = "unfinished"
    functions: dict[str, Seen] = field(default_factory=dict)


@dataclass(slots=True)
class Recording:
    """A recorded run."""

    mode: str = "isolated"
    made_with: dict[str, str] = field(default_factory=dict)
    tests: dict[str, Test] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it; the same run gives the same text, but for times."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_with": dict(sorted(self.made_with.items())),
            "mode": self.mode,
            "tests": {
                name: {
                    "outcome": test.outcome,
                    "functions": {
                        function: seen.plain() for function, seen in sorted(test.functions.items())
                    },
                }
                for name, test in sorted(self.tests.items())
            },
            "values": dict(sorted(self.values.items())),
        }


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a recording.

    Raises
    ------
    RecordingError
        It cannot be read, is no recording, or is of another version; the message says which.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise RecordingError(f"{path} is no recording: it is not JSON ({error})") from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise RecordingError(f"{path} is no recording of --afml-record")
    if plain.get("version") != VERSION:
        raise RecordingError(
            f"{path} is a recording of version {plain.get('version')}; this afml-cache reads "
            f"version {VERSION}. Record it anew with --afml-record"
        )
    try:
        tests = {
            name: Test(
                test["outcome"],
                {function: Seen(**seen) for function, seen in test["functions"].items()},
            )
            for name, test in plain["tests"].items()
        }
        return Recording(plain["mode"], plain["made_with"], tests, plain["values"])
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordingError(f"{path} is a damaged recording ({error!r})") from error


def write(recording: Recording, path: str | os.PathLike[str]) -> None:
    """Write a recording in one step; raises OSError where it cannot be, and what was there is."""
    write_json(Path(path), recording.plain(), indent=1)
