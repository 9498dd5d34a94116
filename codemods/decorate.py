"""Puts a caching decorator on functions that have none, where a person asks for it.

::

                                               from afml.cache import robust_cacheable

                                          ->
    def labels(prices, barriers):              @robust_cacheable
        ...                                    def labels(prices, barriers):
                                                   ...
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codemods.below import Below
from codemods.definitions import Definition, definitions
from codemods.draft import Rewrite
from codemods.edits import Edit, merged, smallest
from codemods.findings import Code, Finding
from codemods.imports import change
from codemods.in_tree import InTree
from codemods.new_import import sorted_in, spelled, within_width
from codemods.plan import Plan, digest, opted_out
from codemods.proof import proved
from codemods.resolve import Names
from codemods.returns import NEEDED, lacks
from codemods.rules import BACKTEST, DECORATORS, MLFLOW, ROBUST, TIME_AWARE, Rules
from codemods.source import Source, Unreadable
from codemods.stack import Stack
from codemods.taken_from import Taken, TakenFrom

#: What ``--with`` can be.
KINDS: Mapping[str, str] = {
    "robust": ROBUST,
    "time_aware": TIME_AWARE,
    "mlflow": MLFLOW,
    "backtest": BACKTEST,
}


@dataclass(frozen=True, slots=True)
class Decoration:
    """A decorator and what is written into its brackets.

    Parameters
    ----------
    name : str
        One of the cache's decorators.
    strategy : str or None
        For ``@cached_backtest``: the name of the strategy; the function's own by default.
    tags : mapping of str to str
        For ``@mlflow_cached``.
    trust_returns : bool
        Decorate also where it cannot be told what a function returns.
    """

    name: str
    strategy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    trust_returns: bool = False

    def brackets(self, function: str) -> str:
        """What follows the name of the decorator on ``function``."""
        if self.name == BACKTEST:
            return f"({_quoted(self.strategy or function)})"
        if self.name == MLFLOW:
            tags = ", ".join(f"{_quoted(k)}: {_quoted(v)}" for k, v in self.tags.items())
            return f"(tags={{{tags}}})" if tags else "()"
        return ""


@dataclass(frozen=True, slots=True)
class Decorating:
    """What becomes of the functions of one file that were named."""

    plan: Plan
    already: tuple[str, ...] = ()  #: have the decorator


def plan_decorating(
    data: bytes,
    functions: Sequence[str],
    how: Decoration,
    package: tuple[str, ...] = (),
    in_tree: InTree | None = None,
    more_sources: tuple[str, ...] = (),
) -> Decorating:
    """What is to be added to one file.

    Parameters
    ----------
    data : bytes
        The file.
    functions : sequence of str
        Qualified names of functions in it; a finding for each that cannot be decorated.
    how : Decoration
        The decorator.
    package : tuple of str
        The packages that the file lies in, outermost first.
    in_tree : InTree, optional
        The source modules that the project carries itself; by default, none.
    more_sources : tuple of str
        Further modules that offer the decorators.

    >>> code = b"def f(x):\\n    return x\\n"
    >>> found = plan_decorating(code, ["f"], Decoration(ROBUST)).plan
    >>> print(found.carry_out(code).decode(), end="")
    from afml.cache import robust_cacheable
    <BLANKLINE>
    <BLANKLINE>
    @robust_cacheable
    def f(x):
        return x
    """
    mark = digest(data)
    try:
        source = Source(data)
        return _Decorating(source, how, package, in_tree or InTree(), more_sources).run(
            mark, functions
        )
    except Unreadable as answer:
        return Decorating(Plan(mark, findings=(answer.finding,)))
    except RecursionError:
        text = "is nested too deeply to be worked on"
        return Decorating(Plan(mark, findings=(Finding(1, 1, Code.TOO_DEEP, text),)))


class _Decorating:
    def __init__(
        self,
        source: Source,
        how: Decoration,
        package: tuple[str, ...],
        in_tree: InTree,
        more_sources: tuple[str, ...],
    ) -> None:
        self.source = source
        self.how = how
        self.package = package
        self.in_tree = in_tree
        rules = Rules(more_sources=more_sources, more_names=DECORATORS)
        self.names = Names(source, package, rules, always=True)
        self.stack = Stack(source, Below(source, self.names.imported, rules))
        self.taken_from = TakenFrom(source, self.names, rules, how.name)
        self.findings: list[Finding] = []
        self.already: list[str] = []
        self.edits: list[Edit] = []
        self.rewrites: list[Rewrite] = []
        #: function, place among its decorators, and the decorator that is put in
        self.added: list[tuple[str, int, ast.expr]] = []
        #: position of the statement that imports the decorator, and itself where it is new
        self.imported: tuple[int, ast.stmt | None] | None = None

    def run(self, mark: str, functions: Sequence[str]) -> Decorating:
        keep = opted_out(self.source)
        if keep:
            text = "the file asks to be kept"
            return Decorating(Plan(mark, findings=(Finding(keep, 1, Code.OPTED_OUT, text),)))
        wanted = [d for d in definitions(self.source.tree) if d.name in set(functions)]
        for name in sorted({*functions} - {definition.name for definition in wanted}):
            text = f"there is no function {name} in this file"
            self.findings.append(Finding(1, 1, Code.VALUE_USE, text))
        wanted.sort(key=lambda definition: definition.node.lineno)
        accepted = [(d, place) for d in wanted if (place := self.place(d, wanted)) is not None]
        ready: list[tuple[Definition, int, Taken]] = []
        for definition, place in accepted:
            taken = self.taken(definition)
            if taken is not None:
                ready.append((definition, place, taken))
        if ready:
            self.take(ready[0][0], ready[0][2])
        for definition, place, taken in ready:
            self.decorate(definition, place, taken)
        edits = proved(self.source, merged(self.edits), self.take_back) if self.edits else ()
        plan = Plan(mark, edits, tuple(sorted(self.rewrites)), tuple(sorted(set(self.findings))))
        return Decorating(plan, tuple(self.already))

    def place(self, definition: Definition, wanted: Sequence[Definition]) -> int | None:
        """Where the decorator goes; None where it does not."""
        if sum(other.name == definition.name for other in wanted) > 1:
            text = f"{definition.name} is defined more than once in this file"
            self.leave(definition, Code.AMBIGUOUS_BINDING, text)
            return None
        place = self.stack.place(definition, self.how.name)
        if place is None:
            self.already.append(definition.name)
            return None
        if not isinstance(place, int):
            self.leave(definition, *place)
            return None
        function = definition.node
        assert not isinstance(function, ast.ClassDef)
        lack = lacks(function, self.how.name)
        if lack is not None and (lack.certain or not self.how.trust_returns):
            needs = f"@{self.how.name} needs ({', '.join(NEEDED[self.how.name])}),"
            needs += " metrics being a dictionary"
            text = f"{definition.name} {lack.text}; {needs}"
            if not lack.certain:
                text += ". If that is what it returns, run again with --trust-returns"
            self.leave(definition, Code.RETURNS, text, lack.line)
            return None
        return place

    def taken(self, definition: Definition) -> Taken | None:
        """How the decorator comes into the file; None where it cannot."""
        if self.names.inside_source:
            text = f"{definition.name} is a part of the cache package itself"
            self.leave(definition, Code.VALUE_USE, text)
            return None
        taken = self.taken_from(definition)
        if not isinstance(taken, Taken):
            self.leave(definition, *taken)
            return None
        if taken.binding is not None and taken.offer is not None:
            refusal = self.in_tree.refusal(taken.binding, taken.offer, self.package, self.how.name)
            if refusal is not None:
                text = f"{refusal} (`afml-codemod adopt-init` does that)"
                self.leave(definition, Code.UNRESOLVED_IMPORT, text)
                return None
        return taken

    def leave(self, definition: Definition, code: Code, text: str, line: int = 0) -> None:
        node = definition.node
        column = self.source.column(node.lineno, node.col_offset) if not line else 1
        self.findings.append(Finding(line or node.lineno, column, code, text))

    def decorate(self, definition: Definition, place: int, taken: Taken) -> None:
        """The edit that puts the decorator on a line of its own."""
        function, source = definition.node, self.source
        below = function.decorator_list[place] if place < len(function.decorator_list) else None
        line = below.lineno if below is not None else function.lineno
        begin = source.line_starts[line - 1]
        first = source.utf8.index(b"@", begin) if below is not None else source.start(function)
        indent = source.utf8[begin:first]
        text = taken.spelled + self.how.brackets(function.name)
        newline = source.newline_at(begin)
        new = indent + f"@{text}".encode() + newline
        reason = "asked for"
        self.edits.append(Edit(begin, begin, b"", new, reason))
        self.rewrites.append(Rewrite(line, definition.name, "", text, reason))
        self.added.append((definition.name, place, ast.parse(text, mode="eval").body))

    def take(self, first: Definition, taken: Taken) -> None:
        """The import that the decorators need; it stands above the first of them."""
        source, name = self.source, self.how.name
        reason = f"imports {name}"
        if taken.extend is not None:
            statement = taken.extend
            there = source.segment(statement)
            new = change(there, add=[name.encode()], beside=len(statement.names) - 1)
            new = within_width(source, new)
            self.edits += smallest(source.start(statement), there, new, reason)
            self.imported = source.tree.body.index(statement), None
        elif taken.new_from:
            line = spelled(source, taken.new_from, [name])
            new_import = sorted_in(source, line, first.statement, reason)
            self.edits.append(new_import.edit)
            self.imported = new_import.position, ast.parse(line).body[0]

    def take_back(self, tree: ast.Module) -> None:
        """Remove from the new tree what was added."""
        there = {definition.name: definition.node for definition in definitions(tree)}
        for name, place, decorator in self.added:
            taken = there[name].decorator_list.pop(place)
            if ast.dump(taken) != ast.dump(decorator):
                raise ValueError(f"the decorator of {name} is not where it should be")
        if self.imported is None:
            return
        position, new = self.imported
        made = tree.body[position]
        if new is None:
            assert isinstance(made, ast.ImportFrom)
            (alias,) = (a for a in made.names if (a.name, a.asname) == (self.how.name, None))
            made.names.remove(alias)
        elif ast.dump(made) != ast.dump(new):
            raise ValueError("the new import is not where it should be")
        else:
            del tree.body[position]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
