"""Whether two results are equal, and where they are not: a faster wrong result wins nothing.

Equal means: the same types, shapes, dtypes, labels and values; a NaN equals a NaN. numpy and
pandas are not imported here: their values can only be there if somebody else has.
"""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from typing import Any


def difference(candidate: object, baseline: object, place: str = "the result") -> str | None:
    """The first difference in words, or None.

    >>> difference([1, 2.0], [1, 3.0])
    'the result[1] is 2.0 of the candidate, 3.0 of the baseline'
    """
    if candidate is baseline:
        return None
    if type(candidate) is not type(baseline):
        return _words(place, _type_name(candidate), _type_name(baseline))
    for compare in (_in_pandas, _in_numpy, _in_containers):
        known, found = compare(candidate, baseline, place)
        if known:
            return found
    try:
        both_nan = bool(candidate != candidate and baseline != baseline)
        equal = both_nan or bool(candidate == baseline)
    except (TypeError, ValueError, RuntimeError) as error:  # as numpy, polars, torch raise
        return f"{place}, {_type_name(candidate)}, cannot be compared by == ({error})"
    return None if equal else _words(place, repr(candidate), repr(baseline))


def _in_pandas(candidate: Any, baseline: Any, place: str) -> tuple[bool, str | None]:
    pandas = sys.modules.get("pandas")
    if pandas is None:
        return False, None
    testing = pandas.testing
    checks = {
        pandas.DataFrame: testing.assert_frame_equal,
        pandas.Series: testing.assert_series_equal,
        pandas.Index: testing.assert_index_equal,
        pandas.api.extensions.ExtensionArray: testing.assert_extension_array_equal,
    }
    for kind, check in checks.items():
        if isinstance(candidate, kind):
            try:
                check(candidate, baseline, check_exact=True)
            except AssertionError as error:
                return True, f"{place} differs:\n{error}"
            return True, None
    if candidate is pandas.NA or candidate is pandas.NaT:
        return True, None  # of the same type, so it is the other, too
    return False, None


def _in_numpy(candidate: Any, baseline: Any, place: str) -> tuple[bool, str | None]:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(candidate, numpy.ndarray):
        return False, None
    for what in ("dtype", "shape"):
        ours, theirs = getattr(candidate, what), getattr(baseline, what)
        if ours != theirs:
            return True, _words(f"{place}.{what}", str(ours), str(theirs))
    if candidate.dtype == object:
        return True, difference(candidate.tolist(), baseline.tolist(), place)
    nowhere = (candidate != candidate) & (baseline != baseline)  # NaN or NaT in both
    unequal = (candidate != baseline) & ~nowhere
    if not unequal.any():
        return True, None
    return True, f"{place} differs in {int(unequal.sum())} of {candidate.size} values"


def _in_containers(candidate: Any, baseline: Any, place: str) -> tuple[bool, str | None]:
    if isinstance(candidate, dict):
        if candidate.keys() != baseline.keys():
            return True, _words(f"the keys of {place}", str(list(candidate)), str(list(baseline)))
        items = [(value, baseline[k], f"{place}[{k!r}]") for k, value in candidate.items()]
    elif isinstance(candidate, list | tuple):
        if len(candidate) != len(baseline):
            return True, _words(f"the length of {place}", str(len(candidate)), str(len(baseline)))
        both = enumerate(zip(candidate, baseline, strict=True))
        items = [(ours, theirs, f"{place}[{i}]") for i, (ours, theirs) in both]
    elif is_dataclass(candidate):
        names = [field.name for field in fields(candidate) if field.compare]
        items = [(getattr(candidate, n), getattr(baseline, n), f"{place}.{n}") for n in names]
    else:
        return False, None
    for ours, theirs, inside in items:
        found = difference(ours, theirs, inside)
        if found is not None:
            return True, found
    return True, None


def _type_name(value: object) -> str:
    return f"a {type(value).__qualname__}"


def _words(place: str, ours: str, theirs: str) -> str:
    return f"{place} is {_short(ours)} of the candidate, {_short(theirs)} of the baseline"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}..."
