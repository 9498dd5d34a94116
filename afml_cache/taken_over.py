"""An old decorated function becomes the new one, for whoever holds it; also under %autoreload."""

from __future__ import annotations

import secrets
import sys
from typing import Any

from afml_cache.keys.code import Fingerprint


def tell_autoreload() -> None:
    """Have IPython's own ``%autoreload``, where it is loaded, know how this is done.

    It makes old functions the new ones in place, and knows nothing of decorated ones: those that
    a notebook has imported by name would go on running, and hitting, what they were.
    """
    extension = sys.modules.get("IPython.extensions.autoreload")
    rules = getattr(extension, "UPDATE_RULES", None)
    if isinstance(rules, list) and all(update is not take_over for _, update in rules):
        rules.append((_are_versions, take_over))


def _are_versions(old: Any, new: Any) -> bool:
    kind = type(old)
    return kind is type(new) and kind.__module__ in ("afml_cache.memo", "afml_cache.legacy")


class _BeingReplaced:
    """Stands for the code of a function while it is exchanged: nothing is served or stored."""

    def current(self) -> Fingerprint:
        return Fingerprint(
            secrets.token_bytes(16), b"", edited=("its module, which is being reloaded,",)
        )


def take_over(old: Any, new: Any) -> None:
    """Make an old decorated function the new one, for calls in all threads."""
    if not hasattr(old, "_code"):  # of @cacheable: it keeps nothing of its code but the function
        old.__dict__.update(new.__dict__)
        return
    # A call whose key is of the old code may run the new one now, or the other way round: in
    # either case it finds, when it has run, that its code is another, and stores nothing.
    old._code = _BeingReplaced()
    slots = [name for kind in type(old).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in slots:
        if name not in ("__dict__", "__weakref__", "_code"):
            setattr(old, name, getattr(new, name))
    old.__dict__.update(new.__dict__)
    old._code = new._code
