"""What is installed, and what the environment says: imports, extras, the mode."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from afml_cache.doctor import environment
from afml_cache.doctor.finding import Finding
from afml_cache.project_imports import ProjectImportError, import_project_module

#: Module -> extra, and what does not work without it.
EXTRAS = {
    "pyarrow": ("parquet", "reports as .parquet cannot be written"),
    "watchfiles": ("reload", "setup_auto_reloading() and jupyter_auto_setup() cannot be used"),
    "sklearn": ("ml", "fitted estimators cannot be arguments"),
    "mlflow": ("mlflow", "runs cannot be tracked with MLflow"),
}
#: What the migration guide imports first.
_NAMES = ("cacheable", "robust_cacheable", "time_aware_cacheable", "get_cache_monitor")


def imports(_: Path) -> Iterator[Finding]:
    """Whether ``afml.cache`` offers the decorators, under which existing code imports them."""
    try:
        module = import_project_module("afml.cache")
    except ProjectImportError as error:
        yield Finding(
            "imports",
            "error",
            f"`import afml.cache` fails ({error})",
            "A package `afml` of your own comes first: import afml_cache before it, or have "
            "`afml-codemod adopt-init` add the names to its cache/__init__.py.",
            for_others=f"`import afml.cache` fails ({error.kind})",
        )
        return
    missing = [name for name in _NAMES if not hasattr(module, name)]
    if missing:
        yield Finding(
            "imports",
            "error",
            f"afml.cache ({getattr(module, '__file__', None)}) has no {', '.join(missing)}",
            "It is a package of your own: run `afml-codemod adopt-init`, which adds the names.",
        )


def extras(_: Path) -> Iterator[Finding]:
    """Which optional packages are not installed."""
    for module, (extra, without) in EXTRAS.items():
        if find_spec(module) is None:
            yield Finding(
                "extras",
                "note",
                f"{module} is not installed: {without}",
                f"If you need it: pip install 'afml-cache[{extra}]'.",
            )


def mode(_: Path) -> Iterator[Finding]:
    """Whether the environment keeps the cache from being used."""
    for what in environment.REFUSED:
        remedy = "Set it to one of them, or unset it: no program can use the cache until then."
        yield Finding("mode", "error", what, remedy)
    found = os.environ.get("AFML_CACHE_MODE", "on")
    if found == "off":
        what, remedy = "AFML_CACHE_MODE=off: nothing is cached", "Unset AFML_CACHE_MODE."
        yield Finding("mode", "warning", what, remedy)
    if found == "readonly":
        yield Finding(
            "mode",
            "note",
            "AFML_CACHE_MODE=readonly: results are served, and none are stored",
            "Unset AFML_CACHE_MODE where results shall be stored.",
        )
