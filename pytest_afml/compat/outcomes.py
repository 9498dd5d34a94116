"""What two calls of one case came to, compared: their results, or their exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_afml.compat import wording
from pytest_afml.compat.differences import differences
from pytest_afml.compat.observe import Observed


def outcomes(was: Observed, now: Observed) -> Iterator[str]:
    """Results, or exceptions with their arguments."""
    if was.error is None and now.error is None:
        yield from map(wording.difference_text, differences(was.result, now.result))
    elif was.error is None:
        yield f"raised {now.error!r}, returned {wording.shown(was.result)} before"
    elif now.error is None:
        yield f"returned {wording.shown(now.result)}, raised {was.error!r} before"
    elif type(was.error) is not type(now.error):
        yield f"raised {now.error!r}, was {was.error!r}"
    else:
        found = differences(was.error.args, now.error.args)
        yield from (f"the exception's args: {wording.difference_text(one)}" for one in found)


def incomparable(was: Observed, now: Observed) -> list[str]:
    """What cannot be compared of two results that do not differ in anything else."""
    if was.error is not None or now.error is not None:
        return []
    found = differences(was.result, now.result)
    if any(one.kind != "incomparable" for one in found):
        return []
    return list(map(wording.difference_text, found))
