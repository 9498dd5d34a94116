"""Names of functions, short enough for a page on a phone."""

from __future__ import annotations

#: So many characters fit above a bar on a narrow phone, beside the number.
SHORT = 34
#: The same for words, which are narrower, beside a count.
SENTENCE = 44


def shortened(name: str, most: int = SHORT) -> str:
    """The end of a dotted name, as much as fits; a part that does not is cut in its middle.

    >>> shortened("research.features.volatility.garman_klass")
    '…features.volatility.garman_klass'
    >>> shortened("f.a_function_with_a_name_that_does_not_end")
    '…a_function_with_…hat_does_not_end'
    """
    if len(name) <= most:
        return name
    parts = name.split(".")
    kept = parts.pop()
    while parts and len(parts[-1]) + len(kept) + 2 <= most:
        kept = f"{parts.pop()}.{kept}"
    room = most - 1 if parts else most
    if len(kept) > room:
        tail = (room - 1) // 2
        kept = f"{kept[: room - 1 - tail]}…{kept[-tail:]}"
    return f"…{kept}" if parts else kept
