"""Names and texts as MLflow takes them: which letters, how long."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
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


def names_of(texts: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A name for each text, and for each another; one that is a name as it is keeps it.

    >>> names_of(["p[1]", "p1", "q[1]"])
    {'p1': 'p1', 'p[1]': 'p1-26ff877108', 'q[1]': 'q1'}
    """
    named: dict[str, str] = {}
    used = set(taken)
    for text in sorted(dict.fromkeys(texts), key=lambda one: name_of(one) != one):
        name = name_of(text)
        if name in used:
            name = _marked(text)
        named[text] = name
        used.add(name)
    return named


def logged_as(text: str) -> tuple[str, ...]:
    """The names that :func:`names_of` may have given a text; in one run, the first that is there.

    >>> logged_as("p1"), logged_as("p[1]")
    (('p1',), ('p1-26ff877108', 'p1'))
    """
    name = name_of(text)
    return (name,) if name == text else (_marked(text), name)


def _marked(text: str) -> str:
    mark = xxh3_64_hexdigest(text.encode("utf-8", "backslashreplace"))[:10]
    return f"{name_of(text)[: _LONGEST_NAME - 11]}-{mark}"


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
