"""What became of a part of the code, from what was kept of it and what it is now: pure.

Records are those of :meth:`~afml_cache.keys.texts.PartText.record`; an empty one is a part of
which nothing was kept.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache.keys.brief import brief, other_contents
from afml_cache.keys.texts import normalised

#: Lines around a change in a diff.
CONTEXT = 2
#: Most members of a container that are named in a sentence.
_MOST = 5

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A sentence on an edited part, where the part is, and the unified diff of its source."""

    text: str
    file: str | None = None
    line: int | None = None
    diff: tuple[str, ...] = ()


def edited(name: str, was: Record, now: Record) -> Edit:
    """What is known of an edit.

    Parameters
    ----------
    name : str
        Of the part, ``module.qualname``.
    was, now : mapping
        The records of the stored part and of the present one.
    """
    file, line = _place(now)
    sentence = f"{name} was edited{_at(file, line)}"
    if "value" in was and "value" in now:
        return Edit(f"{_value(name, was['value'], now['value'])}{_at(file, line)}", file, line)
    if not was:
        return Edit(f"{sentence}; what it was is not kept", file, line)
    if not now:
        return Edit(f"{sentence}; what it is now cannot be shown", file, line)
    before, after = map(_text, (was, now))
    if before != after:
        return Edit(sentence, file, line, _diff(name, before, after))
    uses = _uses(was.get("uses") or {}, now.get("uses") or {})
    if uses:
        return Edit(f"{name} reads as before{_at(file, line)}, but {'; '.join(uses)}", file, line)
    return Edit(sentence, file, line)


def _text(record: Record) -> str:
    """The source as this Python writes it; another one may have kept it."""
    text = str(record.get("text", ""))
    return normalised(text) if text.startswith(("def ", "async def ")) else text


def reached(name: str, now: Record) -> Edit:
    """A part that was not reached before."""
    file, line = _place(now)
    return Edit(f"{name} is reached now and was not before{_at(file, line)}", file, line)


def _place(record: Record) -> tuple[str | None, int | None]:
    file, line = record.get("file"), record.get("line")
    if not isinstance(file, str) or not isinstance(line, int):
        return None, None
    return file, line


def _at(file: str | None, line: int | None) -> str:
    return "" if file is None else f" ({shortest(file)}:{line})"


def shortest(file: str) -> str:
    """A path as one would name it from the working directory, if it lies in there."""
    try:
        relative = os.path.relpath(file)
    except (OSError, ValueError):  # the working directory is gone, or on another drive
        return file
    return _visible(file if relative.startswith(os.pardir) else relative)


def _diff(name: str, before: str, after: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(
        before.splitlines(),
        after.splitlines(),
        f"{name} (before)",
        f"{name} (after)",
        "",
        "",
        CONTEXT,
        "",
    )
    return tuple(map(_visible, lines))


def _visible(text: str) -> str:
    """A line without what would command a terminal: whoever can write the index wrote it."""
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text)


def _value(name: str, was: Record, now: Record) -> str:
    before, after = was.get("members"), now.get("members")
    if isinstance(before, dict) and isinstance(after, dict) and was.get("type") == now.get("type"):
        changed = [k for k in {**after, **before} if before.get(k) != after.get(k)]
        if changed:
            told = [_member(k, before.get(k), after.get(k)) for k in changed[:_MOST]]
            more = f", and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
            return f"{name} differs: {', '.join(told)}{more}"
    return f"{name} was {brief(was)}, is {brief(now)}{other_contents(was, now)}"


def _member(name: str, was: Record | None, now: Record | None) -> str:
    if was is None:
        return f"{name} ({brief(now or {})}) is new"
    if now is None:
        return f"{name} (it was {brief(was)}) is gone"
    return f"{name} was {brief(was)}, is {brief(now)}"


def _uses(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    told = []
    for label in {**now, **was}:
        before, after = was.get(label), now.get(label)
        if before == after:
            continue
        if before is None:
            told.append(f"its {label} ({after}) is new")
        elif after is None:
            told.append(f"its {label} (it was {before}) is gone")
        else:
            told.append(f"its {label} was {before}, is {after}")
    return told[:_MOST]
