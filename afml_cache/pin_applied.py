"""``python -m afml_cache.pin_applied``: record which code older results belong to.

The project's files are kept as they are, and the migrated modules that joblib has entries of are
imported, so as to pin what their functions reach. It reads JSON (``{"root": ..., "files": [...],
"functions": {path: [function, ...]}}``) and writes JSON (:class:`Report`); what the modules print
goes elsewhere.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any, NoReturn

from afml_cache.adoption import pins, snapshots
from afml_cache.adoption.look import roots
from afml_cache.adoption.records import Records
from afml_cache.joblib_memory.layout import folders_of
from afml_cache.memo import CachedFunction
from afml_cache.store.active import active


@dataclass(slots=True)
class Report:
    """What was kept and pinned, and what not, with the reasons."""

    files: int = 0
    pinned: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Module:
    """A module under a name that joblib has entries of."""

    name: str
    folder: Path  #: what has to be on the path
    file: Path
    functions: tuple[str, ...]


#: How often a function may be wrapped above the cache.
_LAYERS = 100
#: Seconds after which a process whose modules do not come back from their import ends itself.
_PATIENCE = 150


def pin_applied(
    root: Path,
    files: Sequence[str],
    functions: Mapping[str, Sequence[str]],
    folder: Path | None = None,
) -> Report:
    """Keep the files of a project, and pin its migrated functions.

    Parameters
    ----------
    root : Path
        The repository.
    files : sequence of str
        All its Python files, relative to the root.
    functions : mapping
        Relative path -> the qualified names of the functions that were migrated in it.
    folder : Path, optional
        Only the modules that are imported with this folder on the path. Others are imported in
        a process of their own: their modules may have the same names.

    Raises
    ------
    OSError, sqlite3.Error
        The records cannot be written.
    """
    report = Report()
    if files:
        report.files = snapshots.take(Records(active()), [root / file for file in files])
    by_folder: dict[Path, list[_Module]] = {}
    for file, names in functions.items():
        for module in _modules(root, file, names):
            by_folder.setdefault(module.folder, []).append(module)
    folders = list(by_folder) if folder is None else [folder]
    for other in folders[1:]:
        _add(report, _in_new_process(root, functions, other))
    for module in [module for here in folders[:1] for module in by_folder.get(here, ())]:
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


def _in_new_process(root: Path, functions: Mapping[str, Sequence[str]], folder: Path) -> Report:
    request = {
        "root": str(root),
        "files": [],
        "functions": {file: list(names) for file, names in functions.items()},
        "folder": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-B", "-P", "-m", "afml_cache.pin_applied"],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        return Report(**json.loads(done.stdout))
    except (ValueError, TypeError):
        return Report(failed=[f"what lies in {folder} (exit code {done.returncode})"])


def _add(report: Report, more: Report) -> None:
    report.pinned += more.pinned
    report.failed += more.failed


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
    for _ in range(_LAYERS):
        if found is None or isinstance(found, CachedFunction):
            break
        found = getattr(found, "__wrapped__", None)  # decorated once more above the cache
    if not isinstance(found, CachedFunction):
        report.failed.append(f"{module.__name__}.{name} is made while the program runs")
        return
    store = active()
    records, fingerprint = Records(store), found.fingerprint()
    values = [part for part in fingerprint.parts if not _is_code(part)]
    for folder in folders_of(found.__wrapped__, roots(store)):
        newest = max((output.stat().st_mtime for output in folder.entries()), default=0.0)
        before = pins.pins(records, folder.key)
        if not before or before[-1].at < newest:  # else its entries belong to earlier pins
            pins.pin_besides(records, folder.key, pins.rows_applied(fingerprint, values))
    report.pinned.append(found.identity)


def _is_code(name: str) -> bool:
    """Whether ``module.qualname`` is a function or a class, or made where one is decorated."""
    if "<" in name:
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


def main() -> NoReturn:
    """Read the request from the standard input, write the report to the standard output."""
    signal.alarm(_PATIENCE)  # whoever waits for the report has given up by then, and cannot end it
    answer = os.dup(1)
    os.dup2(2, 1)  # what the modules print is no part of the report
    request = json.load(sys.stdin)
    folder = Path(request["folder"]) if request.get("folder") else None
    report = pin_applied(Path(request["root"]), request["files"], request["functions"], folder)
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        json.dump(dataclasses.asdict(report), out)
    active().close()
    os._exit(0)  # what the modules have started (threads, say) is not waited for


if __name__ == "__main__":
    main()
