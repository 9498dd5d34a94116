"""Whether a call is served after another one: the checks behind ``must_hit`` and ``must_miss``."""

from __future__ import annotations

from pytest_afml.compat.bodies import Function, name_of
from pytest_afml.compat.cases import Args
from pytest_afml.compat.observe import Observed, observe
from pytest_afml.compat.stores import fresh_store
from pytest_afml.limits import identity
from pytest_afml.wording import missed_call


def why_not_served(function: Function, first: Args, second: Args) -> str | None:
    """Why a second call is not served after a first one; None: it is.

    Raises
    ------
    LimitError
        The function is not cached.
    """
    identity(function)
    with fresh_store():
        before, after = observe(function, first), observe(function, second)
    if after.call is not None and after.call.was_served:
        return None
    head = f"{name_of(function)} was called with {first}; then {second} should be served, but"
    if before.error is not None:
        return f"{head} nothing was stored, since the first call raised {before.error!r}"
    if after.error is not None and not after.runs:
        return f"{head} it raised {after.error!r} before the body ran"
    if after.call is None:
        return f"{head} {_no_call(after)}"
    return "\n".join([f"{head} it was not:", *missed_call(after.call)])


def why_served(function: Function, first: Args, second: Args) -> str | None:
    """Why a second call is not computed after a first one, or why there is no telling; None: it is.

    A miss proves something only when the first call is served from then on.

    Raises
    ------
    LimitError
        The function is not cached.
    """
    identity(function)
    with fresh_store():
        before = observe(function, first)
        same, after = observe(function, first), observe(function, second)
    head = f"{name_of(function)} was called with {first}; then {second} should be computed, but"
    if before.error is not None:
        return f"{head} that proves nothing, since the first call raised {before.error!r}"
    if after.error is not None and not after.runs:
        return f"{head} that proves nothing, since it raised {after.error!r} before the body ran"
    if same.call is None or after.call is None:
        return f"{head} {_no_call(same if same.call is None else after)}"
    if not same.call.was_served:
        told = missed_call(same.call)
        return "\n".join(
            [f"{head} that proves nothing, since the first is not served either:", *told]
        )
    if after.call.was_served:
        return f"{head} it was served ({after.call.outcome}), so both calls have one key"
    return None


def _no_call(seen: Observed) -> str:
    raised = "" if seen.error is None else f" and raised {seen.error!r}"
    return f"the cache saw no call: the function was called{raised}, without the cache being asked"
