"""Dtypes that a newer library gives where an older one gave others, as declared by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pytest_afml.compat.difference import Difference

#: What pandas 3 gives where pandas 2 gave something else; ``*`` stands for any time zone.
PANDAS_3: dict[str, str] = {
    "datetime64[ns]": "datetime64[us]",
    "datetime64[ns, *]": "datetime64[us, *]",
    "timedelta64[ns]": "timedelta64[us]",
    "object": "str",
}


def are_declared(found: Sequence[Difference], upgrades: Mapping[str, str]) -> bool:
    """Whether all differences are changes of dtype that were declared.

    >>> found = [Difference("index.dtype", "dtype", "datetime64[ns, UTC]", "datetime64[us, UTC]")]
    >>> are_declared(found, PANDAS_3), are_declared(found, {})
    (True, False)
    """
    return all(
        any(_matches(*pair, difference) for pair in upgrades.items()) for difference in found
    )


def _matches(was: str, now: str, difference: Difference) -> bool:
    if difference.kind == "unit":  # of a Timestamp
        one, other = (
            f"datetime64[{text.strip(chr(39))}]" for text in (difference.was, difference.now)
        )
        return (was, now) == (one, other)
    if difference.kind != "dtype":
        return False
    found = re.fullmatch(re.escape(was).replace(r"\*", "(.*)"), difference.was)
    if found is None:
        return False
    for text in found.groups():
        now = now.replace("*", text, 1)
    return now == difference.now
