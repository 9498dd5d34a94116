"""Two key descriptions -> what differs between them.

Pure: it knows neither the store nor the functions, only the descriptions that an entry keeps
(digests of arguments, columns and blocks of rows, of the code parts and package versions) and
the same made of a present call. A description is a dictionary that JSON can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from afml_cache.keys.brief import brief as brief
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.compared import Cut, argument
from afml_cache.keys.content import Description
from afml_cache.keys.difference import Difference as Difference
from afml_cache.keys.difference import Kind as Kind
from afml_cache.keys.edited import Record, edited, reached
from afml_cache.keys.extent import Extent

#: The digest of a part (hex) -> what was kept of it; empty where nothing was.
Texts = Callable[[str], Record]

#: The format of descriptions; they are only compared within one format.
DESCRIPTION_VERSION = 1


def describe_key(
    arguments: Mapping[str, Description],
    fingerprint: Fingerprint,
    extents: Mapping[str, Extent] | None = None,
) -> dict[str, Any]:
    """The description that an entry keeps of its key: digests and shapes, never the values.

    Of a time-aware function it has the ``extents``, too, which two descriptions are not
    compared by.
    """
    dated = {name: [e.first, e.last, e.aware] for name, e in (extents or {}).items()}
    return {
        "version": DESCRIPTION_VERSION,
        "arguments": {
            name: {"digest": d.digest.hex(), **d.summary} for name, d in arguments.items()
        },
        "parts": dict(fingerprint.parts),
        "packages": dict(fingerprint.packages),
        "left_out": [list(item) for item in fingerprint.left_out],
        **({"extents": dated} if dated else {}),
    }


def differences(
    stored: Mapping[str, Any],
    present: Mapping[str, Any],
    *,
    was: Texts | None = None,
    now: Texts | None = None,
    cuts: Mapping[str, Cut] | None = None,
) -> list[Difference]:
    """What differs between an entry's description and that of a present call.

    Parameters
    ----------
    stored, present : mapping
        As :func:`describe_key` makes them.
    was, now : callable, optional
        Give what was kept of a part of the stored code, and of the present one. Without them, that
        a part was edited is all that is said of it.
    cuts : mapping, optional
        Longer frames of the present call, cut to the length of the stored ones.

    Returns
    -------
    list of Difference
        Code first, then packages, then arguments in the order of the signature. Empty: the
        two describe the same key.
    """
    if stored.get("version") != present.get("version"):
        return [
            Difference(
                Kind.FORMAT,
                "version",
                f"the entry's description has format {stored.get('version')}, "
                f"this version compares format {present.get('version')}",
            )
        ]
    return [
        *_code(stored["parts"], present["parts"], was, now),
        *_packages(stored["packages"], present["packages"]),
        *_arguments(stored["arguments"], present["arguments"], cuts or {}),
    ]


def whole_values(stored: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """Frames, Series and the like of which a part differs: what each was, and is, as a whole."""
    if stored.get("version") != present.get("version"):
        return []
    told = []
    for name, after in present["arguments"].items():
        before = stored["arguments"].get(name)
        if before is None or before["digest"] == after["digest"]:
            continue
        if before.get("type") == after.get("type") and ("columns" in after or "values" in after):
            told.append(f"{name}: stored {brief(before)}, present {brief(after)}")
    return told


def value_differences(
    name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[str, ...]:
    """What differs between two values of which only the summaries are left, a sentence each.

    Parameters
    ----------
    name : str
        What the value is called in the sentences.
    before, after : mapping
        The ``summary`` of a :class:`~afml_cache.CallResult` and its ``digest``. Their digests
        differ.

    Examples
    --------
    >>> value_differences(
    ...     "the result", {"digest": "0", "type": "int", "repr": "1"},
    ...     {"digest": "1", "type": "float", "repr": "1.0"}
    ... )
    ('the result was 1, is 1.0',)
    """
    found = argument(name, before, after)
    told = [difference.text for difference in found]
    if told and not told[0].endswith(", with other contents"):
        return tuple(told)
    if before.get("columns") or (
        before.get("values") and before.get("values") == after.get("values")
    ):
        return (f"{name} has equal values; its name, attrs, flags or index differ",)
    return tuple(told)


def _code(
    stored: Mapping[str, str], present: Mapping[str, str], was: Texts | None, now: Texts | None
) -> list[Difference]:
    found = []
    for name in sorted(stored.keys() | present.keys()):
        before, after = stored.get(name), present.get(name)
        if before == after:
            continue
        if after is None:
            text = f"{name} was reached before and is not any more"
            found.append(Difference(Kind.CODE, name, text))
            continue
        record = now(after) if now is not None else {}
        if before is None:
            edit = reached(name, record)
        elif was is None or now is None:
            found.append(Difference(Kind.CODE, name, f"{name} was edited"))
            continue
        else:
            edit = edited(name, was(before), record)
        found.append(Difference(Kind.CODE, name, edit.text, edit.file, edit.line, edit.diff))
    return found


def _packages(stored: Mapping[str, str], present: Mapping[str, str]) -> list[Difference]:
    found = []
    for name in sorted(stored.keys() | present.keys()):
        before, after = stored.get(name), present.get(name)
        if before is None:
            text = f"the package {name} is reached now and was not before"
        elif after is None:
            text = f"the package {name} was reached before and is not any more"
        else:
            text = f"{name} was {before}, is {after}"
        if before != after:
            found.append(Difference(Kind.PACKAGE, name, text))
    return found


def _arguments(
    stored: Mapping[str, Mapping[str, Any]],
    present: Mapping[str, Mapping[str, Any]],
    cuts: Mapping[str, Cut],
) -> list[Difference]:
    found = []
    for name in [*present, *(n for n in stored if n not in present)]:
        before, after = stored.get(name), present.get(name)
        if before is None:
            found.append(Difference(Kind.ARGUMENT, name, f"parameter {name} is new"))
        elif after is None:
            found.append(Difference(Kind.ARGUMENT, name, f"parameter {name} is gone"))
        elif before["digest"] != after["digest"]:
            found += argument(name, before, after, cuts.get(name))
    return found
