"""Two key descriptions -> what differs between them.

Pure: it knows neither the store nor the functions, only the descriptions that an entry keeps
(digests of arguments, columns and blocks of rows, of the code parts and package versions) and
the same made of a present call. A description is a dictionary that JSON can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from afml_cache.keys.code import Fingerprint
from afml_cache.keys.content import Description
from afml_cache.keys.extent import Extent

#: The format of descriptions; they are only compared within one format.
DESCRIPTION_VERSION = 1


class Kind(StrEnum):
    """What differs."""

    ARGUMENT = "argument"
    COLUMN = "column"
    ROWS = "rows"
    CODE = "code"
    PACKAGE = "package"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: ``kind``, the ``name`` of what differs, and a sentence on it."""

    kind: Kind
    name: str
    text: str

    def __str__(self) -> str:
        return self.text


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


def differences(stored: Mapping[str, Any], present: Mapping[str, Any]) -> list[Difference]:
    """What differs between an entry's description and that of a present call.

    Parameters
    ----------
    stored, present : mapping
        As :func:`describe_key` makes them.

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
        *_named(stored["parts"], present["parts"], Kind.CODE),
        *_named(stored["packages"], present["packages"], Kind.PACKAGE),
        *_arguments(stored["arguments"], present["arguments"]),
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
    found = _argument(name, before, after)
    told = [difference.text for difference in found]
    if told and not told[0].endswith(", with other contents"):
        return tuple(told)
    columns = [list(summary.get("columns") or ()) for summary in (before, after)]
    if columns[0] != columns[1] and sorted(columns[0]) == sorted(columns[1]):
        return (f"{name} has its columns in another order",)
    if columns[0] or (before.get("values") and before.get("values") == after.get("values")):
        return (f"{name} has equal values; its name, attrs, flags or index differ",)
    return tuple(told)


def _named(stored: Mapping[str, str], present: Mapping[str, str], kind: Kind) -> list[Difference]:
    found = []
    for name in sorted(stored.keys() | present.keys()):
        before, after = stored.get(name), present.get(name)
        if before == after:
            continue
        if before is None:
            text = f"{name} is reached now and was not before"
        elif after is None:
            text = f"{name} was reached before and is not any more"
        elif kind is Kind.PACKAGE:
            text = f"{name} was {before}, is {after}"
        else:
            text = f"{name} was edited"
        found.append(Difference(kind, name, text))
    return found


def _arguments(
    stored: Mapping[str, Mapping[str, Any]], present: Mapping[str, Mapping[str, Any]]
) -> list[Difference]:
    found = []
    for name in [*present, *(n for n in stored if n not in present)]:
        before, after = stored.get(name), present.get(name)
        if before is None:
            found.append(Difference(Kind.ARGUMENT, name, f"parameter {name} is new"))
        elif after is None:
            found.append(Difference(Kind.ARGUMENT, name, f"parameter {name} is gone"))
        elif before["digest"] != after["digest"]:
            found += _argument(name, before, after)
    return found


def _argument(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Why one argument's digest differs, as narrowly as the descriptions tell."""
    plain = Difference(
        Kind.ARGUMENT,
        name,
        f"{name} was {brief(before)}, is {brief(after)}{_same(before, after)}",
    )
    if before.get("type") != after.get("type"):
        return [plain]
    if "columns" in before and "columns" in after:
        return _frame(name, before, after) or [plain]
    if "values" in before and "values" in after and before.get("shape") == after.get("shape"):
        found = [
            _vector(name, part, before[part], after[part], _rows(after), after.get("row_block"))
            for part in ("values", "index")
            if before.get(part) and after.get(part)
            if before[part]["digest"] != after[part]["digest"]
        ]
        return found or [plain]
    if "items" in before and "items" in after:
        names = [*after["items"], *(k for k in before["items"] if k not in after["items"])]
        changed = [k for k in names if before["items"].get(k) != after["items"].get(k)]
        if changed:
            shown = ", ".join(changed[:5]) + (", ..." if len(changed) > 5 else "")
            return [Difference(Kind.ARGUMENT, name, f"{name} differs at {shown}")]
    return [plain]


def _frame(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    old, new = before["columns"], after["columns"]
    found = []
    for label in new.keys() - old.keys():
        found.append(Difference(Kind.COLUMN, label, f"{name} has a new column {label}"))
    for label in old.keys() - new.keys():
        found.append(Difference(Kind.COLUMN, label, f"{name} has lost its column {label}"))
    found.sort(key=lambda d: d.name)
    if before.get("shape", [None])[0] != after.get("shape", [None])[0]:
        was, now = brief(before), brief(after)
        found.append(Difference(Kind.ROWS, name, f"{name} was {was}, is {now}"))
        return found
    index_before, index_after = before.get("index"), after.get("index")
    if index_before and index_after and index_before["digest"] != index_after["digest"]:
        found.append(
            _vector(name, "index", index_before, index_after, _rows(after), after["row_block"])
        )
    for label, column in new.items():
        if label in old and old[label]["digest"] != column["digest"]:
            found.append(_vector(name, label, old[label], column, _rows(after), after["row_block"]))
    return found


def _vector(
    name: str,
    label: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    rows: int | None,
    row_block: int | None,
) -> Difference:
    """A column, index or Series' values of which some blocks of rows differ."""
    what = f"the {label} of {name}" if label in ("index", "values") else f"{name}, column {label}"
    kind = Kind.ROWS if label in ("index", "values") else Kind.COLUMN
    if before.get("dtype") != after.get("dtype"):
        text = f"{what}: dtype was {before.get('dtype')}, is {after.get('dtype')}"
        return Difference(kind, label, text)
    old, new = before.get("blocks") or [], after.get("blocks") or []
    if label == "index" and old and old == new:
        return Difference(kind, label, f"{what}: values are the same, its name or freq differs")
    changed = [i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]]
    if changed and row_block and rows and len(old) == len(new) > 1:
        first = changed[0] * row_block
        last = min(rows, (changed[-1] + 1) * row_block) - 1
        return Difference(kind, label, f"{what}: values differ within rows {first} to {last}")
    return Difference(kind, label, f"{what}: values differ")


def _rows(summary: Mapping[str, Any]) -> int | None:
    shape = summary.get("shape")
    return int(shape[0]) if shape else None


def brief(summary: Mapping[str, Any]) -> str:
    """A value in a few words: its literal, or type, shape, dtype and span.

    >>> brief({"type": "int", "repr": "20"})
    '20'
    >>> brief({"type": "pandas.Series", "shape": [3], "span": ["2024-01-01", "2024-01-03"]})
    'pandas.Series of shape (3,) from 2024-01-01 to 2024-01-03'
    """
    if "repr" in summary:
        return str(summary["repr"])
    text = str(summary.get("type", "a value"))
    if "length" in summary:
        text += f" of length {summary['length']}"
    if summary.get("dtype"):
        text += f" of {summary['dtype']}"
    if summary.get("shape") is not None:
        text += f" of shape {tuple(summary['shape'])}"
    if summary.get("span"):
        text += f" from {summary['span'][0]} to {summary['span'][1]}"
    return text


def _same(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return ", with other contents" if brief(before) == brief(after) else ""
