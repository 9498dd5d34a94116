"""Names and texts as MLflow takes them: which letters, how long."""

from __future__ import annotations

import re
from typing import Any

from xxhash import xxh3_64_hexdigest

from afml_cache.backtests.plain import Account, from_plain, to_plain

#: What MLflow takes: letters of a name, of a parameter's value, of a tag's.
_LONGEST_NAME, LONGEST_PARAM, LONGEST_TAG = 250, 6000, 5000
_WRITTEN_OUT = str.maketrans({"%": "pct", "$": "usd", "[": "", "]": "", "(": "", ")": ""})
_NOT_TAKEN = re.compile(r"[^\w\-. :/]")


def name_of(text: object) -> str:
    """A name that MLflow takes; where letters had to go, with a mark that tells it from others.

    Units of backtests are written out.

    >>> name_of("max_depth"), name_of("Return [%]"), name_of("a=b")
    ('max_depth', 'Return pct', 'a_b-13b47f')
    """
    name = str(text).translate(_WRITTEN_OUT)
    # No path that leaves its folder: MLflow refuses "..", "/x" and "a//b".
    taken = _NOT_TAKEN.sub("_", name)
    taken = "/".join(part for part in taken.split("/") if part not in ("", ".", ".."))
    if taken == name and 0 < len(name) <= _LONGEST_NAME:
        return name
    mark = xxh3_64_hexdigest(name.encode("utf-8", "backslashreplace"))[:6]
    return f"{taken[: _LONGEST_NAME - 7] or 'unnamed'}-{mark}"


def text_of(value: object) -> str:
    """A parameter's value in words: a number, text or date as it is, else a short account."""
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, bool | int | float) or value is None:
        return str(value)
    plain: Any = from_plain(to_plain(value))
    if isinstance(plain, Account):
        return as_text(plain.text)
    item = getattr(plain, "item", None)
    return as_text(str(item() if callable(item) else plain))


def cut(text: str, longest: int) -> str:
    """A text that is no longer than that; what is cut says so."""
    text = as_text(text)
    if len(text) <= longest:
        return text
    mark = f"... ({len(text):,} characters, {xxh3_64_hexdigest(text.encode())})"
    return text[: longest - len(mark)] + mark


def as_text(text: str) -> str:
    """A text that SQLite and JSON take."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
