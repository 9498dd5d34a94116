"""Two arguments of which only the summaries are left -> what differs between them, in words.

A summary has a digest for each column and for each block of 65,536 rows, so it says which columns
differ and within which rows; it says no more than that.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from afml_cache.keys.brief import brief, moments, other_contents
from afml_cache.keys.difference import Difference, Kind

Summary = Mapping[str, Any]

#: Columns are named one by one up to this many.
MOST_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Cut:
    """A longer frame or Series of a present call, cut to the length of the stored one.

    ``first`` and ``last`` give the summaries of so many rows at its beginning and at its end;
    ``after_first`` and ``before_last`` the first and last moment of the rows left over.
    """

    first: Callable[[], Summary]
    last: Callable[[], Summary]
    after_first: tuple[str, str] | None = None
    before_last: tuple[str, str] | None = None


def argument(
    name: str, before: Summary, after: Summary, cut: Cut | None = None
) -> list[Difference]:
    """Why one argument's digest differs, as narrowly as the summaries tell."""
    plain = Difference(
        Kind.ARGUMENT,
        name,
        f"{name} was {brief(before)}, is {brief(after)}{other_contents(before, after)}",
    )
    if before.get("type") != after.get("type"):
        return [plain]
    if "columns" in before and "columns" in after:
        return _frame(name, before, after, cut) or [plain]
    if "values" in before and "values" in after:
        return _series(name, before, after, cut) or [plain]
    if "items" in before and "items" in after:
        names = [*after["items"], *(k for k in before["items"] if k not in after["items"])]
        changed = [k for k in names if before["items"].get(k) != after["items"].get(k)]
        if changed:
            return [Difference(Kind.ARGUMENT, name, f"{name} differs at {_listed(changed)}")]
    return [plain]


def _frame(name: str, before: Summary, after: Summary, cut: Cut | None) -> list[Difference]:
    old, new = before["columns"], after["columns"]
    found = []
    for label in sorted(new.keys() - old.keys()):
        found.append(Difference(Kind.COLUMN, label, f"{name} has a new column {label}"))
    for label in sorted(old.keys() - new.keys()):
        found.append(Difference(Kind.COLUMN, label, f"{name} has lost its column {label}"))
    both = [label for label in new if label in old]
    if both != [label for label in old if label in new]:
        found.append(Difference(Kind.COLUMN, name, f"{name} has its columns in another order"))
    for label in both:
        found += _dtype(f"{name}, column {label}", Kind.COLUMN, label, old[label], new[label])
    found += _index_properties(name, before, after)
    if _rows(before) != _rows(after):
        found.append(_other_length(name, before, after, cut))
    else:
        found += _index_values(name, before, after)
        found += _columns(name, before, after, both)
    return [*found, *_attrs(name, before, after)]


def _series(name: str, before: Summary, after: Summary, cut: Cut | None) -> list[Difference]:
    old, new = before["values"], after["values"]
    found = _dtype(f"the values of {name}", Kind.ROWS, "values", old, new)
    found += _index_properties(name, before, after)
    if "name" in before and "name" in after and before["name"] != after["name"]:
        text = f"{name}: name was {before['name']}, is {after['name']}"
        found.append(Difference(Kind.ARGUMENT, name, text))
    if before.get("shape") != after.get("shape"):
        if "index" not in before and "index" not in after:
            return found  # an array: its shapes say it
        found.append(_other_length(name, before, after, cut))
    else:
        if old["digest"] != new["digest"] and old.get("dtype") == new.get("dtype"):
            where = _where(old, new, after)
            found.append(
                Difference(Kind.ROWS, "values", f"the values of {name}: values differ{where}")
            )
        found += _index_values(name, before, after)
    return [*found, *_attrs(name, before, after)]


# --- the index ---


def _index_properties(name: str, before: Summary, after: Summary) -> list[Difference]:
    """dtype, zone, frequency and names, each in words of its own."""
    old, new = before.get("index"), after.get("index")
    if not old or not new or old["digest"] == new["digest"]:
        return []
    what = f"the index of {name}"
    found = _dtype(what, Kind.ROWS, "index", old, new)
    for key, called in (("freq", "freq"), ("names", "name")):
        if key in old and key in new and old[key] != new[key]:
            text = f"{what}: {called} was {_named(old[key])}, is {_named(new[key])}"
            found.append(Difference(Kind.ROWS, "index", text))
    return found


def _index_values(name: str, before: Summary, after: Summary) -> list[Difference]:
    old, new = before.get("index"), after.get("index")
    if not old or not new or old["digest"] == new["digest"] or old["dtype"] != new["dtype"]:
        return []
    what = f"the index of {name}"
    if (old.get("blocks") or []) == (new.get("blocks") or []):
        if _index_properties(name, before, after):
            return []
        text = f"{what}: values are the same, its name or freq differs"
        return [Difference(Kind.ROWS, "index", text)]
    text = f"{what}: values differ{_where(old, new, after)}"
    was, now = before.get("span"), after.get("span")
    if was and now and was != now:
        was, now = moments(was, now)
        text += f": it reached from {was[0]} to {was[1]}, reaches from {now[0]} to {now[1]}"
    return [Difference(Kind.ROWS, "index", text)]


def _named(value: object) -> str:
    if isinstance(value, list):
        return str(value[0]) if len(value) == 1 else ", ".join(map(str, value))
    return str(value)


_ZONE = re.compile(r"datetime64\[(\w+)(?:, (.+))?\]")


def _dtype(what: str, kind: Kind, name: str, old: Summary, new: Summary) -> list[Difference]:
    was, now = old.get("dtype"), new.get("dtype")
    if was == now:
        return []
    times = [_ZONE.fullmatch(str(dtype)) for dtype in (was, now)]
    if times[0] and times[1]:
        (unit, zone), (new_unit, new_zone) = times[0].groups(), times[1].groups()
        told = [f"tz was {zone}, is {new_zone}"] if zone != new_zone else []
        told += [f"unit was {unit}, is {new_unit}"] if unit != new_unit else []
        return [Difference(kind, name, f"{what}: {', '.join(told)}")]
    return [Difference(kind, name, f"{what}: dtype was {was}, is {now}")]


# --- the values ---


def _columns(name: str, before: Summary, after: Summary, labels: list[str]) -> list[Difference]:
    old, new = before["columns"], after["columns"]
    changed = {
        label: _where(old[label], new[label], after)
        for label in labels
        if old[label]["digest"] != new[label]["digest"]
        and old[label].get("dtype") == new[label].get("dtype")
    }
    if len(changed) <= MOST_COLUMNS:
        return [
            Difference(Kind.COLUMN, label, f"{name}, column {label}: values differ{where}")
            for label, where in changed.items()
        ]
    places = set(changed.values())
    where = places.pop() if len(places) == 1 else ""
    text = f"{name}: values differ in {len(changed)} of {len(new)} columns{where}: "
    return [Difference(Kind.COLUMN, name, text + _listed(list(changed)))]


def _where(old: Summary, new: Summary, after: Summary) -> str:
    """Within which rows, as far as the blocks tell."""
    rows, size = _rows(after), after.get("row_block")
    were, are = old.get("blocks") or [], new.get("blocks") or []
    if not rows or not size or len(were) != len(are) or len(are) < 2:
        return ""
    changed = [i for i, pair in enumerate(zip(were, are, strict=True)) if pair[0] != pair[1]]
    if not changed:
        return ""
    first, last = changed[0], changed[-1]
    text = f" within rows {first * size} to {min(rows, (last + 1) * size) - 1}"
    ends = (after.get("index") or {}).get("ends")
    if ends:
        (begin,), (end,) = moments([ends[first][0]], [ends[last][1]])
        text += f", from {begin} to {end}"
    return text


# --- rows more or less ---


def _other_length(name: str, before: Summary, after: Summary, cut: Cut | None) -> Difference:
    rows, now = _rows(before) or 0, _rows(after) or 0
    if cut is not None and now > rows:
        for end, part, span in (
            ("end", cut.first, cut.after_first),
            ("beginning", cut.last, cut.before_last),
        ):
            if _same_rows(before, part()):
                when = ""
                if span is not None:
                    (begin, last), _ = moments(span, span)
                    when = f", from {begin} to {last}" if begin != last else f", at {begin}"
                others = "before" if end == "end" else "after"
                return Difference(
                    Kind.ROWS,
                    name,
                    f"{name}: {_counted(now - rows)} at the {end}{when}; "
                    f"the {_counted(rows, '')} {others} are the same",
                )
    text = f"{name} had {_counted(rows, '')}, has {now:,}"
    was, is_now = before.get("span"), after.get("span")
    if was and is_now and list(was) != list(is_now):
        was, is_now = moments(was, is_now)
        text += f"; it reached from {was[0]} to {was[1]}, reaches from {is_now[0]} to {is_now[1]}"
    same = _leading(before, after)
    if same:
        text += f"; the first {same:,} rows are the same"
    return Difference(Kind.ROWS, name, text)


def _counted(rows: int, kind: str = "new ") -> str:
    return f"{rows:,} {kind}row{'s' if rows != 1 else ''}"


def _same_rows(one: Summary, other: Summary) -> bool:
    """Whether all values and index values of two frames or Series of one length are equal."""
    vectors = [_vectors(one), _vectors(other)]
    return vectors[0].keys() == vectors[1].keys() and all(
        vector.get("blocks") == vectors[1][key].get("blocks")
        and vector.get("dtype") == vectors[1][key].get("dtype")
        for key, vector in vectors[0].items()
    )


def _leading(one: Summary, other: Summary) -> int:
    """So many rows from the first one on are known to be equal: those of whole blocks."""
    vectors = [_vectors(one), _vectors(other)]
    size = one.get("row_block")
    if not size or vectors[0].keys() != vectors[1].keys() or other.get("row_block") != size:
        return 0
    whole = min(_rows(one) or 0, _rows(other) or 0) // size
    for key, vector in vectors[0].items():
        pair = vector.get("blocks") or [], vectors[1][key].get("blocks") or []
        alike = itertools.takewhile(lambda two: two[0] == two[1], zip(*pair, strict=False))
        whole = min(whole, sum(1 for _ in alike))
        if vector.get("dtype") != vectors[1][key].get("dtype"):
            return 0
    return int(whole * size)


def _vectors(summary: Summary) -> dict[str, Summary]:
    vectors = {f"column {label}": column for label, column in summary.get("columns", {}).items()}
    vectors |= {key: summary[key] for key in ("index", "values") if summary.get(key)}
    return vectors


def _attrs(name: str, before: Summary, after: Summary) -> list[Difference]:
    if "attrs" in before and "attrs" in after and before["attrs"] != after["attrs"]:
        return [Difference(Kind.ARGUMENT, name, f"the attrs of {name} differ")]
    return []


def _rows(summary: Summary) -> int | None:
    shape = summary.get("shape")
    return int(shape[0]) if shape else None


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
