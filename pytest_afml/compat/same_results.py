"""Whether a function does the same under two decorators: undecorated, cold, warm and together.

The reference is the undecorated body, run with the cache switched off. Each case has a fresh store
under each decorator: the first call there is the cold one, the second the warm one. Every call has
copies of the arguments. At the end all cases share one store: see ``together``.
"""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

from pytest_afml.compat import wording
from pytest_afml.compat.aliasing import change, common, shares
from pytest_afml.compat.bodies import (
    Function,
    body_of,
    is_cached,
    is_coroutine_function,
    signature_of,
)
from pytest_afml.compat.cases import Args
from pytest_afml.compat.differences import differences
from pytest_afml.compat.observe import Observed, observe
from pytest_afml.compat.outcomes import incomparable, outcomes
from pytest_afml.compat.stores import fresh_store, no_store
from pytest_afml.compat.together import Reference, found_together
from pytest_afml.compat.wording import Finding


def different_results(old: Function, new: Function, cases: list[tuple[str, Args]]) -> list[str]:
    """Every difference, a sentence each with its case and its arm; empty: none."""
    alone: dict[str, list[Finding]] = {}
    references: list[Reference] = []
    for name, arguments in cases:
        reference, alone[name] = _of_case(old, new, arguments)
        if reference is not None:
            references.append(Reference(name, arguments, reference))
    for side, function in (("old", old), ("new", new)):
        for name, text in found_together(function, references):
            # What the case does otherwise on its own says more.
            if not any(one.side == side and one.temperature != "together" for one in alone[name]):
                alone[name].append(Finding("together", side, text))
    found = list(_of_functions(old, new))
    return found + [text for name in alone for text in wording.case_texts(name, alone[name])]


def _of_functions(old: Function, new: Function) -> Iterator[str]:
    """What can be seen without a call: signature, docstring, kind, pickles."""
    one, other = signature_of(old), signature_of(new)
    if one != other:
        yield f"new: the signature is {other}, was {one}"
    was, now = _docstring(old), _docstring(new)
    if was != now:
        yield f"new: the docstring is {now!r}, was {was!r}"
    if is_coroutine_function(old) != is_coroutine_function(new):
        kinds = ["a plain function", "a coroutine function"]
        kind, other_kind = (kinds[is_coroutine_function(each)] for each in (old, new))
        yield f"new: it is {other_kind}, was {kind}"
    if _why_unpicklable(old) is None:
        why = _why_unpicklable(new)
        if why is not None:
            yield f"new: the function cannot be pickled any more ({why})"


def _of_case(
    old: Function, new: Function, arguments: Args
) -> tuple[Observed | None, list[Finding]]:
    """What the undecorated body does, None where that is not steady; and what was found."""
    with no_store():
        reference, again = (observe(body_of(old), arguments) for _ in range(2))
        plain = None if body_of(new) == body_of(old) else observe(body_of(new), arguments)
    unsteady = list(outcomes(reference, again))
    blind = incomparable(reference, again)
    if blind:
        return None, [Finding("plain", "old", text) for text in blind]
    if unsteady:
        found = [f"a second call does otherwise: {text}" for text in unsteady]
        return None, [Finding("plain", "old", text) for text in (*found, wording.UNSTEADY)]
    told = [] if plain is None else _like(reference, plain)
    spared = common(reference.result, again.result)  # it is the module's
    return reference, [
        *(Finding("plain", "new", text) for text in told),
        *_of_arms(old, new, arguments, reference, spared),
    ]


def _of_arms(
    old: Function, new: Function, arguments: Args, reference: Observed, spared: list[Any]
) -> Iterator[Finding]:
    """Cold and warm calls under both decorators."""
    arms = {}
    for side, function in (("old", old), ("new", new)):
        with fresh_store():
            cold, warm = observe(function, arguments), observe(function, arguments)
            served = [*outcomes(reference, warm), *_pickled(reference, warm)]
            yield from (Finding("cold", side, text) for text in _like(reference, cold))
            yield from (Finding("warm", side, text) for text in served)
            for temperature, seen in (("cold", cold), ("warm", warm)):
                if change(seen.result, spared):
                    now = observe(function, arguments)
                    leaked = [text for text in outcomes(reference, now) if text not in served]
                    changing = wording.LEAKED.format(temperature)
                    yield from (Finding("warm", side, f"{changing}: {text}") for text in leaked)
            arms[side] = cold, warm
    both = is_cached(old) and is_cached(new)
    for temperature, was, now in zip(("cold", "warm"), arms["old"], arms["new"], strict=True):
        is_warm = temperature == "warm"
        told = [*_runs(was, now, is_warm)] if both else [*_runs_alone(new, now, is_warm)]
        if is_warm and both and was.runs == now.runs:
            told += [*_warnings(was, now), *_arguments(was, now)]
        yield from (Finding(temperature, "new", text) for text in told)


def _like(was: Observed, now: Observed) -> Iterator[str]:
    """Of two calls whose body runs: everything but how often."""
    yield from outcomes(was, now)
    yield from _warnings(was, now)
    yield from _arguments(was, now)
    yield from _pickled(was, now)
    if shares(was.result, was.arguments.values()) != shares(now.result, now.arguments.values()):
        yield wording.SHARES if not shares(was.result, was.arguments.values()) else wording.NO_SHARE


def _warnings(was: Observed, now: Observed) -> Iterator[str]:
    left, new = list(was.warnings), []
    for warning in now.warnings:
        if warning in left:
            left.remove(warning)
        else:
            new.append(warning)
    names = {one.name for one in left} & {one.name for one in new}  # of several classes, perhaps
    is_told = {one.category for one in (*left, *new) if one.name in names}
    for verb, told in (("warned", new), ("did not warn", left)):
        for one in told:
            category = one.category if len(is_told) > 1 and one.name in names else one.name
            yield f"{verb} {category}: {one.text}"


def _arguments(was: Observed, now: Observed) -> Iterator[str]:
    """What became of the arguments: a function may change them in place."""
    for one in differences(was.named, now.named):
        yield f"it left its argument otherwise: {wording.argument_text(one)}"


def _pickled(was: Observed, now: Observed) -> Iterator[str]:
    if was.error is None and now.error is None and _why_unpicklable(was.result) is None:
        why = _why_unpicklable(now.result)
        if why is not None:
            yield f"the result cannot be pickled any more ({why})"


def _runs(was: Observed, now: Observed, is_warm: bool) -> Iterator[str]:
    """How often the body ran under both decorators; a warm call may well run less."""
    if was.runs is None or now.runs is None or was.runs == now.runs:
        return
    if now.runs > was.runs or not is_warm:
        yield wording.runs_text(now.runs, was.runs, now.call)


def _runs_alone(function: Function, seen: Observed, is_warm: bool) -> Iterator[str]:
    """How often it ran where nothing was cached before: a warm call should not run it at all."""
    should = is_cached(function) and is_warm and seen.error is None
    if should and seen.call is not None and not seen.call.was_served:
        yield wording.runs_text(seen.runs or 1, None, seen.call)


def _docstring(function: Any) -> str | None:
    """Of a bound method, that of the function."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.getdoc(getattr(function, "__func__", function))


def _why_unpicklable(value: Any) -> str | None:
    try:
        pickle.dumps(value, protocol=5)
    except Exception as error:  # noqa: BLE001 - a value's own pickling may raise anything
        return f"{type(error).__name__}: {error}"
    return None
