"""``[tool.afml-codemod]`` in ``pyproject.toml``: what one sets once for a repository.

The command line has the last word. What is misspelled is an error: a pattern that is silently
ignored would migrate what somebody asked to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codemods.overrule import Overrules
from codemods.rules import TARGETS, Rules

FILE = "pyproject.toml"
TABLE = "[tool.afml-codemod]"


class ConfigError(Exception):
    """The settings of a repository cannot be used; the message names the key."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of a repository; None where it sets nothing."""

    to: str | None = None  #: a key of TARGETS
    overrules: Overrules = field(default_factory=Overrules)
    exclude: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    min_calls: int | None = None
    max_hit_rate: float | None = None

    def rules(
        self, to: str | None = None, sources: Iterable[str] = (), *, call_forms: bool = False
    ) -> Rules:
        """The rules that follow, with what the command line says on top.

        Parameters
        ----------
        to : str, optional
            A key of TARGETS, or the name of a decorator. Where it is not "auto", it overrules the
            patterns for robust and time-aware, too.
        sources : iterable of str
            Further source modules.
        call_forms : bool
            Rewrite direct applications too.
        """
        more = tuple(dict.fromkeys((*self.sources, *sources)))
        named = None if to is None else TARGETS.get(to, to)
        if named is not None:
            keep = Overrules(keep=self.overrules.keep)
            return Rules(named, more, call_forms=call_forms, overrules=keep)
        asked = f"asked for by `to` in {FILE}"
        target = TARGETS[to or self.to or "auto"]
        return Rules(target, more, call_forms=call_forms, asked=asked, overrules=self.overrules)


def read_config(root: Path) -> Config:
    """The settings of the repository at ``root``; the default ones where it has none.

    Raises
    ------
    ConfigError
        The file cannot be read, or a key or a value is not one of those that are known.
    """
    file = root / FILE
    try:
        data = file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return Config()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error
    if b"afml-codemod" not in data:
        return Config()
    import tomllib

    try:
        found = tomllib.loads(data.decode())
    except ValueError as error:
        raise ConfigError(f"{file} is no TOML ({error}); mend it") from error
    tool = found.get("tool")
    table = tool.get("afml-codemod", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: tool.afml-codemod is no table; write {TABLE}")
    return _understood(file, table)


def wrong_module(source: str) -> str | None:
    """What is wrong with the name of a source module, if anything is."""
    if all(part.isidentifier() for part in source.split(".")):
        return None
    return f"{source!r} is no module name; write it as an import does"


def _understood(file: Path, table: dict[str, Any]) -> Config:
    values: dict[str, Any] = {}
    for key, value in table.items():
        usual = next((name for name in _KEYS if _same(name, key)), None)
        if usual is None:
            raise ConfigError(
                f"{file}: {TABLE} has no key {key!r}; it takes {', '.join(sorted(_KEYS))}"
            )
        if usual in values:
            raise ConfigError(f"{file}: {TABLE} sets {usual} twice; leave one")
        expected, understand = _KEYS[usual]
        values[usual] = understand(value)
        if values[usual] is None:
            raise ConfigError(f"{file}: {key} in {TABLE} is {value!r}; it takes {expected}")
    for source in values.get("source-modules", ()):
        wrong = wrong_module(source)
        if wrong is not None:
            raise ConfigError(f"{file}: source-modules in {TABLE}: {wrong}")
    lists = {name: values.get(name, ()) for name in ("keep", "robust", "time_aware")}
    return Config(
        values.get("to"),
        Overrules(**lists),
        values.get("exclude", ()),
        values.get("source-modules", ()),
        values.get("min-calls"),
        values.get("max-hit-rate"),
    )


def _same(name: str, key: str) -> bool:
    """``time-aware`` is ``time_aware``: nobody remembers which it is."""
    return name.replace("-", "_") == key.replace("-", "_")


def _target(value: object) -> str | None:
    return value if isinstance(value, str) and value in TARGETS else None


def _texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, list) and all(isinstance(text, str) and text for text in value):
        return tuple(value)
    return None


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count and isinstance(value, int) else None


def _share(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


_PATTERNS = ('a list of patterns, such as ["quant.labels", "research/*"]', _texts)
_KEYS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "to": (" or ".join(f'"{target}"' for target in TARGETS), _target),
    "keep": _PATTERNS,
    "robust": _PATTERNS,
    "time_aware": _PATTERNS,
    "exclude": ('a list of paths, such as ["vendor", "*/generated/*"]', _texts),
    "source-modules": ('a list of modules, such as ["quant.caching"]', _texts),
    "min-calls": ("a count, such as 10", _count),
    "max-hit-rate": ("a share from 0 to 1, such as 0.5", _share),
}
