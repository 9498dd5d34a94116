"""The guide's six success criteria and ours, judged from recordings. Pure: nothing is run here.

What could not be measured is no success: it is told as what it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from codemods.evidence import percent
from codemods.migration.command import PASSED
from codemods.migration.health import Health
from codemods.migration.judge import Criterion, Fault, Gap, Name, criterion, idle, unknown
from codemods.migration.proof import unchecked_because
from codemods.migration.recorded import FINE, Again, Compared, Recheck, Recording, Speed

#: How a test that has ended so is spoken of.
_ENDED = {"skipped": "is skipped", "xfailed": "is expected to fail", "error": "has an error"}


@dataclass(frozen=True, slots=True)
class Verified:
    """What was seen after the migration, beside the baseline's second run."""

    before: Recording
    after: Recording
    compared: Compared
    health: tuple[Health, Health]
    migrated: frozenset[str]  #: functions, as recordings name them
    backtests: frozenset[str]  #: those under `cached_backtest`
    unsteady: frozenset[str] = frozenset()  #: those that differed before any change
    #: those that stay under a decorator of the repository's own which clears what its file had
    cleared: frozenset[str] = frozenset()
    rechecks: bool = True  #: whether bodies were to be run again
    already: frozenset[str] = frozenset()  #: those that had a new decorator before any change
    shared: frozenset[str] = frozenset()  #: names that may be those of several functions
    code: int = PASSED  #: the exit code of the command, which was PASSED before any change


def judge(seen: Verified, mlflow: Criterion) -> tuple[Criterion, ...]:
    """All criteria, in the order of the report."""
    return (
        tests(seen),
        results(seen),
        hit_rates(seen),
        not_computed_again(seen),
        speed(seen),
        health(*seen.health),
        mlflow,
        backtests(seen),
        recheck(seen),
    )


def tests(seen: Verified) -> Criterion:
    """Every test that passed before passes, and the command ends as it did."""
    faults = []
    before, after = seen.before.outcomes, seen.after.outcomes
    for test, outcome in after.items():
        # A test that is skipped now tells nothing any more, so it has not passed.
        if outcome == "passed" or (outcome in FINE and before.get(test) != "passed"):
            continue
        called = {*seen.before.calls.get(test, {}), *seen.after.calls.get(test, {})}
        suspects = frozenset(called & seen.migrated)
        changed = [name for name, where in seen.compared.changed_in.items() if test in where]
        known = [name for name in changed if name in seen.migrated] or sorted(suspects)
        one = known[0] if len(known) == 1 else ""
        was = "was skipped" if before.get(test) == "skipped" else "passed"
        faults.append(Fault(f"{test} {was}, and {_ENDED.get(outcome, outcome)} now", one, suspects))
    faults += [Fault(f"{test} ran, and does not now") for test in seen.compared.missing]
    if seen.code != PASSED and not faults:  # such as a check that a plugin or a script makes
        faults.append(Fault(f"the command ended with exit code 0, and ends with {seen.code}"))
    passed = [test for test, outcome in before.items() if outcome == "passed"]
    still = sum(1 for test in passed if after.get(test) == "passed")
    told = f"{still} of {len(passed)} pass"
    if others := len(before) - len(passed):
        told += f"; {others} skipped or expected to fail before already"
    if seen.code != PASSED:
        told += f"; exit code {seen.code}"
    return criterion(Name.TESTS, told, faults)


def results(seen: Verified) -> Criterion:
    """Every result has the digest that it had before."""
    compared = seen.compared
    changed = {n: told for n, told in compared.changed.items() if n not in seen.unsteady}
    faults = [
        Fault(sentence, name if name in seen.migrated else "")
        for name, told in changed.items()
        for sentence in told
    ]
    faults += [
        Fault(f"{name} is not called any more, or not cached", name) for name in compared.lost
    ]
    told = f"{compared.compared} results, {len(changed)} functions changed"
    if seen.unsteady:
        told += f"; {len(seen.unsteady)} differed before already"
    if compared.uncompared:
        told += f"; {compared.uncompared} without a digest"
    if not compared.compared and not faults:
        return unknown(Name.RESULTS, "no call had a result that can be compared")
    return criterion(Name.RESULTS, told, faults)


def hit_rates(seen: Verified) -> Criterion:
    """No function is served less often; what was adopted was served."""
    faults = []
    cleared = seen.compared.fell & seen.cleared
    anew = {name for name in seen.compared.fell - cleared if _is_hashed_anew(seen, name)}
    for name in sorted(seen.compared.fell - cleared - anew):
        old, new = seen.before.functions[name], seen.after.functions[name]
        why = ", ".join(f"{times} {reason}" for reason, times in new.reasons.items())
        faults.append(
            Fault(
                f"{name} was served {percent(old.hit_rate)} of {old.total} calls, and is"
                f" {percent(new.hit_rate)} of {new.total} ({why})",
                name if name in seen.migrated else "",
            )
        )
    was, now = (_rate(one) for one in (seen.before, seen.after))
    told = f"{was} -> {now} of all cached calls"
    if cleared:
        told += f"; {len(cleared)} cleared by their own smart_cacheable, as their file has changed"
    if anew:
        told += f"; {len(anew)} not migrated, whose equal arguments joblib hashes anew"
    return criterion(Name.HIT_RATES, told, faults)


def _is_hashed_anew(seen: Verified, name: str) -> bool:
    """Whether a function that was left under joblib misses by the pickle of its arguments alone.

    What goes through another cache is pickled otherwise, and joblib hashes that. Where results have
    changed, the arguments may have, too.
    """
    reasons = seen.after.functions[name].reasons
    return name not in seen.migrated and not seen.compared.changed and set(reasons) == {"argument"}


def not_computed_again(seen: Verified) -> Criterion:
    """What the old decorator would have hit was not computed, test by test."""
    again: dict[str, int] = {}
    reasons: dict[str, str] = {}
    for test, functions in seen.after.calls.items():
        if test not in seen.before.outcomes:
            continue
        for name, now in functions.items():
            then = seen.before.calls.get(test, {}).get(name)
            more = now.computed - (then.computed if then is not None else 0)
            if then is not None and more > 0 and name in seen.migrated:
                again[name] = again.get(name, 0) + min(more, then.served)
                reasons[name] = ", ".join(sorted(now.reasons))
    faults = [
        Fault(f"{name} ran {times} times where it was served before ({reasons[name]})", name)
        for name, times in sorted(again.items())
        if times
    ]
    mine = [one for name, one in seen.after.functions.items() if name in seen.migrated]
    adopted, hits = sum(one.adopted for one in mine), sum(one.hits for one in mine)
    told = f"{sum(again.values())} recomputed; {adopted} adopted, {hits} hits"
    served = [
        seen.before.functions[name].served for name in seen.migrated & seen.before.functions.keys()
    ]
    if not any(served) and not faults:
        return idle(Name.NOT_COMPUTED_AGAIN, f"the old decorator served none of them; {told}")
    return criterion(Name.NOT_COMPUTED_AGAIN, told, faults)


def speed(seen: Verified) -> Criterion:
    """No hit takes longer than the old decorator's, as far as paired times can tell."""
    if not seen.rechecks:
        return unknown(Name.SPEED, "--recheck 0: hits were not timed in pairs")
    done = [one for one in _rechecked(seen) if one.verdict is Again.SAME]
    measured = [(one, one.speed) for one in done if one.speed is not None]
    unpaired = [one for one in done if one.speed is None]
    gaps = [Gap(one.function, f"not timed in pairs: {one.unpaired}") for one in unpaired]
    unsure = [(one, pairs) for one, pairs in measured if pairs.decision == "unsure"]
    gaps += [
        Gap(one.function, f"unsure: {_ratio(pairs)} of {pairs.pairs} pairs")
        for one, pairs in unsure
    ]
    if not measured:
        rest = _rest(seen)
        if done or (rest and not any(gap.needed for gap in rest)):
            why = "no call of them could be timed in pairs"
            return replace(idle(Name.SPEED, why), gaps=tuple(gaps))
        return unknown(Name.SPEED, "no call was rechecked, so none was timed in pairs")
    faults = [
        Fault(
            f"a hit of {one.function} takes {_ms(pairs.new)}, and under the old decorator"
            f" {_ms(pairs.old)}: {_ratio(pairs)}",
            one.function if one.function in seen.migrated else "",
        )
        for one, pairs in measured
        if pairs.decision == "fail"
    ]
    worst = max((pairs for _, pairs in measured), key=lambda pairs: pairs.ratio)
    told = f"{len(measured)} paired, the worst {_ratio(worst)}"
    if unsure:
        told += f"; {len(unsure)} unsure"
    if unpaired:
        told += f"; {len(unpaired)} not paired"
    return criterion(Name.SPEED, told, faults, gaps)


def health(before: Health, after: Health) -> Criterion:
    """`afml-cache doctor` and `verify` find nothing that was not there before."""
    new = after.since(before)
    faults = [Fault(f"{one.what}. {one.remedy}", one.function) for one in new]
    told = f"{after.entries} entries checked, {len(after.troubles)} findings, {len(new)} new"
    if not after.entries and not faults:  # so there was nothing that could be wrong
        where = f"the tests have left no entry in {after.directory}"
        return idle(Name.HEALTH, f"{where}; {len(after.troubles)} findings, {len(new)} new")
    return criterion(Name.HEALTH, told, faults)


def backtests(seen: Verified) -> Criterion:
    """Runs of a backtest that were reused before the migration still are."""
    called = {n: one for n, one in seen.after.functions.items() if n in seen.backtests}
    if not called:
        why = (
            "not called by the tests" if seen.backtests else "no cached_backtest in this repository"
        )
        return idle(Name.BACKTESTS, why)
    faults = []
    for name, now in sorted(called.items()):
        then = seen.before.functions.get(name)
        more = 0 if then is None else min(now.computed - then.computed, then.served)
        if more > 0:
            why = ", ".join(sorted(now.reasons))
            faults.append(Fault(f"{name} ran {more} backtests again that were reused ({why})"))
    served = sum(one.served for one in called.values())
    total = sum(one.total for one in called.values())
    return criterion(Name.BACKTESTS, f"{served} of {total} runs reused", faults)


def recheck(seen: Verified) -> Criterion:
    """The body, run again on copied arguments, gives what is stored, and changes none of them."""
    if not seen.rechecks:
        return unknown(Name.RECHECK, "--recheck 0: no body was run again")
    done = _rechecked(seen)
    functions = _called(seen)
    if not functions:
        return unknown(Name.RECHECK, "no test calls any of the migrated functions")
    ran = [one for one in done if one.verdict is not Again.UNCHECKED]
    faults = [
        Fault(
            f"{one.function}({one.called_with}): {what}",
            # What ran under a name that no function is known by is somebody's all the same.
            one.function if one.function in seen.migrated else "",
        )
        for one in ran
        if one.verdict is not Again.SAME
        for what in one.what
    ]
    rest = _rest(seen)
    gaps = [*rest, *_some_unchecked(done, {one.function for one in ran})]
    calls = sum(one.total for n, one in seen.after.functions.items() if n in functions)
    same = sum(1 for one in ran if one.verdict is Again.SAME)
    told = (
        f"{same} of {len(ran)} same; {sum(gap.whole for gap in rest)} of {len(functions)} functions"
        f" and {calls - len(ran)} of {calls} calls not checked"
    )
    if not ran and not any(gap.needed for gap in rest):
        why = f"no call of {len(functions)} functions can ever be checked"
        return replace(idle(Name.RECHECK, why), gaps=tuple(gaps))
    return criterion(Name.RECHECK, told, faults, gaps)


def _rechecked(seen: Verified) -> list[Recheck]:
    """All that this migration has to answer for, by whichever names it ran."""
    return [one for one in seen.after.rechecks if one.function not in seen.already]


def _called(seen: Verified) -> set[str]:
    """The names of what is migrated and was called."""
    mine = seen.migrated & seen.after.functions.keys()
    return {*mine, *(one.function for one in _rechecked(seen))}


def _rest(seen: Verified) -> list[Gap]:
    """Functions of which no call was checked, and names that tell no single function."""
    calls: dict[str, list[Recheck]] = {name: [] for name in sorted(_called(seen))}
    for one in _rechecked(seen):
        calls[one.function].append(one)
    gaps = []
    for name, mine in calls.items():
        if name in seen.shared:
            what = "several functions may be meant by this name, and one of them was checked"
            gaps.append(Gap(name, what, needed=True))
        if all(one.verdict is Again.UNCHECKED for one in mine):
            lasting = bool(mine) and all(one.lasting for one in mine)
            gaps.append(Gap(name, unchecked_because(mine), whole=True, needed=not lasting))
    return gaps


def _some_unchecked(done: Iterable[Recheck], checked: Collection[str]) -> Iterator[Gap]:
    """Calls that could not be checked, of functions of which others were."""
    reasons: dict[str, Counter[str]] = {}
    for one in done:
        if one.verdict is Again.UNCHECKED and one.function in checked:
            reasons.setdefault(one.function, Counter())[", ".join(one.what)] += 1
    for name, mine in reasons.items():
        for why, times in mine.items():
            calls = "1 call" if times == 1 else f"{times} calls"
            yield Gap(name, f"{calls} not checked: {why}")


def _rate(recording: Recording) -> str:
    total = sum(one.total for one in recording.functions.values())
    served = sum(one.served for one in recording.functions.values())
    return percent(served / total) if total else "-"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2g} ms"


def _ratio(pairs: Speed) -> str:
    if pairs.high == inf:
        return f"x {pairs.ratio:.2g}"
    return f"x {pairs.ratio:.2g} ({pairs.low:.2g} to {pairs.high:.2g})"
