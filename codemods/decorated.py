"""Whether one decorator can be rewritten, and into which.

A use that is not a decorator of a plain function, or has arguments that the new decorator
does not take, or carries the comment ``# afml: keep``, is left with a reason.
"""

from __future__ import annotations

import ast
import re

from codemods.choose import Choice, choose
from codemods.findings import Code
from codemods.resolve import Function, Names, Use
from codemods.rules import ARGUMENTS, Offer, Rules
from codemods.source import Source

KEEP = re.compile(rb"#[ \t]*afml:[ \t]*keep\b")

Refusal = tuple[Code, str]


class Judge:
    """Decides about the uses of one file; called with each."""

    def __init__(self, source: Source, names: Names, rules: Rules) -> None:
        self.source = source
        self.names = names
        self.rules = rules

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
        if _is_generator(function):
            return (
                Code.VALUE_USE,
                f"{function.name} is a generator function; the new decorators refuse those",
            )
        unknown = _unknown_arguments(use.call)
        if unknown:
            text = f"the new decorators do not take {unknown}"
            return Code.UNKNOWN_ARGUMENTS, text
        if self._opted_out(use, function):
            return Code.OPTED_OUT, f"{function.name} asks to be kept"
        if self.rules.to is not None:
            return Choice(self.rules.to, "asked for with --to")
        return choose(function, self.names.imported)

    def _has_tail(self, use: Use) -> bool:
        return isinstance(use.node, ast.Attribute)

    def _opted_out(self, use: Use, function: Function) -> bool:
        header = max(function.lineno, function.body[0].lineno - 1)
        last = use.node.end_lineno or use.node.lineno
        if use.call is not None and use.call.end_lineno is not None:
            last = use.call.end_lineno
        lines = (*range(use.node.lineno, last + 1), *range(function.lineno, header + 1))
        return any(KEEP.search(self.source.line(number)) for number in lines)


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


def _is_generator(function: Function) -> bool:
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))
    return False
