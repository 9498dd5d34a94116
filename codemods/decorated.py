"""Whether one decorator can be rewritten, and into which.

A use that is not a decorator of a plain function, or has arguments that the new decorator
does not take, or whose function is used through joblib's API, or that carries the comment
``# afml: keep``, is left with a reason.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cached_property

from codemods.below import Below
from codemods.choose import Choice, choose
from codemods.findings import Code
from codemods.resolve import Function, Names, Use
from codemods.rules import ARGUMENTS, Offer, Rules
from codemods.source import Source

KEEP = re.compile(rb"#[ \t]*afml:[ \t]*keep\b")

#: What joblib puts on a function, and the new decorators do not.
JOBLIB = frozenset(
    {"func", "clear", "call", "call_and_shelve", "check_call_in_cache", "store_backend"}
    | {"mmap_mode"}
)

Refusal = tuple[Code, str]


class Judge:
    """Decides about the uses of one file; called with each."""

    def __init__(self, source: Source, names: Names, rules: Rules) -> None:
        self.source = source
        self.names = names
        self.rules = rules
        self.below = Below(source, names.imported, rules)

    def __call__(
        self, use: Use, offer: Offer, attributes: tuple[str, ...]
    ) -> Choice | Refusal | None:
        """What the decorated function gets, or why not.

        None: nothing is to be done and nothing to be said (``del cacheable``).
        """
        function = use.decorates
        if use.delete:
            return None
        if function is None:
            return Code.VALUE_USE, f"{offer.name} is used as a value here, not as a decorator"
        if attributes or (use.attributes and use.attributes[-1] != offer.name):
            return Code.VALUE_USE, f"an attribute of {offer.name} decorates {function.name}"
        if use.name and not use.attributes and self._has_tail(use):
            return Code.VALUE_USE, f"an attribute of {offer.name} decorates {function.name}"
        if isinstance(function, ast.ClassDef):
            return Code.VALUE_USE, f"{function.name} is a class; only functions can be cached"
        if self.rules.back is not None:
            name = self.rules.back.get(use.scope.inner(function.name))
            return Choice(name, "undoes the migration") if name else None
        if is_generator(function):
            return (
                Code.VALUE_USE,
                f"{function.name} is a generator function; the new decorators refuse those",
            )
        below = self.below.no_function(function, use.call or use.node)
        if below is not None:
            return Code.VALUE_USE, f"@{below}, below it, may hand back what is no plain function"
        if function.name in self._through_joblib:
            attribute, line = self._through_joblib[function.name]
            text = f"line {line} uses .{attribute} of {function.name}, which is joblib's alone"
            return Code.VALUE_USE, text
        unknown = _unknown_arguments(use.call)
        if unknown:
            text = f"the new decorators do not take {unknown}"
            return Code.UNKNOWN_ARGUMENTS, text
        if self._opted_out(use, function):
            return Code.OPTED_OUT, f"{function.name} asks to be kept"
        if self.rules.to is not None:
            return Choice(self.rules.to, "asked for with --to")
        return choose(function, self.names.imported)

    @cached_property
    def _through_joblib(self) -> dict[str, tuple[str, int]]:
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

    def _opted_out(self, use: Use, function: Function) -> bool:
        last = use.node.end_lineno or use.node.lineno
        if use.call is not None and use.call.end_lineno is not None:
            last = use.call.end_lineno
        if asks_to_be_kept(self.source, function):
            return True
        lines = range(use.node.lineno, last + 1)
        return any(KEEP.search(self.source.line(number)) for number in lines)


def asks_to_be_kept(source: Source, function: Function) -> bool:
    """Whether ``# afml: keep`` stands on a ``def``."""
    header = max(function.lineno, function.body[0].lineno - 1)
    lines = range(function.lineno, header + 1)
    return any(KEEP.search(source.line(number)) for number in lines)


def _unknown_arguments(call: ast.Call | None) -> str:
    if call is None:
        return ""
    unknown = ["positional arguments"] if call.args else []
    unknown += [
        f"{keyword.arg}=" if keyword.arg else "**keywords"
        for keyword in call.keywords
        if keyword.arg not in ARGUMENTS
    ]
    return ", ".join(unknown)


def is_generator(function: Function) -> bool:
    """Whether a function yields, itself and not in one that it defines."""
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return False
