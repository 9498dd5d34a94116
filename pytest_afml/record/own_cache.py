"""A repository's own cache package: its decorators are watched while tests are recorded.

They are wrapped as their modules are imported, so that functions decorated with them are recorded
as those of ours are. The modules run as they would; only the names of their decorators are
bound to wrapped ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

#: The module that existing code imports its decorators from, and what these are called.
MODULE = "afml.cache"
NAMES = (
    *("cacheable", "smart_cacheable", "auto_cacheable"),
    *("robust_cacheable", "time_aware_cacheable"),
)

#: The package whose decorators tell for themselves.
_OURS = "afml_cache"


def watch_own_cache(modules: Iterable[str] = ()) -> Callable[[], None]:
    """Wrap the decorators of such modules, now or when they are imported.

    Parameters
    ----------
    modules : iterable of str
        Further modules that define decorators, beside ``afml.cache`` and those below it.

    Returns
    -------
    callable
        Has modules that are imported later left as they are.
    """
    finder = _Finder((MODULE, *modules))
    sys.meta_path.insert(0, finder)
    for name, module in list(sys.modules.items()):
        if finder.concerns(name) and isinstance(module, ModuleType):
            _wrap(module)

    def stop() -> None:
        sys.meta_path[:] = [one for one in sys.meta_path if one is not finder]

    return stop


class _Finder:
    """Finds what the others find, and has it wrapped once it has run."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._modules = modules

    def concerns(self, name: str) -> bool:
        """Whether a module may define such decorators."""
        return any(name == module or name.startswith(f"{module}.") for module in self._modules)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of another finder, with a loader that wraps."""
        if not self.concerns(name):
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec: ModuleSpec | None = find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # by its methods
                return spec
        return None


class _Loader:
    """Loads as another does, wraps, and leaves no trace of itself in the module."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = module.__spec__
        if spec is not None and spec.loader is self:
            spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        _wrap(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _wrap(module: ModuleType) -> None:
    """Wrap the decorators of a module that are of the repository."""
    from afml_cache import watched_decorator

    for name in NAMES:
        found = module.__dict__.get(name)
        if not callable(found) or isinstance(found, type):
            continue
        if not _is_ours(getattr(found, "__module__", None)):
            setattr(module, name, watched_decorator(found))


def _is_ours(module: str | None) -> bool:
    return module is not None and (module == _OURS or module.startswith(f"{_OURS}."))
