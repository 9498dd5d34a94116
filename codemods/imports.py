"""Changing the list of names of one import statement, and nothing else about it.

The list is cut into items that own the space, the comma and the comment around them. Items
are taken out, replaced and put in; everything that is not concerned is written back as it
was. A list that was sorted stays sorted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

_NAME = rb"(?:\w|[^\x00-\x7f])+"
_SPACE = rb"[ \t\f]*"
# Possessive (`*+`): what has been read is never read in another way, which could take forever.
_GAP = rb"(?:[ \t\f\r\n]|\\(?:\r\n|\r|\n)|#[^\r\n]*+)"
_FILLER = re.compile(_GAP + rb"*+")
_ALIAS = re.compile(rb"(" + _NAME + rb")(?:" + _GAP + rb"++as" + _GAP + rb"++(" + _NAME + rb"))?")
_WORD = re.compile(rb"[\"']?(" + _NAME + rb")")
_REST_OF_LINE = re.compile(_SPACE + rb"(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_NEWLINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Item:
    """One imported name, or string of a list, with what surrounds it."""

    lead: bytes  #: space, newlines and whole-line comments before it
    text: bytes  #: ``name`` or ``name as alias``
    gap: bytes  #: what stands between it and its comma
    comma: bool
    trail: bytes  #: after the comma, up to and with the newline, if the line ends there

    @property
    def name(self) -> str:
        """The imported name without its alias, the string without its quotes; else nothing."""
        return _name(self.text)

    @property
    def ends_line(self) -> bool:
        """Whether nothing but a comment follows it on its line."""
        return bool(_NEWLINE.search(self.trail))


@dataclass(frozen=True, slots=True)
class NameList:
    """The names of a ``from ... import`` statement, or a list of strings, ready to be changed."""

    head: bytes
    items: tuple[Item, ...]
    tail: bytes
    parenthesised: bool

    def render(self) -> bytes:
        """The statement."""
        parts = [self.head]
        for item in self.items:
            parts += (item.lead, item.text, item.gap, b"," if item.comma else b"", item.trail)
        return b"".join((*parts, self.tail))


def cut(statement: bytes) -> NameList:
    """The parts of a ``from ... import ...`` statement.

    >>> [item.text for item in cut(b"from x import (a, b as c)").items]
    [b'a', b'b as c']

    Raises
    ------
    ValueError
        It is no such statement.
    """
    opening = re.match(
        rb"from(?:[ \t\f]|\\(?:\r\n|\r|\n))*(?:\.|\w|[^\x00-\x7f\s]|[ \t\f]|\\(?:\r\n|\r|\n))*?"
        rb"(?:(?<=[ \t\f\r\n.]))import(?=[ \t\f(\\])(?:[ \t\f]|\\(?:\r\n|\r|\n))*(\()?",
        statement,
    )
    if opening is None:
        raise ValueError(f"{statement!r} is no from-import")
    at = opening.end()
    parenthesised = opening[1] is not None
    if parenthesised:
        rest = _REST_OF_LINE.match(statement, at)
        at = rest.end() if rest else at
    head, items = statement[:at], []
    while True:
        filler = _FILLER.match(statement, at)
        assert filler is not None
        alias = _ALIAS.match(statement, filler.end())
        if alias is None:
            break
        lead, at = statement[at : filler.end()], alias.end()
        filler = _FILLER.match(statement, at)
        assert filler is not None
        comma = statement[filler.end() : filler.end() + 1] == b","
        gap = filler[0] if comma else b""
        at = filler.end() + 1 if comma else at
        rest = _REST_OF_LINE.match(statement, at) if parenthesised else None
        trail = rest[0] if rest else b""
        at += len(trail)
        items.append(Item(lead, alias[0], gap, comma, trail))
    tail = statement[at:]
    if not items or re.fullmatch(rb"[ \t\f\r\n\\]*\)?|(?s:.*)\)", tail) is None:
        raise ValueError(f"{statement!r} could not be taken apart")
    return NameList(head, tuple(items), tail, parenthesised)


def change(
    statement: bytes,
    *,
    remove: Collection[int] = (),
    add: Sequence[bytes] = (),
    beside: int = 0,
) -> bytes:
    """The statement with some names taken out, replaced, or put in.

    Parameters
    ----------
    statement : bytes
        ``from ... import ...``, from its first byte to its last.
    remove : collection of int
        Positions of the names to take out.
    add : sequence of bytes
        Names to put in: where they sort, if the list is sorted, else beside ``beside``.
    beside : int
        The position after which (or in place of which) unsorted names are put in.

    >>> change(b"from x import cacheable, stats", remove={0}, add=[b"robust_cacheable"])
    b'from x import robust_cacheable, stats'
    >>> change(b"from x import cacheable, clear", remove={0}, add=[b"robust_cacheable"])
    b'from x import clear, robust_cacheable'
    """
    return changed(cut(statement), remove=remove, add=add, beside=beside)


def changed(
    names: NameList,
    *,
    remove: Collection[int] = (),
    add: Sequence[bytes] = (),
    beside: int = 0,
) -> bytes:
    """What :func:`change` does, to something that has been cut already."""
    items = list(names.items)
    key = _order(names.items)
    layout = _Layout(names)
    removed = set(remove)
    kept = [number for number in range(len(items)) if number not in removed]
    # For each new name: the position in the old list that it goes before.
    places: dict[int, list[bytes]] = {}
    if not layout.one_a_line and any(b"#" in items[number].trail for number in removed):
        key, beside = None, next(n for n in sorted(removed) if b"#" in items[n].trail)
    for text in sorted(add, key=lambda text: (key(_name(text)), text)) if key else add:
        if key:
            after = [n for n in kept if key(items[n].name) < key(_name(text))]
            before = [n for n in kept if n > (after[-1] if after else -1)]
            lowest, highest = (after[-1] if after else -1), (before[0] if before else len(items))
            # Anywhere between its neighbours: best where the old name goes.
            free = [n for n in removed if lowest < n < highest]
            place = min(free) if free else highest
        else:
            place = beside if beside in removed else beside + 1
        places.setdefault(place, []).append(text)
    result: list[Item] = []
    for number in range(len(items) + 1):
        fresh = list(places.get(number, ()))
        old = items[number] if number < len(items) else None
        if old is not None and number in removed and fresh:
            result.append(replace(old, text=fresh.pop(0)))
            for text in fresh:
                layout.put_after(result, text)
            continue
        for text in fresh:
            layout.put_between(result, old, text)
        if old is not None and number not in removed:
            result.append(layout.with_comments(old))
        elif old is not None:
            layout.keep_comments(old)
    if not layout.one_a_line and len(result) == len(items) and b"#" not in names.render():
        # As many names as before: the line breaks stay where they are.
        result = [replace(o, text=n.text) for o, n in zip(items, result, strict=True)]
    if layout.one_a_line:
        _move_comment([items[number] for number in removed], add, result)
    return layout.finish(result)


def _move_comment(removed: Sequence[Item], added: Sequence[bytes], result: list[Item]) -> None:
    """The comment beside a name goes where its successor goes."""
    comments = [item.trail for item in removed if b"#" in item.trail]
    if any(item.trail in comments for item in result):
        return
    for number, item in enumerate(result):
        if comments and item.text in added:
            result[number] = replace(item, trail=comments.pop(0))


class _Layout:
    """How names are set in one statement: one a line, or in a row."""

    def __init__(self, names: NameList) -> None:
        self.names = names
        first, last = names.items[0], names.items[-1]
        self.one_a_line = names.parenthesised and all(item.ends_line for item in names.items)
        self.trailing_comma = last.comma
        self.first_lead = first.lead
        newline = _NEWLINE.search(names.head + first.trail)
        self.newline = newline[0] if newline else b"\n"
        self.comments = b""  # whole-line comments of names that went

    def fresh(self, text: bytes, neighbour: Item | None) -> Item:
        """A new item, set like its neighbour."""
        if self.one_a_line:
            lead = re.split(rb"[\r\n]", (neighbour.lead if neighbour else self.first_lead))[-1]
            newline = _NEWLINE.search(neighbour.trail) if neighbour else None
            return Item(lead, text, b"", True, newline[0] if newline else self.newline)
        return Item(b" ", text, b"", True, b"")

    def put_after(self, result: list[Item], text: bytes) -> None:
        """Append ``text`` after the last of ``result``."""
        last = result[-1]
        item = self.fresh(text, last)
        if not self.one_a_line:
            if b"#" in last.trail:  # the comment stays with its name
                lead = re.split(rb"[\r\n]", last.lead)[-1] or b"    "
                item = replace(item, lead=lead, trail=self.newline)
            else:
                item = replace(item, trail=last.trail)
                result[-1] = replace(last, trail=b"")
        result.append(item)

    def put_between(self, result: list[Item], following: Item | None, text: bytes) -> None:
        """Append ``text``; ``following`` comes next in the old list."""
        if result:
            self.put_after(result, text)
        else:
            item = self.fresh(text, following)
            if not self.one_a_line:
                item = replace(item, lead=self.first_lead)
            result.append(item)

    def keep_comments(self, removed: Item) -> None:
        """Remember the whole-line comments above a name that goes."""
        lines = re.split(rb"(?<=[\r\n])(?!\n)", removed.lead)
        self.comments += b"".join(lines[:-1]) if b"#" in removed.lead else b""

    def with_comments(self, item: Item) -> Item:
        """``item`` below the comments that were remembered."""
        comments, self.comments = self.comments, b""
        return replace(item, lead=comments + item.lead) if comments else item

    def finish(self, result: list[Item]) -> bytes:
        """The statement again, with the commas and the space that its ends need."""
        old_first, old_last = self.names.items[0], self.names.items[-1]
        fixed: list[Item] = []
        for number, item in enumerate(result):
            final = number == len(result) - 1
            if number == 0 and item.lead != old_first.lead and b"#" not in item.lead:
                item = replace(item, lead=old_first.lead)
            elif number > 0 and not item.lead and not fixed[-1].trail:
                item = replace(item, lead=b" ")  # it was the first, right after the bracket
            item = replace(item, comma=not final or self.trailing_comma)
            if not item.comma:
                item = replace(item, gap=b"")
            if final and b"#" not in item.trail and item.text != old_last.text:
                item = replace(
                    item, trail=old_last.trail if b"#" not in old_last.trail else self.newline
                )
            fixed.append(item)
        tail = self.comments + self.names.tail
        return replace(self.names, items=tuple(fixed), tail=tail).render()


def _name(text: bytes) -> str:
    match = _WORD.match(text)
    return match[1].decode() if match else ""


Key = Callable[[str], tuple[int, str]]


def _by_type(name: str) -> tuple[int, str]:
    """isort's order: constants, then classes, then everything else."""
    if name.isupper() and len(name) > 1:
        return 0, name.lower()
    return (1 if name[:1].isupper() else 2), name.lower()


def _ignoring_case(name: str) -> tuple[int, str]:
    return 0, name.lower()


def _by_character(name: str) -> tuple[int, str]:
    return 0, name


def in_order(names: Collection[str]) -> list[str]:
    """Names as a list of imports is usually sorted."""
    return sorted(names, key=_by_type)


def _order(items: Sequence[Item]) -> Key | None:
    """The order that the list is in; None where it is in none, or too short to tell."""
    names = [item.name for item in items]
    if "" in names:
        return None
    if len(names) < 2:
        return _by_type
    for key in (_by_type, _ignoring_case, _by_character):
        if names == sorted(names, key=key):
            return key
    return None
