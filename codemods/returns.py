"""Whether a function returns what a decorator needs: as far as its source tells.

``@mlflow_cached`` logs the metrics of ``(model, metrics)``, ``@cached_backtest`` keeps
``(metrics, trades, equity)``. Every ``return`` is looked at; a bare name is followed to what it
was assigned in the function. What is certainly something else is told apart from what cannot
be told.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codemods.scopes import Function, every_argument, own_nodes

#: What each decorator needs, in words; the metrics are a dictionary.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "mlflow_cached": ("model", "metrics"),
    "cached_backtest": ("metrics", "trades", "equity"),
}

_NEVER_A_TUPLE = (
    *(ast.Constant, ast.JoinedStr, ast.Dict, ast.Set, ast.List, ast.Lambda, ast.Compare),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_NEVER_A_DICT = (
    *(ast.Constant, ast.JoinedStr, ast.Tuple, ast.Set, ast.List, ast.Lambda, ast.Compare),
    *(ast.ListComp, ast.SetComp, ast.GeneratorExp),
)
_KINDS = {
    ast.Dict: "a dictionary",
    ast.DictComp: "a dictionary",
    ast.List: "a list",
    ast.ListComp: "a list",
    ast.Tuple: "a tuple",
    ast.Set: "a set",
    ast.SetComp: "a set",
    ast.JoinedStr: "a string",
    ast.Compare: "a comparison",
}


@dataclass(frozen=True, slots=True)
class Lack:
    """What a function does not return, or may not."""

    line: int
    text: str
    certain: bool


def lacks(function: Function, decorator: str) -> Lack | None:
    """What ``function`` would have to return for ``decorator`` and does not; None: nothing.

    Parameters
    ----------
    function : ast.FunctionDef or ast.AsyncFunctionDef
        The function; no generator.
    decorator : str
        The decorator's own name.

    >>> function = ast.parse("def f(x):\\n    return x, {}, 1").body[0]
    >>> lacks(function, "mlflow_cached").text
    'returns 3 values in line 2'
    """
    needed = NEEDED.get(decorator)
    if needed is None:
        return None
    found = list(_lacks(function, needed))
    certain = [lack for lack in found if lack.certain]
    if certain:
        return certain[0]
    return found[0] if found else None


def _lacks(function: Function, needed: tuple[str, ...]) -> Iterator[Lack]:
    own = list(own_nodes(function))
    returns = sorted((n for n in own if isinstance(n, ast.Return)), key=lambda n: n.lineno)
    values = [node for node in returns if not _is_nothing(node.value)]
    if not values:
        yield Lack(function.lineno, "returns nothing", True)
        return
    look = _Look(function, own, needed)
    declared = _declared(function.returns)
    for node in returns:
        if _is_nothing(node.value):
            yield Lack(node.lineno, f"returns nothing in line {node.lineno}", True)
            continue
        assert node.value is not None
        lack = look.at(node.value, node.lineno)
        if lack is None or (not lack.certain and declared == len(needed)):
            continue
        if not lack.certain and declared is not None:
            yield Lack(node.lineno, f"is annotated with a tuple of {declared}", True)
        else:
            yield lack
    if _runs_through(function.body):
        text = "may come to its end without a return"
        yield Lack(function.end_lineno or function.lineno, text, False)


class _Look:
    """Looks at the values that one function returns."""

    def __init__(self, function: Function, own: list[ast.AST], needed: tuple[str, ...]) -> None:
        self.needed = needed
        self.arguments = {argument.arg for argument in every_argument(function.args)}
        self.assigned: dict[str, list[ast.expr | None]] = {}  # None: in a way not followed here
        simple: set[ast.AST] = set()
        for node in own:
            match node:
                case ast.Assign(targets=[ast.Name(id=name) as target], value=value):
                    self.assigned.setdefault(name, []).append(value)
                    simple.add(target)
                case ast.AnnAssign(target=ast.Name(id=name) as target, value=ast.expr() as value):
                    self.assigned.setdefault(name, []).append(value)
                    simple.add(target)
        for node in own:
            match node:
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    if node not in simple:
                        self.assigned.setdefault(name, []).append(None)
                case ast.Global(names=names) | ast.Nonlocal(names=names):
                    for other in names:
                        self.assigned.setdefault(other, []).append(None)

    def at(self, value: ast.expr, line: int, seen: frozenset[str] = frozenset()) -> Lack | None:
        """What is wrong with one returned value."""
        match value:
            case ast.Tuple(elts=parts):
                return self.tuple_of(parts, line)
            case ast.IfExp(body=body, orelse=orelse):
                both = [self.at(one, line, seen) for one in (body, orelse)]
                lacks = sorted((lack for lack in both if lack), key=lambda lack: not lack.certain)
                return lacks[0] if lacks else None
            case ast.Name(id=name):
                values = self.followed(name, seen)
                if values is None:
                    return Lack(line, f"returns {name} in line {line}", False)
                answers = [self.at(one, line, seen | {name}) for one in values]
                if None not in answers and all(lack and lack.certain for lack in answers):
                    return answers[0]
                if any(answers):
                    last = values[-1]
                    text = f"returns {name} in line {line}, set in line {last.lineno}"
                    return Lack(line, f"{text} to {_short(last)}", False)
                return None
        if isinstance(value, _NEVER_A_TUPLE):
            kind = _KINDS.get(type(value), ast.unparse(value))
            return Lack(line, f"returns {kind} in line {line}", True)
        return Lack(line, f"returns {_short(value)} in line {line}", False)

    def tuple_of(self, parts: list[ast.expr], line: int) -> Lack | None:
        if any(isinstance(part, ast.Starred) for part in parts):
            return Lack(line, f"returns a tuple of unknown length in line {line}", False)
        if len(parts) != len(self.needed):
            number = "1 value" if len(parts) == 1 else f"{len(parts)} values"
            return Lack(line, f"returns {number} in line {line}", True)
        position = self.needed.index("metrics")
        metrics = parts[position]
        values = self.followed(metrics.id, frozenset()) if isinstance(metrics, ast.Name) else None
        for one in values or [metrics]:
            if not isinstance(one, _NEVER_A_DICT):
                return None
        text = f"returns metrics in line {line} that are no dictionary ({ast.unparse(metrics)})"
        return Lack(line, text, True)

    def followed(self, name: str, seen: frozenset[str]) -> list[ast.expr] | None:
        """What a name was assigned in the function; None where that is not all it can be."""
        values = self.assigned.get(name, [])
        if name in self.arguments or name in seen or not values:
            return None
        followed = [value for value in values if value is not None]
        return followed if len(followed) == len(values) else None


def _short(value: ast.expr) -> str:
    text = ast.unparse(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _is_nothing(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _declared(annotation: ast.expr | None) -> int | None:
    """How many values the annotation ``tuple[A, B]`` promises."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    match annotation:
        case ast.Subscript(
            value=ast.Name(id="tuple" | "Tuple") | ast.Attribute(attr="Tuple"),
            slice=ast.Tuple(elts=parts),
        ):
            open_ended = any(isinstance(p, ast.Constant) and p.value is ... for p in parts)
            return None if open_ended else len(parts)
    return None


def _runs_through(body: list[ast.stmt]) -> bool:
    """Whether the end of a block can be reached; when in doubt, it can."""
    for statement in body:
        match statement:
            case ast.Return() | ast.Raise() | ast.Continue():
                return False
            case ast.If(body=first, orelse=second) if second:
                if not _runs_through(first) and not _runs_through(second):
                    return False
            case ast.With(body=inside) | ast.AsyncWith(body=inside):
                if not _runs_through(inside):
                    return False
            case ast.Try(body=inside, handlers=handlers, orelse=orelse, finalbody=final):
                tried = _runs_through([*inside, *orelse])
                if final and not _runs_through(final):
                    return False
                if not tried and not any(_runs_through(handler.body) for handler in handlers):
                    return False
            case ast.While(test=ast.Constant(value=True | 1), body=inside):
                if not any(isinstance(node, ast.Break) for s in inside for node in ast.walk(s)):
                    return False
            case ast.Match(cases=cases):
                last = cases[-1]
                whatever = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
                through = any(_runs_through(case.body) for case in cases)
                if whatever and last.guard is None and not through:
                    return False
    return True
