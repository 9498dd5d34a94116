"""What the parts of a function are right after its module is imported, asked of a new process.

A constant may have another value at a call than it had when it was pinned: because the program has
set it, which is no edit, or because what it was made from (a file, another module) has changed.
Importing the module anew tells these apart. It is asked once a function at most, before its first
adoption.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

#: Seconds after which the import is given up.
PATIENCE = 60.0

#: Tells the new process that it is one; a module that calls its functions would start another.
_ASKED = "AFML_CACHE_PROBE"

_SCRIPT = """
import json, os, sys
answer = os.dup(1)
os.dup2(2, 1)
request = json.load(sys.stdin)
sys.path[:] = request["path"]
import importlib, inspect
from afml_cache.memo import CachedFunction
found = importlib.import_module(request["module"])
for part in request["function"].split("."):
    found = inspect.getattr_static(found, part)
found = getattr(found, "__func__", found)
for _ in range(100):
    if isinstance(found, CachedFunction):
        break
    found = found.__wrapped__
with os.fdopen(answer, "w") as out:
    json.dump(dict(found.fingerprint().parts), out)
os._exit(0)
"""


def parts_after_import(function: Any) -> Mapping[str, str] | None:
    """The digests of the parts of a function as they are when its module has just been imported.

    Parameters
    ----------
    function : callable
        The undecorated function; in its module it is decorated.

    Returns
    -------
    mapping or None
        None where the module cannot be imported again, or is the program itself.
    """
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)  # a partial has none
    if not (isinstance(module, str) and isinstance(name, str) and sys.executable):
        return None
    if module == "__main__" or "<locals>" in name or _ASKED in os.environ:
        return None
    # Other things may stand on the path; imports pass them over.
    return _asked(module, name, tuple(entry for entry in sys.path if isinstance(entry, str)))


@functools.lru_cache(maxsize=256)
def _asked(module: str, function: str, path: tuple[str, ...]) -> Mapping[str, str] | None:
    request = {"module": module, "function": function, "path": list(path)}
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-c", _SCRIPT],
            input=json.dumps(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "AFML_CACHE_MODE": "off", "AFML_CACHE_ADOPT": "off", _ASKED: "1"},
        )
        parts = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return parts if isinstance(parts, dict) else None
