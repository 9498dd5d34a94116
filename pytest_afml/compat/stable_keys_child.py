"""What a new process of ``stable_keys`` runs: import the function, write the keys of its calls."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def main() -> None:
    """Read the order named first on the command line, write the answer to the file named second."""
    order, answer = map(Path, sys.argv[1:3])
    search, module, qualname, file, pickled = pickle.loads(order.read_bytes())
    sys.path[:] = list(dict.fromkeys([*search, *sys.path]))
    function: Any = _module(module, file)
    for name in qualname.split("."):
        function = getattr(function, name)
    calls = pickle.loads(pickled)
    found = [_keys(function, positional, named) for positional, named in calls]
    answer.write_text(json.dumps(found), encoding="utf-8")


def _module(name: str, file: str | None) -> ModuleType:
    """By its name or, as pytest's import modes allow, by its file alone."""
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}.") or file is None:
            raise
    else:
        if file is None or getattr(found, "__file__", None) == file:
            return found
    spec = importlib.util.spec_from_file_location(name, str(file))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _keys(function: Any, positional: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    from afml_cache import content_key

    bound = inspect.signature(function).bind(*positional, **named)
    bound.apply_defaults()
    arguments = {name: content_key(value) for name, value in bound.arguments.items()}
    return {
        "key": function.cache_key(*positional, **named),
        "argument": arguments,
        "code": dict(function.fingerprint().parts),
    }
