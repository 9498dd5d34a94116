"""The shape of a recording: what each test had of each cached function, and its JSON.

Pure: it imports neither pytest nor afml_cache. The JSON, schema 1::

    {"format": "afml-record", "schema": 1,
     "digest_format": 1,       # digests of another format cannot be compared
     "mode": "isolated",       # of the store, see --afml-cache-mode
     "exit_status": 0,         # of the run that was recorded
     "versions": {"python": "3.12.1", "pandas": "2.2.3", ...},
     "tests": {NODE_ID: {
        "outcome": "passed",   # failed, error, skipped, xfailed, crashed
        "functions": {"module.qualname": {
            "hits": 1, "adopted": 0, "computed": 2, "reasons": {"first_call": 1, ...},
            "compute_seconds": 0.2, "hit_seconds": 0.001,   # sums; adopted ones count as hits
            "saved_seconds": 0.4,  # what those hits had taken to compute, as far as that is known
            "results": [{      # one for each different pair of arguments and result
                "times": 2,
                "arguments": HEX or null, "called_with": "price=1.5, window=20",
                "digest": HEX or null,   # null: see "raised", or else "undigested"
                "raised": "builtins.ValueError" or null,
                "undigested": "result is a generator" or ""}]}}}},
     "values": {HEX: {...}},   # what a digest's value looked like: type, dtype, shape, columns
     "rechecks": [{            # with --afml-recheck only: calls whose body was run again
        "test": NODE_ID, "function": "module.qualname", "called_with": "price=1.5, window=20",
        "verdict": "same",     # differs, mutates, unchecked
        "what": ["..."],       # what differs, or why it was not checked
        "lasting": false,      # no other time or call would change that it was not checked
        "speed": null or {"old": 0.001, "new": 0.0001,   # seconds of a hit: @cacheable, and this
                          "ratio": 0.1, "low": 0.09, "high": 0.11 or null, "pairs": 40,
                          "decision": "pass"},            # fail, unsure
        "unpaired": ""}]}      # why there are no times, of a call that was checked

Tests, functions, results and values are sorted, so that equal runs give equal files but for times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_afml.numbers import Counts

FORMAT = "afml-record"
SCHEMA = 1

#: Of a test whose worker died.
CRASHED = "crashed"


class RecordingError(ValueError):
    """A file is no recording that this version can use; it says what to do."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a call gave: a value by its digest, an exception by its type, or neither of them."""

    arguments: str | None = None
    called_with: str = ""
    digest: str | None = None
    raised: str | None = None
    undigested: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """What results are sorted by."""
        return (self.arguments or "", self.digest or "", self.raised or "", self.undigested)

    @property
    def value(self) -> tuple[str, str]:
        """What is the same when two calls gave the same, as far as one can tell."""
        if self.raised is not None:
            return ("raised", self.raised)
        return ("undigested", "") if self.digest is None else ("digest", self.digest)

    @property
    def is_comparable(self) -> bool:
        """Whether equal values mean equal results."""
        return self.value != ("undigested", "")


@dataclass(slots=True)
class Function:
    """The calls of one function in one test."""

    counts: Counts = field(default_factory=Counts)
    hit_seconds: float = 0.0
    results: dict[Result, int] = field(default_factory=dict)  #: each, and how many times
    saved_seconds: float = 0.0  #: that served results had taken to compute; 0.0: not known

    def add(self, other: Function) -> None:
        """Add the calls of another phase."""
        self.counts.add(other.counts)
        self.hit_seconds += other.hit_seconds
        self.saved_seconds += other.saved_seconds
        for result, times in other.results.items():
            self.results[result] = self.results.get(result, 0) + times

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "hits": self.counts.hits,
            "adopted": self.counts.adopted,
            "computed": self.counts.computed,
            "reasons": dict(sorted(self.counts.reasons.items())),
            "compute_seconds": self.counts.seconds,
            "hit_seconds": self.hit_seconds,
            "saved_seconds": self.saved_seconds,
            "results": [
                {
                    "times": self.results[one],
                    "arguments": one.arguments,
                    "called_with": one.called_with,
                    "digest": one.digest,
                    "raised": one.raised,
                    "undigested": one.undigested,
                }
                for one in sorted(self.results, key=lambda result: result.order)
            ],
        }

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Function:
        """Back from JSON."""
        counts = Counts(
            hits=_number(plain["hits"]),
            adopted=_number(plain["adopted"]),
            computed=_number(plain["computed"]),
            seconds=float(plain["compute_seconds"]),
            reasons={str(reason): _number(times) for reason, times in plain["reasons"].items()},
        )
        results = {
            Result(
                arguments=_text_or_none(one["arguments"]),
                called_with=str(one["called_with"]),
                digest=_text_or_none(one["digest"]),
                raised=_text_or_none(one["raised"]),
                undigested=str(one["undigested"]),
            ): _number(one["times"])
            for one in plain["results"]
        }
        saved = float(plain.get("saved_seconds", 0.0))  # older recordings have none
        return cls(counts, float(plain["hit_seconds"]), results, saved_seconds=saved)


@dataclass(slots=True)
class RecordedTest:
    """What became of one test, and its cached calls."""

    outcome: str = "passed"
    functions: dict[str, Function] = field(default_factory=dict)

    def add(self, functions: Mapping[str, Function]) -> None:
        """Add the calls of one phase."""
        for name, calls in functions.items():
            self.functions.setdefault(name, Function()).add(calls)


@dataclass(slots=True)
class Recording:
    """A run: its tests by node id, and what the values looked like by digest."""

    mode: str
    digest_format: int
    exit_status: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    tests: dict[str, RecordedTest] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    rechecks: list[dict[str, Any]] = field(default_factory=list)

    def forget_unused_values(self) -> None:
        """Keep only what calls have given; of a test that is run again, the last time counts."""
        used = {
            result.digest
            for test in self.tests.values()
            for function in test.functions.values()
            for result in function.results
        }
        self.values = {digest: value for digest, value in self.values.items() if digest in used}

    def plain(self) -> dict[str, Any]:
        """As JSON holds it, in an order that does not depend on that of the run."""
        return {
            "format": FORMAT,
            "schema": SCHEMA,
            "digest_format": self.digest_format,
            "mode": self.mode,
            "exit_status": self.exit_status,
            "versions": dict(sorted(self.versions.items())),
            "tests": {
                name: {
                    "outcome": test.outcome,
                    "functions": plain_functions(test.functions),
                }
                for name, test in sorted(self.tests.items())
            },
            "values": dict(sorted(self.values.items())),
            **({"rechecks": sorted(self.rechecks, key=_order)} if self.rechecks else {}),
        }

    @classmethod
    def of_plain(cls, plain: object) -> Recording:
        """Back from JSON.

        Raises
        ------
        RecordingError
            It is none, or one of a later version.
        """
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise RecordingError("it is not a recording of --afml-record")
        schema = plain.get("schema")
        if not isinstance(schema, int) or schema > SCHEMA:
            raise RecordingError(
                f"it has schema {schema}, and this version reads up to {SCHEMA}; update afml-cache"
            )
        try:
            return cls(
                mode=str(plain["mode"]),
                digest_format=_number(plain["digest_format"]),
                exit_status=_number(plain["exit_status"]),
                versions={str(k): str(v) for k, v in plain["versions"].items()},
                tests={
                    str(name): RecordedTest(
                        str(test["outcome"]), functions_of_plain(test["functions"])
                    )
                    for name, test in plain["tests"].items()
                },
                values={str(digest): dict(value) for digest, value in plain["values"].items()},
                rechecks=[dict(one) for one in plain.get("rechecks", ())],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RecordingError(
                f"it is a damaged recording ({type(error).__name__}: {error}); record again"
            ) from error


def _order(recheck: Mapping[str, Any]) -> tuple[str, ...]:
    return str(recheck["function"]), str(recheck["test"]), str(recheck["called_with"])


def plain_functions(functions: Mapping[str, Function]) -> dict[str, Any]:
    """The calls of a test or of a phase, as JSON and pytest-xdist can carry them."""
    return {name: calls.plain() for name, calls in sorted(functions.items())}


def functions_of_plain(plain: Mapping[str, Any]) -> dict[str, Function]:
    """Back from :func:`plain_functions`."""
    return {str(name): Function.of_plain(calls) for name, calls in plain.items()}


def total(functions: Iterable[Function]) -> Function:
    """The calls of several tests, added up."""
    added = Function()
    for one in functions:
        added.add(one)
    return added


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
