"""Makes a project's own ``afml/cache/__init__.py`` offer the enhanced names as well.

::

    from .selective_cleaner import cacheable          from .selective_cleaner import cacheable

                                              ->      from afml_cache import robust_cacheable

    __all__ = ["cacheable"]                           __all__ = ["cacheable", "robust_cacheable"]

Names that the module has already are left alone, and only names are taken that the installed
cache has: after an upgrade of the cache, another run adds those that have come.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from codemods.draft import Rewrite
from codemods.edits import Edit, merged, smallest
from codemods.exports import exports
from codemods.findings import Code, Finding
from codemods.imports import change, in_order
from codemods.module_names import ModuleNames
from codemods.new_import import below_imports, spelled, within_width
from codemods.offered import CACHE
from codemods.plan import Plan, digest, opted_out
from codemods.proof import proved
from codemods.source import Source, Unreadable
from codemods.star_names import written
from codemods.string_list import put_in
from codemods.take_out import OPTIONAL_COMMENT

#: The enhanced names of the migration guide, by its parts.
NAMES = (
    *("robust_cacheable", "time_aware_cacheable"),
    *("get_cache_monitor", "print_cache_health", "get_cache_efficiency_report"),
    *("BacktestCache", "cached_backtest", "get_backtest_cache"),
)
#: Those that the guide guards: where they cannot be imported, the flag is False.
OPTIONAL = ("MLFLOW_AVAILABLE", "mlflow_cached", "setup_mlflow_cache")
FLAG = "MLFLOW_AVAILABLE"

_WHY = "taken from the installed cache"


def not_offered(offered: Collection[str]) -> list[str]:
    """The enhanced names that the installed cache does not have, or not yet."""
    return [name for name in (*NAMES, *OPTIONAL) if name not in offered]


def plan_adoption(
    data: bytes,
    offered: Collection[str],
    brought: Mapping[str, frozenset[str] | None] | None = None,
) -> Plan:
    """What is to be added to an ``afml/cache/__init__.py``.

    Parameters
    ----------
    data : bytes
        The file.
    offered : collection of str
        The names that the installed ``afml_cache`` has.
    brought : mapping, optional
        What its star imports bring, as :func:`codemods.star_names.brought` tells it.

    Returns
    -------
    Plan
        A rewrite for every name that is added; its ``old`` and its ``function`` are empty.

    >>> code = b'from .legacy import cacheable\\n\\n__all__ = ["cacheable"]\\n'
    >>> found = plan_adoption(code, {"robust_cacheable"})
    >>> print(found.carry_out(code).decode(), end="")
    from .legacy import cacheable
    <BLANKLINE>
    from afml_cache import robust_cacheable
    <BLANKLINE>
    __all__ = ["cacheable", "robust_cacheable"]
    """
    mark = digest(data)
    try:
        source = Source(data)
        keep = opted_out(source)
        if keep:
            text = "the file asks to be kept"
            return Plan(mark, findings=(Finding(keep, 1, Code.OPTED_OUT, text),))
        return _Adoption(source, offered, brought or {}).plan(mark)
    except Unreadable as answer:
        return Plan(mark, findings=(answer.finding,))
    except RecursionError:
        text = "is nested too deeply to be worked on"
        return Plan(mark, findings=(Finding(1, 1, Code.TOO_DEEP, text),))


@dataclass(slots=True)
class _Added:
    """What has been put into the tree, and how to take it out again."""

    position: int = 0  #: of new statements
    statements: list[ast.stmt] = field(default_factory=list)
    extended: int | None = None  #: position in the old tree of an import that has grown
    names: list[str] = field(default_factory=list)  #: that it has got
    listed: list[str] = field(default_factory=list)

    def take_back(self, tree: ast.Module) -> None:
        count = len(self.statements)
        there = tree.body[self.position : self.position + count]
        if [ast.dump(s) for s in there] != [ast.dump(s) for s in self.statements]:
            raise ValueError("the new import is not where it should be")
        del tree.body[self.position : self.position + count]
        if self.extended is not None:
            statement = tree.body[self.extended]
            assert isinstance(statement, ast.ImportFrom)
            for name in self.names:
                (alias,) = (a for a in statement.names if a.name == name and a.asname is None)
                statement.names.remove(alias)
        literal = exports(tree).literal if self.listed else None
        for name in self.listed if literal else ():
            assert literal is not None
            (entry,) = (e for e in literal.elts if isinstance(e, ast.Constant) and e.value == name)
            literal.elts.remove(entry)


class _Adoption:
    def __init__(
        self,
        source: Source,
        offered: Collection[str],
        brought: Mapping[str, frozenset[str] | None],
    ) -> None:
        self.source = source
        self.offered = offered
        self.brought = brought
        self.there = ModuleNames(source.tree)
        self.findings: list[Finding] = []
        self.with_stars: dict[tuple[int, str, bool], list[str]] = {}
        self.edits: list[Edit] = []
        self.added = _Added()

    def plan(self, mark: str) -> Plan:
        if CACHE in self.there.stands_for:
            return Plan(mark)  # it is the cache, or has all of it
        plain = [name for name in NAMES if name in self.offered and self.is_missing(name)]
        optional: list[str] = []
        if all(name in self.offered for name in OPTIONAL):
            optional = [name for name in OPTIONAL if self.is_missing(name)]
        self.tell_of_stars()
        line = self.add_imports(plain, optional)
        self.list_names([*plain, *optional])
        edits: tuple[Edit, ...] = ()
        if self.edits:
            edits = proved(self.source, merged(self.edits), self.added.take_back)
        rewrites = tuple(Rewrite(line, "", "", name, _WHY) for name in [*plain, *optional])
        return Plan(mark, edits, rewrites, tuple(sorted(set(self.findings))))

    def is_missing(self, name: str) -> bool:
        """Whether the module lacks a name; says so where it has another of that name."""
        if name in self.there.names:
            place = _place(self.source.tree, name)
            if place is None:
                self.leave(1, Code.NAME_COLLISION, f"{name} is made by __getattr__; it stays")
            elif not _is_ours(place, name):
                text = f"{name} is bound here already; it stays as it is"
                self.leave(place.lineno, Code.NAME_COLLISION, text)
            return False
        for star in self.there.stars:
            names = self.brought.get(written(star))
            if names is None or name in names:
                self.with_stars.setdefault((star.lineno, written(star), names is None), []).append(
                    name
                )
                return False
        return True

    def tell_of_stars(self) -> None:
        for (line, module, doubtful), names in self.with_stars.items():
            if doubtful:
                text = (
                    f"it cannot be told which names `from {module} import *` brings, so these are"
                )
                text += f" not added: {', '.join(names)}"
            else:
                text = f"`from {module} import *` brings names that stay: {', '.join(names)}"
            self.leave(line, Code.STAR_IMPORT, text)

    def leave(self, line: int, code: Code, text: str) -> None:
        self.findings.append(Finding(line, 1, code, text))

    def add_imports(self, plain: Sequence[str], optional: Sequence[str]) -> int:
        """The imports; the line that they stand on."""
        source = self.source
        own = _own_import(source.tree)
        blocks: list[bytes] = []
        line = 0
        if plain and own is not None:
            position, statement = own
            there = source.segment(statement)
            more = [name.encode() for name in in_order(plain)]
            new = within_width(source, change(there, add=more, beside=len(statement.names) - 1))
            self.edits += smallest(source.start(statement), there, new, _reason(plain))
            self.added.extended, self.added.names = position, list(plain)
            line = statement.lineno
        elif plain:
            blocks.append(spelled(source, CACHE, plain))
        if optional:
            blocks.append(_guarded(source, optional))
        if blocks:
            text = (source.newline * 2).join(blocks)
            new_import = below_imports(source, text, _reason([*plain, *optional]))
            self.edits.append(new_import.edit)
            self.added.position = new_import.position
            self.added.statements = ast.parse(text).body
            line = line or source.line_of(new_import.edit.start)
        return line

    def list_names(self, names: Sequence[str]) -> None:
        """The entries of ``__all__``, where the module has one."""
        found = exports(self.source.tree)
        missing = [name for name in names if name not in found.listed]
        if not missing or not (found.line or found.literal):
            return
        if found.literal is None:
            text = f"__all__ is computed here; make sure that it has {', '.join(missing)}"
            self.leave(found.line, Code.RE_EXPORT, text)
            return
        self.edits += put_in(self.source, found.literal, missing, "lists what is imported")
        self.added.listed = missing


def _guarded(source: Source, names: Sequence[str]) -> bytes:
    newline = source.newline
    line = spelled(source, CACHE, names).replace(newline, newline + b"    ")
    otherwise = f"{FLAG} = False" if FLAG in names else "pass"
    lines = [
        OPTIONAL_COMMENT,
        b"try:",
        b"    " + line,
        b"except ImportError:",
        b"    " + otherwise.encode(),
    ]
    return newline.join(lines)


def _own_import(tree: ast.Module) -> tuple[int, ast.ImportFrom] | None:
    """The import at the top of the module that takes names from the cache already."""
    found = None
    for position, node in enumerate(tree.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        ours = isinstance(node, ast.ImportFrom) and (node.level, node.module) == (0, CACHE)
        if ours and isinstance(node, ast.ImportFrom) and node.names[0].name != "*":
            found = position, node
    return found


def _place(tree: ast.Module, name: str) -> ast.stmt | None:
    """The first statement, however deep, that binds ``name`` in the module."""
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop(0)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if node.name == name:
                    return node
                continue
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                if any((alias.asname or alias.name) == name for alias in aliases):
                    assert isinstance(node, ast.stmt)
                    return node
            case ast.Assign() | ast.AnnAssign():
                if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node)):
                    return node
        pending[:0] = [
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)
        ]
    return None


def _is_ours(place: ast.stmt, name: str) -> bool:
    return (
        isinstance(place, ast.ImportFrom)
        and (place.level, place.module) == (0, CACHE)
        and any(alias.name == name and alias.asname in (None, name) for alias in place.names)
    )


def _reason(names: Sequence[str]) -> str:
    return "imports " + ", ".join(names)
