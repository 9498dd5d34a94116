"""Entries that another major version of pandas has written, which joblib does not find any more."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from afml_cache import notices
from afml_cache.joblib_memory.layout import FunctionFolder

#: How pickles name a frame or Series: by its module before pandas 3, by pandas itself from then on.
_BEFORE_3 = re.compile(rb"pandas\.core\.(frame|series)\W")
_FROM_3 = re.compile(rb"\x8c\x06pandas\x94\x8c(\x09DataFrame|\x06Series)\x94")
#: Entries, and bytes of each, that are looked through for it.
_LOOKED_AT, _HEAD = 8, 1 << 16
#: Functions whose entries have been looked through.
_looked_through: set[str] = set()


def say_if_out_of_reach(
    identity: str, arguments: Iterable[object], folders: Iterable[FunctionFolder]
) -> None:
    """Tell, once a function, that another pandas wrote its entries, and hashed otherwise."""
    pandas = sys.modules.get("pandas")
    if pandas is None or identity in _looked_through:
        return
    if not any(map(_is_pandas, _within(arguments))):
        return
    _looked_through.add(identity)
    major = int(pandas.__version__.partition(".")[0])
    for folder in folders:
        other = _other_major(folder, major)
        if other is not None:
            notices.warn_once(
                ("adoption_out_of_reach", identity),
                f"what @cacheable has stored of {identity}() under pandas {other} is out of "
                f"reach: joblib hashes frames otherwise under pandas {pandas.__version__}. To keep "
                f"it, let the new decorator adopt it under pandas {other}, with "
                "configure(package_versions='ignore'), and upgrade pandas then: the new keys stay",
            )


def _other_major(folder: FunctionFolder, major: int) -> str | None:
    for number, output in enumerate(folder.entries()):
        if number >= _LOOKED_AT:
            break
        try:
            with open(output, "rb") as file:
                head = file.read(_HEAD)
        except OSError:
            continue
        before, after = _BEFORE_3.search(head), _FROM_3.search(head)
        if before or after:
            return None if bool(before) == (major < 3) else "2" if before else "3"
    return None


def _within(arguments: Iterable[object]) -> Iterator[object]:
    """The arguments, and what lies in lists, tuples and dictionaries among them."""
    for value in arguments:
        if isinstance(value, list | tuple):
            yield from value
        elif isinstance(value, dict):
            yield from value.values()
        else:
            yield value


def _is_pandas(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas"
