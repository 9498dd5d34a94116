"""`[tool.afml.gates]` of pyproject.toml: a limit for each gate, and how much may be measured.

    [tool.afml.gates]
    on-unsure = "warn"
    labels = 1.05
    hits = { limit = 0.3, on-unsure = "fail" }

A key is the name of a gate, unless it is one of the settings, or reads like one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from pytest_afml.gates.pairs import STEP, Effort

SECTION = "[tool.afml.gates]"
ON_UNSURE = ("warn", "fail")
SETTINGS = ("on-unsure", "max-pairs", "max-seconds", "pause-seconds")


class LimitError(ValueError):
    """The section cannot be used as it is; says which key, and what it may be."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a gate is held against."""

    limit: float  #: the most that the candidate may take of the baseline's time
    effort: Effort
    fail_if_unsure: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """All gates of a project."""

    source: Path
    by_name: Mapping[str, Limit]

    def of(self, gate: str) -> Limit:
        """The limit of a gate.

        Raises
        ------
        LimitError
            There is none of this name.
        """
        if gate in self.by_name:
            return self.by_name[gate]
        there = ", ".join(sorted(self.by_name)) or "none"
        raise LimitError(
            f"gate {gate!r} has no limit; add one under {SECTION} in {self.source}, as "
            f"{_as_key(gate)} = 1.05 (limits there: {there})"
        )


def read_limits(pyproject: Path) -> Limits:
    """The section of a pyproject.toml; a file or a section that is not there has no limits.

    Raises
    ------
    LimitError
        The file or the section is wrong.
    """
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LimitError(f"{pyproject} is not valid TOML: {error}") from error
    section: Any = document
    for key in ("tool", "afml", "gates"):
        section = section.get(key, {})
        if not isinstance(section, dict):
            raise LimitError(f"{key} of {SECTION} in {pyproject} is no table")
    return Limits(pyproject, parse_limits(section, str(pyproject)))


def parse_limits(section: Mapping[str, Any], source: str) -> dict[str, Limit]:
    """The limits of the section, by gate.

    >>> parse_limits({"labels": 1.05}, "pyproject.toml")["labels"].limit
    1.05
    """
    settings = {key: value for key, value in section.items() if key in SETTINGS}
    limits = {}
    for key, value in section.items():
        place = f"{key} under {SECTION} in {source}"
        if key in SETTINGS:
            continue
        if not isinstance(value, dict):  # a table is a gate, whatever its name
            _refuse_misspelt(key, place)
        given = value if isinstance(value, dict) else {"limit": value}
        limits[key] = _limit({**settings, **given}, place, source, set(given))
    if not limits:  # settings are checked also where there is no gate yet
        _limit({**settings, "limit": 1.0}, SECTION, source, set())
    return limits


def _refuse_misspelt(key: str, place: str) -> None:
    """A setting that is misspelt would be a gate that nobody measures."""
    plain = key.lower().replace("_", "-").replace(" ", "-")
    if plain == "limit":
        raise LimitError(f"{place} is of no gate; write the gate's name, as labels = 1.05")
    near = [setting for setting in SETTINGS if setting.startswith(f"{plain}-")]
    near += get_close_matches(plain, SETTINGS, n=1, cutoff=0.8)
    if near:
        raise LimitError(
            f"{place} is not known; write {near[0]} (if it is a gate's name: "
            f"{_as_key(key)} = {{ limit = 1.05 }})"
        )


def _limit(values: Mapping[str, Any], place: str, source: str, own: set[str]) -> Limit:
    def where(key: str) -> str:
        return f"{key} of {place}" if key in own else f"{key} under {SECTION} in {source}"

    unknown = own - {"limit", *SETTINGS}
    if unknown:
        known = ", ".join(("limit", *SETTINGS))
        raise LimitError(f"{sorted(unknown)[0]} of {place} is not known; there are {known}")
    if "limit" not in values:
        raise LimitError(f"{place} has no limit; write {{ limit = 1.05 }}")
    limit = values["limit"]
    if not _is_number(limit) or limit <= 0:
        raise LimitError(
            f"{place} is {limit!r}; a limit is a number above 0: the most that the candidate may "
            "take of the baseline's time, as 1.05"
        )
    on_unsure = values.get("on-unsure", "warn")
    if on_unsure not in ON_UNSURE:
        raise LimitError(f"{where('on-unsure')} is {on_unsure!r}; it can be 'warn' or 'fail'")
    standard = Effort()
    pairs = values.get("max-pairs", standard.max_pairs)
    if not isinstance(pairs, int) or isinstance(pairs, bool) or pairs < 2 * STEP:
        raise LimitError(f"{where('max-pairs')} is {pairs!r}; it has to be {2 * STEP} or more")
    seconds = values.get("max-seconds", standard.max_seconds)
    if not _is_number(seconds) or seconds <= 0:
        raise LimitError(f"{where('max-seconds')} is {seconds!r}; it has to be above 0")
    pause = values.get("pause-seconds", standard.pause_seconds)
    if not _is_number(pause) or pause < 0:
        raise LimitError(f"{where('pause-seconds')} is {pause!r}; it has to be 0 or more")
    effort = Effort(max_pairs=pairs, max_seconds=float(seconds), pause_seconds=float(pause))
    return Limit(float(limit), effort, fail_if_unsure=on_unsure == "fail")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _as_key(name: str) -> str:
    """A gate's name as TOML wants it.

    >>> _as_key("labels"), _as_key("warm hit")
    ('labels', '"warm hit"')
    """
    bare = name.replace("-", "").replace("_", "")
    if bare.isascii() and bare.isalnum():
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
