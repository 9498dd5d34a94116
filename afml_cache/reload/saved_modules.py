"""Which loaded modules have been saved since they were loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from xxhash import xxh3_128_digest

from afml_cache.reload.whose import is_below, is_ours

#: Never reloaded: a program runs once.
_LEFT_ALONE = ("__main__", "__mp_main__")

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Saved:
    """A module whose file holds another text than the one it was loaded from."""

    module: ModuleType
    path: Path
    data: bytes
    mtime: float


@dataclass(slots=True)
class _Known:
    module: ModuleType
    signature: Signature
    digest: bytes


class WatchedModules:
    """The modules of the project, with the text that each was loaded from."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def saved(
        self,
        roots: Collection[Path],
        told: Collection[Path] = (),
        on_touched: Callable[[str, float], None] | None = None,
    ) -> list[Saved]:
        """The modules whose text is another, those imported first at the end of the imports first.

        Each is given once: from then on it counts as loaded.

        Parameters
        ----------
        roots : collection of Path
            Folders and files, resolved.
        told : collection of Path
            Files that are said to have been saved, whatever their times tell.
        on_touched : callable, optional
            Told the name of each module whose file has another time and the same text, and the
            time.
        """
        found = []
        for module, path in _modules(roots):
            try:
                status = path.stat()
                signature = status.st_mtime_ns, status.st_size, status.st_ino
                known = self._known.get(module.__name__)
                is_new = known is None or known.module is not module
                is_same = known is not None and not is_new and known.signature == signature
                if is_same and path not in told:
                    continue
                data = path.read_bytes()
            except OSError:  # an editor is replacing it, or it is gone: nothing to load
                continue
            digest = xxh3_128_digest(data)
            self._known[module.__name__] = _Known(module, signature, digest)
            if is_new:
                # It was imported meanwhile: from this text, unless that was saved afterwards.
                is_other = path in told and not _is_loaded_from(module, signature)
            else:
                is_other = known is not None and known.digest != digest
            if is_other:
                found.append(Saved(module, path, data, status.st_mtime))
            elif on_touched is not None and not is_new:
                on_touched(module.__name__, status.st_mtime)
        return found


def _modules(roots: Collection[Path]) -> Iterator[tuple[ModuleType, Path]]:
    seen = set()
    # What a module imports is entered into the table after it: in this order, what is
    # imported comes before what imports it.
    for name, module in reversed(list(sys.modules.items())):
        file = getattr(module, "__file__", None)
        if (
            not isinstance(module, ModuleType)
            or not isinstance(file, str)
            or not file.endswith(".py")
            or module.__name__ in _LEFT_ALONE
            or name in _LEFT_ALONE
            or is_ours(module.__name__)
            or sys.modules.get(module.__name__) is not module
            or id(module) in seen
        ):
            continue
        seen.add(id(module))
        path = Path(file).resolve()
        if is_below(path, roots):
            yield module, path


def _is_loaded_from(module: ModuleType, signature: Signature) -> bool:
    """Whether Python noted, as it loaded the module, the time and size that the file has now."""
    cached = getattr(module.__spec__, "cached", None)
    try:
        with open(str(cached), "rb") as file:
            head = file.read(16)
    except OSError:
        return False
    mtime, size = (int.from_bytes(head[at : at + 4], "little") for at in (8, 12))
    mask = 0xFFFFFFFF
    return (mtime, size) == (signature[0] // 10**9 & mask, signature[1] & mask)
