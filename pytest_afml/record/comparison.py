"""Two recordings compared: what changed, and whether it matters. Nothing is put into words here.

What matters: a result that was not there before, a function that is not cached any more, a hit
rate that fell. Tests that only one of the runs has, numbers of calls and times are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_afml.record.recording import NO_DIGEST, RAISED, Recording, Seen

#: Kinds of changes, the ones that matter first.
MATTER = ("results", "uncached", "hit_rate")
TOLD = ("undigested", "calls", "new_function", "new_test")


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes
    ----------
    kind : str
        One of ``MATTER`` or ``TOLD``.
    function : str
        ``module.qualname``; empty for a new test.
    test : str
        The node ID; empty where it is about all tests together.
    was, now : float
        Of ``results``: how many of the calls gave a result that the other run does not have;
        of ``hit_rate`` the rates; of ``calls`` the calls.
    differences : tuple of str
        In sentences, of the first result that changed.
    """

    kind: str
    function: str
    test: str = ""
    was: float = 0
    now: float = 0
    differences: tuple[str, ...] = ()

    @property
    def matters(self) -> bool:
        """Whether the run fails for it."""
        return self.kind in MATTER


@dataclass(frozen=True, slots=True)
class Comparison:
    """What :func:`compare` found.

    Attributes
    ----------
    changes : tuple of Change
        Those that matter first.
    functions : mapping of str to (Seen, Seen)
        Of each function, all its calls before and now in the tests that both runs have.
    compared, not_run : int
        Tests that both runs have, and that only the earlier one has.
    """

    changes: tuple[Change, ...]
    functions: Mapping[str, tuple[Seen, Seen]] = field(default_factory=dict)
    compared: int = 0
    not_run: int = 0

    @property
    def matters(self) -> bool:
        """Whether anything changed that a run fails for."""
        return any(change.matters for change in self.changes)


def compare(before: Recording, now: Recording, tolerance: float = 0.0) -> Comparison:
    """Hold a run against an earlier one; tests that one of them has not finished do not count.

    Parameters
    ----------
    before, now : Recording
    tolerance : float, optional
        By so much the hit rate of a function may fall, as a share from 0 to 1.
    """
    both = [
        name
        for name, test in now.tests.items()
        if name in before.tests and "unfinished" not in (test.outcome, before.tests[name].outcome)
    ]
    pairs = {name: (before.tests[name].functions, now.tests[name].functions) for name in both}
    totals = _totals(pairs.values())
    changes = list(_by_function(totals, tolerance))
    known = _results(test.functions for test in before.tests.values())
    for name in sorted(both):
        changes += _by_test(name, *pairs[name], known, before, now)
    changes += [Change("new_test", "", name) for name in sorted(now.tests.keys() - before.tests)]
    order = {kind: place for place, kind in enumerate((*MATTER, *TOLD))}
    changes.sort(key=lambda change: (order[change.kind], change.function, change.test))
    return Comparison(tuple(changes), totals, len(both), len(before.tests.keys() - now.tests))


def _totals(
    pairs: Iterable[tuple[Mapping[str, Seen], Mapping[str, Seen]]],
) -> dict[str, tuple[Seen, Seen]]:
    totals: dict[str, tuple[Seen, Seen]] = {}
    for pair in pairs:
        for side, functions in enumerate(pair):
            for function, seen in functions.items():
                totals.setdefault(function, (Seen(), Seen()))[side].add(seen)
    return dict(sorted(totals.items()))


def _by_function(totals: Mapping[str, tuple[Seen, Seen]], tolerance: float) -> Iterator[Change]:
    """What is judged over all tests: a fixture's calls go to whichever test asks for it first."""
    for function, (was, now) in totals.items():
        if not now.calls:
            yield Change("uncached", function, was=was.calls)
        elif not was.calls:
            yield Change("new_function", function, now=now.calls)
        elif was.served / was.calls - now.served / now.calls > tolerance + 1e-12:
            rates = was.served / was.calls, now.served / now.calls
            yield Change("hit_rate", function, was=rates[0], now=rates[1])
        undigested = sum(n for r, n in now.results.items() if r.startswith(NO_DIGEST))
        if undigested:
            what = sorted(r for r in now.results if r.startswith(NO_DIGEST))
            yield Change("undigested", function, now=undigested, differences=tuple(what[:3]))


def _results(tests: Iterable[Mapping[str, Seen]]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for functions in tests:
        for function, seen in functions.items():
            known.setdefault(function, set()).update(seen.results)
    return known


def _by_test(
    test: str,
    was: Mapping[str, Seen],
    now: Mapping[str, Seen],
    known: Mapping[str, set[str]],
    before: Recording,
    after: Recording,
) -> Iterator[Change]:
    for function in sorted(was.keys() & now.keys()):
        old, new = was[function], now[function]
        gone = Counter(old.results) - Counter(new.results)
        come = Counter(new.results) - Counter(old.results)
        if old.calls != new.calls:
            yield Change("calls", function, test, old.calls, new.calls)
            # Calls may have moved between tests; a result that no test knew is another matter.
            come = Counter({r: n for r, n in come.items() if r not in known[function]})
        if come:
            told = tuple(_differences(gone, come, before.values, after.values))
            yield Change("results", function, test, gone.total(), come.total(), told)
    for function in sorted(now.keys() - was.keys()):
        unknown = now[function].results.keys() - known.get(function, set())
        if function in known and unknown:  # it was cached before, and gave no such result
            times = sum(now[function].results[result] for result in unknown)
            yield Change("results", function, test, 0, times)


def _differences(
    gone: Counter[str],
    come: Counter[str],
    old: Mapping[str, Mapping[str, Any]],
    new: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """The first result that changed, against what most likely stood in its place."""
    result = min(come)
    if result.startswith((RAISED, NO_DIGEST)):
        return [f"it {result.replace(': ', ' ', 1)}"]
    from afml_cache import compare_descriptions, value_in_words

    now = {"digest": result, **new[result]}
    there = [{"digest": one, **old[one]} for one in sorted(gone) if one in old]
    like = [one for one in there if one.get("shape") == now.get("shape")] or there
    if like:
        return compare_descriptions(like[0], now, "the result")
    raised = [one for one in gone if one.startswith(RAISED)]
    was = f"it {raised[0].replace(': ', ' ', 1)} before, " if raised else ""
    return [f"{was}the result is {value_in_words(now)}"]
