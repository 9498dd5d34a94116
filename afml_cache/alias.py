"""Makes ``afml.cache.X`` and ``afml_cache.X`` one module object, whichever is imported first.

Without this, ``import afml.cache.legacy`` would run ``legacy.py`` a second time under its other
name, and each copy would have its own classes, settings and counters.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

ALIAS = "afml.cache"
TRUE_NAME = "afml_cache"


class AliasFinder:
    """Answers imports of ``afml.cache.X`` with the module ``afml_cache.X``.

    A finder and a loader by its methods; the abstract classes would cost more to import than
    everything else that ``import afml_cache`` does.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        # Only while `afml.cache` is ours: a repository's own `afml/cache` keeps its submodules.
        if not fullname.startswith(f"{ALIAS}."):
            return None
        if sys.modules.get(ALIAS) is not sys.modules.get(TRUE_NAME):
            return None
        return self.spec_of(fullname)

    def spec_of(self, fullname: str) -> ModuleSpec | None:
        """A spec that leads to the true module, or None where there is none."""
        if _true_spec(fullname) is None:
            return None
        return ModuleSpec(fullname, self)  # type: ignore[arg-type]  # by its methods

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(_true_name(spec.name))
        # The import system now writes the alias's spec onto the module: remember its own.
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The module ran under its own name; only its spec has to be put back.
        spec: Any = module.__spec__
        if spec is not None and spec.loader is self:
            module.__spec__ = spec.loader_state

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the true module, for ``python -m afml.cache.X``."""
        spec = _true_spec(fullname)
        get_code = getattr(spec.loader if spec else None, "get_code", None)
        return get_code(_true_name(fullname)) if get_code else None


class FallbackFinder(AliasFinder):
    """Answers ``afml.cache`` itself where a repository's own ``afml`` package has no ``cache``."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        return self.spec_of(fullname) if fullname == ALIAS else None


def _true_name(fullname: str) -> str:
    return TRUE_NAME + fullname[len(ALIAS) :]


def _true_spec(fullname: str) -> ModuleSpec | None:
    from importlib.util import find_spec

    return find_spec(_true_name(fullname))


def install() -> None:
    """Put the finders in place, once: one before all others, the fallback after them."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder())
        sys.meta_path.append(FallbackFinder())
