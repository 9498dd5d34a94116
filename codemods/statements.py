"""From what should happen to an import statement to byte edits, and to what must come out.

Whoever decides about names only says which go and which come. Here that becomes edits:
inside the list of names, to the module it names, to the statement as a whole.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from codemods.edits import Edit, smallest
from codemods.imports import change
from codemods.rules import Offer
from codemods.scopes import Block, Import
from codemods.source import Source

_ONLY_COMMENT = re.compile(rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
_SEMICOLON_AFTER = re.compile(rb"[ \t\f]*;[ \t\f]*(?=[^\s#])")
_SEMICOLON_BEFORE = re.compile(rb"[ \t\f]*;[ \t\f]*\Z")

_MODULE = re.compile(rb"(from[ \t]+)([.\w \t]+?)([ \t]+)(?=import\b)")

#: A statement as the check after the splice expects it: module, level, names and aliases.
#: An ``import`` has no module; no names at all stand for ``pass``.
Expected = tuple[str | None, int, frozenset[tuple[str, str | None]]]


@dataclass(slots=True)
class StatementChange:
    """What should happen to one import statement."""

    statement: Import
    block: Block
    offer: Offer  #: what is taken from the module: tells where the new names are found
    remove: set[int] = field(default_factory=set)
    add: list[str] = field(default_factory=list)  #: ``name`` or ``name as alias``
    beside: int = 0

    def edits(self, source: Source) -> tuple[list[Edit], list[Expected]]:
        """The edits, placed in the UTF-8 bytes, and the statements that must come out."""
        statement = self.statement
        kept = [a for n, a in enumerate(statement.names) if n not in self.remove]
        start, text = source.start(statement), source.segment(statement)
        reason = _reason([*self.add], [statement.names[n].name for n in sorted(self.remove)])
        if kept and kept[0].name == "*":
            return self._beside_star(source, reason)
        level, home = self._elsewhere() or (0, self.offer.home)
        if isinstance(statement, ast.Import) or (self._elsewhere() and self.add):
            if kept or not self.add:
                return self._insert(source, home, level, reason, kept)
            expected: list[Expected] = [(home or None, level, _names(self.add))]
            if isinstance(statement, ast.ImportFrom):
                opening = _MODULE.match(text)
                if opening is None:
                    return self._insert(source, home, level, reason, kept)
                line = opening[1] + b"." * level + home.encode() + opening[3]
                line += self._changed(text)[opening.end() :]
            else:
                line = f"from {'.' * level}{home} import {', '.join(self.add)}".encode()
            return smallest(start, text, line, reason), expected
        suffix = self.offer.module[len(self.offer.home) :] if not self.offer.instead else ""
        module, level = statement.module, statement.level
        if suffix and module is not None and self.add:
            home = module.removesuffix(suffix)
            if kept or not module.endswith(suffix) or text.count(suffix.encode()) != 1:
                return self._insert(source, home, level, reason, kept)
            text_there = text.replace(suffix.encode(), b"")
            changed = self._changed(text_there)
            return smallest(start, text, changed, reason), [(home, level, _names(self.add))]
        if not kept and not self.add:
            return self._delete(source, reason)
        names = _names(self.add) | {(alias.name, alias.asname) for alias in kept}
        return smallest(start, text, self._changed(text), reason), [(module, level, names)]

    def _elsewhere(self) -> tuple[int, str] | None:
        """Level and module of the new names, where the module hands on none of their kind."""
        wanted = {text.partition(" ")[0] for text in self.add}
        return None if wanted <= self.offer.own else self.offer.instead

    def _changed(self, text: bytes) -> bytes:
        add = [name.encode() for name in self.add]
        return change(text, remove=self.remove, add=add, beside=self.beside)

    def _beside_star(self, source: Source, reason: str) -> tuple[list[Edit], list[Expected]]:
        """A statement of its own for the new names, after ``from module import *``."""
        statement = self.statement
        assert isinstance(statement, ast.ImportFrom)
        suffix = self.offer.module[len(self.offer.home) :] if not self.offer.instead else ""
        level, home = statement.level, (statement.module or "").removesuffix(suffix)
        level, home = self._elsewhere() or (level, home)
        line = f"from {'.' * level}{home} import {', '.join(self.add)}".encode()
        there: Expected = (statement.module, statement.level, frozenset({("*", None)}))
        if not self.add:
            return [], [there]
        new: Expected = (home or None, level, _names(self.add))
        start, end = source.start(statement), source.end(statement)
        rest = _ONLY_COMMENT.match(source.utf8, end)
        indent = source.utf8[source.line_starts[statement.lineno - 1] : start]
        if rest is None or indent.strip():  # it shares its line with others
            return [Edit(start, start, b"", line + b"; ", reason)], [new, there]
        end = rest.end()
        ended = source.utf8[end - 1 : end] in (b"\r", b"\n")
        text = indent + line + source.newline if ended else source.newline + indent + line
        return [Edit(end, end, b"", text, reason)], [there, new]

    def _insert(
        self, source: Source, home: str, level: int, reason: str, kept: Sequence[ast.alias]
    ) -> tuple[list[Edit], list[Expected]]:
        """A statement of its own for the new names, before the one that stays."""
        start, text = source.start(self.statement), source.segment(self.statement)
        edits: list[Edit] = []
        expected: list[Expected] = []
        if self.add:
            line = f"from {'.' * level}{home} import {', '.join(self.add)}".encode()
            begin = source.line_starts[self.statement.lineno - 1]
            indent = source.utf8[begin:start]
            gap = source.newline + indent if not indent.strip() else b"; "
            edits.append(Edit(start, start, b"", line + gap, reason))
            expected.append((home or None, level, _names(self.add)))
        names = frozenset((alias.name, alias.asname) for alias in kept)
        if not kept:
            removal, rest = self._delete(source, reason)
            return edits + removal, expected + rest
        module, own_level = None, 0
        if isinstance(self.statement, ast.ImportFrom):
            module, own_level = self.statement.module, self.statement.level
            edits += smallest(start, text, change(text, remove=self.remove), reason)
        return edits, [*expected, (module, own_level, names)]

    def _delete(self, source: Source, reason: str) -> tuple[list[Edit], list[Expected]]:
        """Take the whole statement away; ``pass`` where a block would be left empty."""
        start, end = source.start(self.statement), source.end(self.statement)
        data = source.utf8
        begin = source.line_starts[self.statement.lineno - 1]
        before, after = data[begin:start], _ONLY_COMMENT.match(data, end)
        following = _SEMICOLON_AFTER.match(data, end)
        preceding = _SEMICOLON_BEFORE.search(before)
        if len(self.block.statements) == 1 and self.block.owner is not None:
            new, gone = b"pass", [(None, 0, _names(()))]
        elif not before.strip() and after:
            start, end, new, gone = begin, after.end(), b"", []
        elif following:
            end, new, gone = following.end(), b"", []
        elif preceding and after:
            start, new, gone = begin + preceding.start(), b"", []
        else:
            new, gone = b"pass", [(None, 0, _names(()))]
        return [Edit(start, end, data[start:end], new, reason)], list[Expected](gone)


def _names(texts: Sequence[str]) -> frozenset[tuple[str, str | None]]:
    pairs = (text.partition(" as ") for text in texts)
    return frozenset((name, alias or None) for name, _, alias in pairs)


def _reason(added: Sequence[str], removed: Sequence[str]) -> str:
    words = []
    if added:
        words.append("imports " + " and ".join(added))
    if removed:
        words.append("no longer needs " + " and ".join(removed))
    return ", ".join(words)
