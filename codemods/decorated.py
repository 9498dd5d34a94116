"""Whether one decorator can be rewritten, and into which.

A use that is not a decorator of a plain function, or has arguments that the new decorator
does not take, or whose function is used through joblib's API, or that carries the comment
``# afml: keep``, is left with a reason.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

from codemods.below import Below
from codemods.choose import Choice, choose
from codemods.findings import Code
from codemods.resolve import Names
from codemods.rules import ROBUST, TIME_AWARE, Offer, Rules
from codemods.scopes import Function, Scope, Use, own_nodes
from codemods.source import Source

KEEP = re.compile(rb"#[ \t]*afml:[ \t]*keep\b")

#: What joblib puts on a function, and the new decorators do not.
JOBLIB = frozenset(
    {"func", "clear", "call", "call_and_shelve", "check_call_in_cache", "store_backend"}
    | {"mmap_mode"}
)

_JOBLIB = b"|".join(attribute.encode() for attribute in sorted(JOBLIB))

Refusal = tuple[Code, str]


class Judge:
    """Decides about the uses of one file; called with each."""

    def __init__(self, source: Source, names: Names, rules: Rules, file: str = "") -> None:
        self.source = source
        self.names = names
        self.rules = rules
        self.file = file  #: relative to the root, for patterns
        self.below = Below(source, names.imported, rules)

    def __call__(
        self, use: Use, offer: Offer, attributes: tuple[str, ...]
    ) -> Choice | Refusal | None:
        """What the decorated function gets, or why not.

        None: nothing is to be done and nothing to be said.
        """
        function = use.decorates
        if use.delete:
            return Code.VALUE_USE, f"{offer.name} is deleted here"
        if function is None:
            if self.is_applied(use) and not attributes:
                return self._applied(use)
            return Code.VALUE_USE, f"{offer.name} is used as a value here, not as a decorator"
        if attributes or (use.attributes and use.attributes[-1] != offer.name):
            return Code.VALUE_USE, f"an attribute of {offer.name} decorates {function.name}"
        if use.name and not use.attributes and self._has_tail(use):
            return Code.VALUE_USE, f"an attribute of {offer.name} decorates {function.name}"
        if isinstance(function, ast.ClassDef):
            return Code.VALUE_USE, f"{function.name} is a class; only functions can be cached"
        if self.rules.back is not None:
            return self._back(use)
        kept = self.kept(use)
        if kept is not None:
            return kept
        if self.rules.backwards:
            return self._asked_for(use, [function])
        if is_generator(function):
            return (
                Code.VALUE_USE,
                f"{function.name} is a generator function; the new decorators refuse those",
            )
        below = self.below.no_function(function, use.call or use.node)
        if below is not None:
            return Code.VALUE_USE, f"@{below}, below it, may hand back what is no plain function"
        through_joblib = self._through_joblib(function.name)
        if through_joblib is not None:
            return Code.VALUE_USE, through_joblib
        return self._asked_for(use, [function])

    def _applied(self, use: Use) -> Choice | Refusal | None:
        """``f = cacheable(g)``: what is said of a decorated function goes for ``g``."""
        if self.rules.back is not None:
            return self._back(use)
        kept = self.kept(use)
        if kept is not None:
            return kept
        assert use.given is not None
        given = ast.unparse(use.given)
        there = self._defined.get(given, [])
        if any(isinstance(node, ast.ClassDef) for node in there):
            return Code.VALUE_USE, f"{given} is a class; only functions can be cached"
        functions = [node for node in there if isinstance(node, Function)]
        if self.rules.backwards:
            return self._asked_for(use, functions)
        if any(is_generator(function) for function in functions):
            text = f"{given} is a generator function; the new decorators refuse those"
            return Code.VALUE_USE, text
        through_joblib = self._through_joblib(self.names.assigned.get(use.whole, given))
        if through_joblib is not None:
            return Code.VALUE_USE, through_joblib
        return self._asked_for(use, functions)

    def _back(self, use: Use) -> Choice | None:
        assert self.rules.back is not None
        name = self.rules.back.get(self.names.label(use) or "")
        return Choice(name, "undoes the migration") if name else None

    def _asked_for(self, use: Use, functions: Sequence[Function]) -> Choice | Refusal:
        """The choice, if nothing in the decorator's own place speaks against it."""
        unknown = self._unknown_arguments(use)
        if unknown:
            what = "@cacheable does not" if self.rules.backwards else "the new decorators do not"
            return Code.UNKNOWN_ARGUMENTS, f"{what} take {unknown}"
        overruled = self.rules.overrules.chosen(self.file, self.names.label(use) or "")
        if overruled is not None:
            kind, pattern = overruled
            name = ROBUST if kind == "robust" else TIME_AWARE
            return Choice(name, f"matches {pattern} of {kind} in pyproject.toml")
        if self.rules.to is not None:
            return Choice(self.rules.to, self.rules.asked)
        if len(functions) != 1:
            return Choice(ROBUST, "the parameters of what it is applied to are not in sight")
        return choose(functions[0], self.names.imported)

    def kept(self, use: Use) -> Refusal | None:
        """The refusal that a comment at the decorator, or a pattern, asks for."""
        if not isinstance(use.decorates, Function) and not self.is_applied(use):
            return None
        label = self.names.label(use) or ""
        name = use.decorates.name if use.decorates is not None else label
        if self._opted_out(use):
            return Code.OPTED_OUT, f"{name} asks to be kept"
        pattern = self.rules.overrules.kept(self.file, label)
        if pattern is not None:
            return Code.OPTED_OUT, f"{name} matches {pattern} of keep in pyproject.toml"
        return None

    def is_applied(self, use: Use) -> bool:
        """Whether it is a direct application, and this run is about those too."""
        return self.rules.call_forms and isinstance(
            use.given, ast.Name | ast.Attribute | ast.Lambda
        )

    @cached_property
    def _defined(self) -> dict[str, list[ast.AST]]:
        """Every function and class of the file by its own name."""
        found: dict[str, list[ast.AST]] = defaultdict(list)
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name].append(node)
        return found

    def _through_joblib(self, name: str) -> str | None:
        """What to say where the file uses joblib's API of a function."""
        there = rb"\b" + re.escape(name.encode()) + rb"[\s)\\]*+\.[\s\\]*+(?:" + _JOBLIB + rb")\b"
        if re.search(there, self.source.utf8) is None or name not in self._used_through_joblib:
            return None
        attribute, line = self._used_through_joblib[name]
        return f"line {line} uses .{attribute} of {name}, which is joblib's alone"

    @cached_property
    def _used_through_joblib(self) -> dict[str, tuple[str, int]]:
        """Names of functions that the file uses through joblib's API: of what, and where."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Attribute) and node.attr in JOBLIB:
                base = node.value
                if isinstance(base, ast.Name):
                    found[base.id].append((node.lineno, node.attr))
                elif isinstance(base, ast.Attribute):  # self.f.clear
                    found[base.attr].append((node.lineno, node.attr))
        return {name: (min(uses)[1], min(uses)[0]) for name, uses in found.items()}

    def _has_tail(self, use: Use) -> bool:
        return isinstance(use.node, ast.Attribute)

    def _opted_out(self, use: Use) -> bool:
        if isinstance(use.decorates, Function) and asks_to_be_kept(self.source, use.decorates):
            return True
        last = use.whole.end_lineno or use.node.lineno
        if _is_kept(self.source, range(use.node.lineno, last + 1)):
            return True
        return self._is_kept_around(use.scope) or self._is_kept_where_it_is_from(use)

    def _is_kept_around(self, scope: Scope | None) -> bool:
        """Whether a class, or a function, that the use stands in asks for it."""
        while scope is not None:
            around = scope.body.owner if scope.body is not None else None
            if isinstance(around, Function | ast.ClassDef) and asks_to_be_kept(self.source, around):
                return True
            scope = scope.parent
        return False

    def _is_kept_where_it_is_from(self, use: Use) -> bool:
        """Whether the import of the name asks for it."""
        owner = self.names.owner(use.scope, use.name)
        for binding in owner.bindings[use.name] if owner is not None else ():
            place = binding.alias
            if place is not None and binding.statement is not None:
                first, last = binding.statement.lineno, binding.statement.end_lineno
                if len(binding.statement.names) > 1 and place.lineno != first:
                    first = last = place.lineno  # one name of several, on a line of its own
                if _is_kept(self.source, range(first, (last or first) + 1)):
                    return True
        return False

    def _unknown_arguments(self, use: Use) -> str:
        if use.call is None:
            return ""
        given = [] if use.given is None else [use.given]
        unknown = ["positional arguments"] if [*use.call.args] not in ([], given) else []
        unknown += [
            f"{keyword.arg}=" if keyword.arg else "**keywords"
            for keyword in use.call.keywords
            if keyword.arg not in self.rules.arguments
        ]
        return ", ".join(unknown)


def asks_to_be_kept(source: Source, defined: Function | ast.ClassDef) -> bool:
    """Whether ``# afml: keep`` stands on a ``def`` or ``class``, on its decorators or above."""
    first = min([defined.lineno, *(decorator.lineno for decorator in defined.decorator_list)])
    while first > 1 and source.line(first - 1).lstrip().startswith(b"#"):
        first -= 1
    header = max(defined.lineno, defined.body[0].lineno - 1)
    return _is_kept(source, range(first, header + 1))


def _is_kept(source: Source, lines: Iterable[int]) -> bool:
    """Whether one of the lines has the comment; a string that holds its text is none."""
    found = [number for number in lines if KEEP.search(source.line(number))]
    return any(KEEP.search(source.comments.get(number, b"")) for number in found)


def is_generator(function: Function) -> bool:
    """Whether a function yields, itself and not in one that it defines."""
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function))
