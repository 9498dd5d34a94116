"""Lists of strings that a module spells out: ``__all__``, and tables that it is made of."""

from __future__ import annotations

import ast
from collections.abc import Mapping


def assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """What each name was assigned last by a simple statement at the top of a module."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                found.update({t.id: value for t in targets if isinstance(t, ast.Name)})
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
    return found


def strings_of(node: ast.expr, known: Mapping[str, ast.expr]) -> list[str] | None:
    """The strings of a list, tuple, set or the keys of a dict; None where they are computed.

    >>> tree = ast.parse("HOMES = {'a': 1}; ALL = [*HOMES, 'b']")
    >>> strings_of(tree.body[1].value, assigned(tree))
    ['a', 'b']
    """
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            found: list[str] = []
            for part in parts:
                match part:
                    case ast.Constant(value=str(text)):
                        found.append(text)
                    case ast.Starred(value=inner):
                        more = strings_of(inner, known)
                        if more is None:
                            return None
                        found += more
                    case _:
                        return None
            return found
        case ast.Dict(keys=keys):
            return strings_of(ast.List([key or ast.Constant(None) for key in keys]), known)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, last = strings_of(left, known), strings_of(right, known)
            return None if first is None or last is None else first + last
        case ast.Name(id=name) if name in known:
            rest = {other: value for other, value in known.items() if other != name}
            return strings_of(known[name], rest)
    return None
