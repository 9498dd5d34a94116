"""One call run again, twice, in a store that is thrown away: does it give what is stored?

The first time the function runs as it is decorated, the second time as ``@cacheable`` would have
it; both run the body, since the store is empty. Then both are hits, and are timed in pairs.
"""

from __future__ import annotations

import copy
import inspect
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_afml.gates.pairs import Effort, measure
from pytest_afml.recheck.patience import TookTooLong, at_most

if TYPE_CHECKING:
    from afml_cache import Beside, CachedFunction, CallResult

SAME, DIFFERS, MUTATES, UNCHECKED = "same", "differs", "mutates", "unchecked"

#: A hit may take so many times as long as under ``@cacheable``.
SLOWER = 1.1
EFFORT = Effort(max_pairs=40, max_seconds=1.0, pause_seconds=0.02)
#: Seconds that timing the hits of one call may take.
TIMING = 10.0

Args = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of a hit, old and new, and the interval of the ratio of the pairs."""

    old: float
    new: float
    ratio: float
    low: float
    high: float | None  #: None: no bound, of too few pairs
    pairs: int
    decision: str


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What came of one call.

    Attributes
    ----------
    function, called_with, verdict : str
    what : tuple of str
        What differs; why it was not checked.
    lasting : bool
        It was not checked, and no other time or call would change that.
    speed : Speed or None
    unpaired : str
        Why there are no times, of a call that was checked.
    """

    function: str
    called_with: str
    verdict: str
    what: tuple[str, ...] = ()
    lasting: bool = False
    speed: Speed | None = None
    unpaired: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def unchecked(told: CallResult, why: str, *, lasting: bool = False) -> Rechecked:
    """A call that could not be checked, and the reason."""
    return Rechecked(told.call.function, told.called_with, UNCHECKED, (why,), lasting)


def check(
    function: CachedFunction[..., Any], kept: Args, told: CallResult, patience: float
) -> Rechecked:
    """Run a call again.

    Parameters
    ----------
    function : CachedFunction
    kept : tuple
        Copies of the arguments as they were before the call; they stay as they are.
    told : CallResult
        What the call gave.
    patience : float
        Seconds that there are for it.
    """
    from afml_cache import beside

    began = time.perf_counter()
    with beside(function) as there:
        try:
            with at_most(patience):
                found = _held_against(function, kept, told, there)
        except TookTooLong:
            return unchecked(
                told,
                f"run again, it was not done after {patience:.2g} seconds; it had taken"
                f" {told.seconds:.2g}",
            )
        if found.verdict != SAME:
            return found
        try:
            left = patience - (time.perf_counter() - began)
            with at_most(min(left, TIMING)):
                speed = _speed(there, kept)
        except TookTooLong:
            return replace(found, unpaired="its hits take too long to be timed in pairs")
        if speed is None:
            return replace(found, unpaired="it is no hit when it is called again")
        return replace(found, speed=speed)


def _held_against(
    function: CachedFunction[..., Any], kept: Args, told: CallResult, there: Beside
) -> Rechecked:
    arguments = copy.deepcopy(kept)
    first = there.call_new(*arguments)
    if first.arguments != told.arguments:
        return unchecked(told, "its arguments are others when they are copied", lasting=True)
    changed = _changed(function, kept, arguments)
    if changed:
        names = " and ".join(map(repr, changed))
        return _found(told, MUTATES, [f"it changes its argument {names} while it runs"])
    second = there.call_old(*copy.deepcopy(kept))
    for again, when in ((first, "run again"), (second, "run again twice")):
        if again.raised is not None:  # what it needs is used up, closed or gone
            return _found(told, DIFFERS, [f"it gave a result, and raises {again.raised} ({when})"])
        if again.digest is None:
            return unchecked(told, again.undigested or "its result has no digest", lasting=True)
        if again.digest != told.digest:
            return _found(told, DIFFERS, _differences(told, again, when))
    return _found(told, SAME)


def _found(told: CallResult, verdict: str, what: Iterable[str] = ()) -> Rechecked:
    return Rechecked(told.call.function, told.called_with, verdict, tuple(what))


def _changed(function: CachedFunction[..., Any], kept: Args, after: Args) -> list[str]:
    """The parameters whose values have changed, as far as they have keys."""
    was, now = _bound(function, kept), _bound(function, after)
    return [name for name in was if _key(was[name]) != _key(now[name])]


def _bound(function: CachedFunction[..., Any], arguments: Args) -> Mapping[str, Any]:
    args, kwargs = arguments
    return inspect.signature(function.__wrapped__).bind(*args, **kwargs).arguments


def _key(value: object) -> str | None:
    from afml_cache import UnkeyableArgumentError, content_key

    try:
        return content_key(value)
    except UnkeyableArgumentError:
        return None


def _differences(told: CallResult, again: CallResult, when: str) -> list[str]:
    from afml_cache import value_differences

    stored = {"digest": told.digest, **told.summary}
    now = {"digest": again.digest, **again.summary}
    found = list(value_differences("the result", stored, now)) or ["the result is another"]
    return [f"{one} ({when})" for one in found]


def _speed(there: Beside, kept: Args) -> Speed | None:
    """Both as hits, in pairs; None where one of them does not hit."""
    args, kwargs = kept
    # joblib may take equal objects for others; at these very ones it hits the second time.
    if not all(
        call(*kept).call.was_served or call(*kept).call.was_served
        for call in (there.call_new, there.call_old)
    ):
        return None
    found = measure(
        lambda: there.new(*args, **kwargs), lambda: there.old(*args, **kwargs), SLOWER, EFFORT
    )
    high = None if found.high == math.inf else found.high
    return Speed(
        found.baseline,
        found.candidate,
        found.ratio,
        found.low,
        high,
        found.pairs,
        str(found.decision),
    )
