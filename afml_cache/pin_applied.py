"""``python -m afml_cache.pin_applied``: pin the code of functions that were just migrated.

Until the first adoption nothing would tell that a helper was edited after the migration. So
``afml-codemod apply`` starts this program, which imports the migrated modules that joblib has
entries of, and pins the functions and classes that their functions reach. It reads JSON
(``{"root": ..., "files": {path: [function, ...]}}``) and writes JSON (:class:`Report`); what the
modules print goes elsewhere.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any

from afml_cache.adoption import pins
from afml_cache.adoption.look import roots
from afml_cache.memo import CachedFunction
from afml_cache.store.active import active


@dataclass(slots=True)
class Report:
    """What was pinned: names of functions; and what not, with the reasons."""

    pinned: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  #: pinned before, at a migration or adoption
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Module:
    """A module under a name that joblib has entries of."""

    name: str
    folder: Path  #: what has to be on the path
    file: Path
    functions: tuple[str, ...]


def pin_applied(root: Path, files: Mapping[str, Sequence[str]]) -> Report:
    """Pin migrated functions that the old decorator has stored results of.

    Parameters
    ----------
    root : Path
        The repository.
    files : mapping
        Relative path -> the qualified names of the functions that were migrated in it.
    """
    report = Report()
    modules = [module for file, names in files.items() for module in _modules(root, file, names)]
    for module in modules:
        if str(module.folder) not in sys.path:
            sys.path.insert(0, str(module.folder))
        try:
            found = importlib.import_module(module.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - modules run at their import
            report.failed.append(
                f"{module.name} cannot be imported ({type(error).__name__}: {error})"
            )
            continue
        if not _is_from(found, module.file):
            report.failed.append(f"{module.name} is imported from another place than {module.file}")
            continue
        for name in module.functions:
            _pin(found, name, report)
    return report


def _modules(root: Path, file: str, functions: Sequence[str]) -> Iterator[_Module]:
    """The names under which a file may be imported, as far as joblib has entries of them."""
    *folders, last = Path(file).with_suffix("").parts
    parts = (*folders, *([] if last == "__init__" else [last]))
    for first in range(len(parts)):
        name = parts[first:]
        stored = tuple(f for f in functions if _has_entries(name, f))
        if stored:
            folder = root.joinpath(*parts[:first])
            yield _Module(".".join(name), folder, root / file, stored)


def _has_entries(module: Sequence[str], function: str) -> bool:
    places = (place for root in roots(active()) for place in (root / "joblib", root))
    folders = (place.joinpath(*module, *function.split(".")) for place in places)
    return any(next(folder.glob("*/output.pkl"), None) is not None for folder in folders)


def _is_from(module: Any, file: Path) -> bool:
    try:
        return file.samefile(inspect.getfile(module))
    except (OSError, TypeError):
        return False


def _pin(module: Any, name: str, report: Report) -> None:
    found: Any = module
    for part in name.split("."):
        found = inspect.getattr_static(found, part, None)
    found = getattr(found, "__func__", found)  # of a staticmethod or classmethod
    while not isinstance(found, CachedFunction):  # decorated once more above the cache
        found = getattr(found, "__wrapped__", None)
        if found is None:
            report.failed.append(f"{module.__name__}.{name} is not found under a new decorator")
            return
    store = active()
    if pins.pinned(store, found.identity) is not None:
        report.kept.append(found.identity)
        return
    fingerprint = found.fingerprint()
    # A constant may still be set by the program before the function is called: only what is
    # written as code is pinned here, the first adoption pins the rest.
    names = frozenset(filter(_is_code, fingerprint.parts))
    pins.pin_anew(store, found.identity, pins.rows_of_code(fingerprint, names))
    report.pinned.append(found.identity)


def _is_code(name: str) -> bool:
    """Whether ``module.qualname`` is a function or a class, or made where one is decorated."""
    if "<locals>" in name:
        return True
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:length]))
        if found is not None:
            for part in parts[length:]:
                found = inspect.getattr_static(found, part, None)
            found = getattr(found, "__func__", found)
            code = (FunctionType, BuiltinFunctionType, type, CachedFunction)
            return isinstance(found, code) or hasattr(found, "__wrapped__")
    return False


def main() -> int:
    """Read the request from the standard input, write the report to the standard output."""
    answer = os.dup(1)
    os.dup2(2, 1)  # what the modules print is no part of the report
    request = json.load(sys.stdin)
    report = pin_applied(Path(request["root"]), request["files"])
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump(dataclasses.asdict(report), out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
