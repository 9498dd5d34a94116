"""Whether the source that joblib recorded is that of a function, decorators of caches set aside.

Comments, formatting, docstrings and annotations do not count, as in our own fingerprint. Default
values do, and so do all other decorators: a function that was compiled or retried is another.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from afml_cache.keys.normal import normal_form
from afml_cache.keys.parsing import syntax_tree

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

#: What the decorators of this cache, of the one before it, and joblib's own are called.
CACHES = frozenset(
    {
        *("cacheable", "smart_cacheable", "auto_cacheable", "robust_cacheable"),
        *("time_aware_cacheable", "mlflow_cached", "cached_backtest", "data_tracking_cacheable"),
        "cache",  # joblib: @memory.cache
    }
)


def is_same_source(recorded: str, present: str, namespace: Mapping[str, Any]) -> bool:
    """Whether two texts of a function do the same once the caches' decorators are set aside.

    Parameters
    ----------
    recorded, present : str
        Source of the function as joblib cuts it out of a file, decorators included.
    namespace : mapping
        The globals of the function as it is now: they tell what its decorators are.
    """
    if recorded.strip() == present.strip():
        return True
    before, now = definition(recorded), definition(present)
    if before is None or now is None:
        return False
    return (
        _others(before, namespace) == _others(now, namespace)
        and _defaults(before) == _defaults(now)
        and normal_form(before, is_named_as_cache) == normal_form(now, is_named_as_cache)
    )


def ignored_names(recorded: str, namespace: Mapping[str, Any]) -> frozenset[str] | None:
    """The parameters that the recorded decorator ignored; None where the text does not tell."""
    node = definition(recorded)
    decorators = [] if node is None else caches_of(node, namespace)
    if len(decorators) != 1:
        return None
    for keyword in getattr(decorators[0], "keywords", ()):
        if keyword.arg == "ignore":
            try:
                named = ast.literal_eval(keyword.value)
            except ValueError:
                return None
            return frozenset([named] if isinstance(named, str) else named or ())
        if keyword.arg is None:
            return None
    return frozenset()


def definition(text: str) -> FunctionNode | None:
    """The function definition that a text begins with, however far it is indented."""
    for candidate in (text, "if 1:\n" + text):
        try:
            tree = syntax_tree(candidate)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        body: list[ast.stmt] = tree.body
        if candidate is not text and body and isinstance(body[0], ast.If):
            body = body[0].body
        return body[0] if body and isinstance(body[0], FunctionNode) else None
    return None


def _others(node: FunctionNode, namespace: Mapping[str, Any]) -> list[str]:
    ours = caches_of(node, namespace)
    return [ast.dump(d) for d in node.decorator_list if d not in ours]


def caches_of(node: FunctionNode, namespace: Mapping[str, Any]) -> list[ast.expr]:
    """The decorators that are a cache's: by their name, or by what it stands for now.

    Where there is none, a single name that nothing stands for now is taken for the alias of an
    import that the migration has taken out.
    """
    decorators = node.decorator_list
    known = [d for d in decorators if is_named_as_cache(d) or _stands_for_cache(d, namespace)]
    if known:
        return known
    gone = [d for d in decorators if _is_gone(d, namespace)]
    return gone if len(gone) == 1 else []


def _defaults(node: FunctionNode) -> list[str]:
    return [
        "-" if default is None else ast.dump(default)
        for default in (*node.args.defaults, *node.args.kw_defaults)
    ]


def is_named_as_cache(decorator: ast.expr) -> bool:
    """Whether a decorator bears the name of a cache's."""
    chain = _chain(decorator)
    return chain is not None and chain[-1] in CACHES


def _stands_for_cache(decorator: ast.expr, namespace: Mapping[str, Any]) -> bool:
    chain = _chain(decorator)
    value: Any = None if chain is None else namespace.get(chain[0])
    for name in () if chain is None else chain[1:]:
        value = getattr(value, name, None)
    module = getattr(value, "__module__", None)
    return isinstance(module, str) and (module + ".").startswith(("afml_cache.", "afml.cache."))


def _is_gone(decorator: ast.expr, namespace: Mapping[str, Any]) -> bool:
    chain = _chain(decorator)
    return chain is not None and not (chain[0] in namespace or chain[0] in _builtins(namespace))


def _builtins(namespace: Mapping[str, Any]) -> Mapping[str, Any]:
    found = namespace.get("__builtins__", {})
    return found if isinstance(found, Mapping) else vars(found)


def _chain(decorator: ast.expr) -> list[str] | None:
    """``c.cacheable(ignore=...)`` -> ``["c", "cacheable"]``."""
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    names: list[str] = []
    while isinstance(decorator, ast.Attribute):
        names.append(decorator.attr)
        decorator = decorator.value
    if not isinstance(decorator, ast.Name):
        return None
    return [decorator.id, *reversed(names)]
