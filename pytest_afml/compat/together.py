"""All cases on one store: whether a call is served what another one has stored.

A case on a store of its own cannot show that: there is nothing else to be served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_afml.compat import wording
from pytest_afml.compat.bodies import Function, body_of
from pytest_afml.compat.cases import Args
from pytest_afml.compat.observe import Observed, observe
from pytest_afml.compat.outcomes import outcomes
from pytest_afml.compat.stores import fresh_store


class Reference(NamedTuple):
    """A case, and what the undecorated body does."""

    case: str
    arguments: Args
    seen: Observed


def found_together(
    function: Function, references: Sequence[Reference]
) -> Iterator[tuple[str, str]]:
    """What differs from the references once all cases share a store: the case, and a sentence.

    Every case is called once, and then once more: the first round shows that a case is served what
    an earlier one has stored, the second that one has replaced what another had stored.
    """
    if body_of(function) == function or len(references) < 2:
        return  # nothing is kept, or there is nobody to keep it for
    stored_by: dict[str, str] = {}
    with fresh_store():
        for case, arguments, reference in (*references, *references):
            seen = observe(function, arguments)
            key = None if seen.call is None else seen.call.key
            if key is not None and seen.call is not None and not seen.call.was_served:
                stored_by[key] = case
            of = stored_by.get(key or "", case)
            served = "" if of == case else f"{wording.SERVED_OTHERS.format(of)}: "
            yield from ((case, f"{served}{text}") for text in outcomes(reference, seen))
