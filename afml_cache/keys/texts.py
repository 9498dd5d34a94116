"""What there is to show of a part of the code: its normalised source, or a value in a few words.

The digest of a part says that it changed; its text says what changed. It is made when an entry is
stored and nobody has kept it yet, or when somebody asks: a walk only notes where it is to be had.
"""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from afml_cache.keys.parsing import syntax_tree
from afml_cache.keys.summary import literal_or_text, outline

if TYPE_CHECKING:
    from afml_cache.keys.parts import Part
    from afml_cache.keys.source import Source

#: Most members of a container, or attributes of an object, that are kept one by one.
MOST_MEMBERS = 64
#: Longest source of one part that is kept, in characters.
LONGEST_SOURCE = 100_000


@dataclass(frozen=True, slots=True)
class Shown:
    """What a part is by itself: the lines of a function, the words of a class, or a value."""

    source: str = ""  #: of a function, as its file has it
    file: str = ""
    line: int = 0
    words: tuple[str, ...] = ()  #: names and options of a class's fields
    value: Mapping[str, Any] | None = None
    constant: tuple[object, ...] = ()  #: a value that cannot change: its summary can wait


@dataclass(frozen=True, slots=True)
class PartText:
    """What can be shown of all parts of one name, and what they use."""

    shown: tuple[Shown, ...]
    uses: Mapping[str, str] = field(default_factory=dict)  #: label -> what is used

    def record(self) -> dict[str, Any]:
        """The text as a dictionary that JSON can hold.

        ``text`` is normalised source, ``file`` and ``line`` where it was found, ``value`` the
        summary of a value, never its texts or arrays.
        """
        found: dict[str, Any] = {"uses": dict(self.uses)} if self.uses else {}
        texts = [normalised(one.source) for one in self.shown if one.source]
        texts += ["\n".join(one.words) for one in self.shown if one.words]
        if texts:
            found["text"] = "\n\n".join(dict.fromkeys(texts))[:LONGEST_SOURCE]
        for one in self.shown:
            summary = one.value
            if one.constant and (shown := of_value(one.constant[0])) is not None:
                summary = shown.value
            if summary is not None:
                found["value"] = dict(summary)
            # Not Path.is_file(), which raises where the folder may not be looked into.
            if one.file and "file" not in found and os.path.isfile(one.file):  # noqa: PTH113
                found |= {"file": one.file, "line": one.line}
        return found


def of_source(source: Source) -> Shown | None:
    """A function that has a source; its bytecode is nothing to be read."""
    if not source.text:
        return None
    return Shown(source=source.text, file=source.file, line=source.line)


def of_value(value: object) -> Shown | None:
    """A constant, setting or object: numbers and dates as they are, all others by type and size."""
    try:
        summary = _plain(outline(value))
        members = None if "repr" in summary else _members(value)
    except Exception:  # noqa: BLE001 - a stranger's object may answer anything, and has its digest
        return None
    return Shown(value=summary if members is None else {**summary, "members": members})


def _members(value: Any) -> dict[str, dict[str, Any]] | None:
    """The members of a small container, or the attributes of an object, each by its summary."""
    kind = type(value)
    if kind is dict:
        members = [(literal_or_text(k), v) for k, v in _first(value.items())]
    elif kind in (list, tuple):
        members = [(str(i), v) for i, v in enumerate(_first(value))]
    elif kind in (set, frozenset) or kind.__module__ == "builtins":
        return None
    else:
        space = getattr(value, "__dict__", None)
        if type(space) is not dict:
            return None
        members = [(str(k), v) for k, v in _first(space.items()) if not str(k).startswith("__")]
    if len(members) > MOST_MEMBERS:
        return None
    return {name: _plain(outline(member)) for name, member in members}


def _first(items: Iterable[Any]) -> list[Any]:
    found = []
    for item in items:
        found.append(item)
        if len(found) > MOST_MEMBERS:
            break
    return found


def _plain(summary: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in summary.items() if k not in ("values", "row_block", "items")}


def named_texts(parts: Iterable[Part]) -> dict[str, PartText]:
    """Name -> what can be shown of the parts of that name."""
    grouped: dict[str, list[Part]] = {}
    for part in parts:
        if part.name:
            grouped.setdefault(part.name, []).append(part)
    return {name: _together(same) for name, same in grouped.items()}


def _together(same: list[Part]) -> PartText:
    shown = [part.shown for part in same if part.shown is not None]
    if len(shown) > 1:
        # In an order of their own: which one was met first differs between processes.
        shown.sort(key=lambda one: (one.file, one.line, one.source))
    uses: dict[str, str] = {}
    for part in same:
        for label, name in _uses(part, {id(part)}) if part.edges else ():
            before = uses.get(label)
            if before is None:
                uses[label] = name
            elif name not in before.split(", "):
                uses[label] = ", ".join(sorted([*before.split(", "), name]))
    return PartText(tuple(shown), uses)


def _uses(part: Part, above: set[int]) -> Iterator[tuple[str, str]]:
    for edge in part.edges:
        target = edge.target
        if target is None or id(target) in above:
            continue
        label = edge.label.removeprefix("name ")
        if target.name or target.called:
            yield label, target.name or target.called
        else:
            for _, name in _uses(target, above | {id(target)}):
                yield label, name


# --- normalised source ---


@functools.lru_cache(maxsize=1024)  # it takes most of a millisecond; tests have many new stores
def normalised(source: str) -> str:
    """A function's source as Python text of which only what counts is left.

    Comments, docstrings, annotations, and the decorators and defaults of the function itself
    (which count by what they are) leave no trace.

    >>> print(normalised('def f(x: int, n=3):  # twice\\n    "Doubles."\\n    return 2*x'))
    def f(x, n):
        return 2 * x
    """
    try:
        tree = _parsed(source)
        if tree is None:
            return source
        return ast.unparse(_Bare().visit(_without_outside(tree)))
    except (RecursionError, ValueError):  # a sum of thousands of terms
        return source


def _parsed(source: str) -> ast.AST | None:
    for text, depth in ((source, 0), (f"if 1:\n{source}", 1)):  # a method is indented
        try:
            found: Any = syntax_tree(text)
        except SyntaxError:
            continue
        for _ in range(depth + 1):
            found = found.body[0]
        return found.value if isinstance(found, ast.Expr) else found
    return None


def _without_outside(node: ast.AST) -> ast.AST:
    """Without what Python evaluates where the function is defined."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node.decorator_list = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        node.args.defaults = []
        node.args.kw_defaults = [None] * len(node.args.kwonlyargs)
    return node


class _Bare(ast.NodeTransformer):
    """Takes out what leaves no trace in the normal form."""

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        for name in ("returns", "type_comment"):
            if hasattr(node, name):
                setattr(node, name, None)
        if hasattr(node, "type_params"):
            node.type_params = []
        if isinstance(node, ast.arg):
            node.annotation = None
        in_class = isinstance(node, ast.ClassDef)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                kept = [s for one in body if (s := _statement(one, in_class)) is not None]
                setattr(node, name, kept or ([ast.Pass()] if name == "body" and body else []))
        return node


def _statement(statement: ast.AST, in_class: bool) -> ast.AST | None:
    if isinstance(statement, ast.Pass):
        return None
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return None
    if isinstance(statement, ast.AnnAssign) and not in_class:
        if statement.value is None:
            return None
        assigned = ast.Assign(targets=[statement.target], value=statement.value)
        return ast.fix_missing_locations(ast.copy_location(assigned, statement))
    return statement
