"""Whether two results are equal, and where they are not: a faster wrong result wins nothing.

Equal is what the compatibility checks find equal, but for memory that cannot be written to: what a
cache hands out may be protected where the result of a plain call is not.
"""

from __future__ import annotations

from pytest_afml.compat.difference import Difference
from pytest_afml.compat.differences import differences


def difference(candidate: object, baseline: object) -> str | None:
    """The first difference in words, or None.

    >>> difference([1, 2.0], [1, 3.0])
    'the result[1] is 2.0 of the candidate, 3.0 of the baseline'
    """
    found = _but_for_memory(differences(candidate, baseline))
    if found and found[0].kind == "more":
        # What is not listed may be about memory, too. It is listed in one order of the two only.
        turned = _but_for_memory(differences(baseline, candidate))
        found = [_turned(one) for one in turned]
    return _words(found[0]) if found else None


def _but_for_memory(found: list[Difference]) -> list[Difference]:
    return [one for one in found if one.kind != "flags"]


def _turned(one: Difference) -> Difference:
    kind = {"missing": "extra", "extra": "missing"}.get(one.kind, one.kind)
    return Difference(one.place, kind, one.now, one.was, one.count, one.total, one.at)


def _words(one: Difference) -> str:
    place = _in_the_result(one.place)
    ours, theirs = f"{one.was} of the candidate", f"{one.now} of the baseline"
    if one.kind == "values":
        return (
            f"{one.count:,} of {one.total:,} values of {place} differ, the first at [{one.at}]: "
            f"{ours}, {theirs}"
        )
    if one.kind == "missing":
        return f"{place} is {ours}, and not there in the baseline's"
    if one.kind == "extra":
        return f"{place} is {theirs}, and not there in the candidate's"
    if one.kind == "more":
        return f"{place} differs in {one.count} places and more"
    if one.kind in ("type", "length", "order"):
        place = f"the {one.kind} of {place}"
    return f"{place} is {ours}, {theirs}"


def _in_the_result(place: str) -> str:
    if not place:
        return "the result"
    if place.startswith("the "):
        return place
    return f"the result{place}" if place.startswith("[") else f"the result.{place}"
