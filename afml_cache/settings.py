"""Where the cache lives and how it behaves.

Settings come from, last wins: the defaults here, the environment, :func:`configure`.
They are read when a cached function is *called*; changing them reaches functions that
were decorated long before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

from afml_cache.errors import ConfigurationError, NoPlaceError

Mode = Literal["on", "off", "readonly"]
PackageVersions = Literal["exact", "minor", "ignore"]
#: One path, or several.
Locations = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_SIZE_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_AGE_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


@dataclass(frozen=True, slots=True)
class Settings:
    """One consistent set of settings; replaced as a whole, never changed in place."""

    directory: Path | None = None  #: None: ``$AFML_CACHE``, else the platform's cache directory
    size_limit: int | None = None  #: bytes
    age_limit: float | None = None  #: seconds
    strict: bool = False  #: raise where the cache would otherwise warn and compute
    secret: bytes | None = field(default=None, repr=False)
    mode: Mode = "on"
    package_versions: PackageVersions = "minor"
    adopt: bool = True  #: serve what ``@cacheable`` has stored, where the code is the same
    adopt_from: tuple[Path, ...] = ()  #: joblib locations beside the store's own
    note_exact_keys: bool = False  #: note the exact key of every call under ``@cacheable``


def parse_size(size: int | float | str | None) -> int | None:
    """Bytes from ``2_000_000``, ``"2 GB"``, ``"512MiB"``; None is no limit.

    >>> parse_size("1.5 GB")
    1500000000
    """
    if size is None or isinstance(size, int | float):
        number, unit = size, ""
    else:
        number, unit = _split_unit(size, "size", "2 GB", _SIZE_UNITS)
    if number is None:
        return None
    if number <= 0:
        raise ConfigurationError(f"size limit {size!r} is not positive; give bytes or '2 GB'")
    return int(number * _SIZE_UNITS[unit])


def parse_age(age: float | str | timedelta | None) -> float | None:
    """Seconds from ``3600``, ``"30 d"``, ``timedelta(days=30)``; None is no limit.

    >>> parse_age("2 h")
    7200.0
    """
    if isinstance(age, timedelta):
        age = age.total_seconds()
    if age is None or isinstance(age, int | float):
        number, unit = age, ""
    else:
        number, unit = _split_unit(age, "age", "30 d", _AGE_UNITS)
    if number is None:
        return None
    if number <= 0:
        raise ConfigurationError(f"age {age!r} is not positive; give seconds or '30 d'")
    return float(number * _AGE_UNITS[unit])


def _split_unit(
    text: str, what: str, example: str, units: dict[str, int] | dict[str, float]
) -> tuple[float, str]:
    match = re.fullmatch(r"\s*([0-9][0-9_]*\.?[0-9]*)\s*([A-Za-z]*)\s*", text)
    unit = match[2].lower() if match else ""
    if match is None or unit not in units:
        known = ", ".join(u for u in units if u)
        raise ConfigurationError(
            f"{what} {text!r} is not understood; write it as {example!r} (units: {known})"
        )
    return float(match[1]), unit


def _from_environment() -> Settings:
    mode = os.environ.get("AFML_CACHE_MODE", "on")
    _check_choice("AFML_CACHE_MODE", mode, get_args(Mode))
    adopt = os.environ.get("AFML_CACHE_ADOPT", "on")
    _check_choice("AFML_CACHE_ADOPT", adopt, ("on", "off"))
    return Settings(mode=mode, adopt=adopt == "on")  # type: ignore[arg-type]


def _check_type(name: str, value: object, *allowed: type) -> None:
    if value is not None and not isinstance(value, (Unset, *allowed)):
        kinds = " or ".join(kind.__name__ for kind in allowed)
        raise ConfigurationError(f"{name} is {value!r}; it has to be a {kinds}, or None")


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(f"{name} is {value!r}; it can be one of {', '.join(allowed)}")


current: Settings = _from_environment()

#: Called after every change; the active store listens, so as not to be built from old settings.
on_change: list[Callable[[], None]] = []


class Unset(Enum):
    """The type of an argument that was not given, where None means something."""

    UNSET = "unset"


def configure(
    *,
    directory: str | os.PathLike[str] | Unset | None = Unset.UNSET,
    size_limit: int | str | Unset | None = Unset.UNSET,
    age_limit: float | str | timedelta | Unset | None = Unset.UNSET,
    strict: bool | Unset = Unset.UNSET,
    secret: str | bytes | Unset | None = Unset.UNSET,
    mode: Mode | Unset = Unset.UNSET,
    package_versions: PackageVersions | Unset = Unset.UNSET,
    adopt: bool | Unset = Unset.UNSET,
    adopt_from: Locations | Unset | None = Unset.UNSET,
    note_exact_keys: bool | Unset = Unset.UNSET,
) -> Settings:
    """Change some settings for this process; the others stay.

    Parameters
    ----------
    directory : path, optional
        Where the cache lives. None: ``$AFML_CACHE``, else the platform's user cache directory.
    size_limit : int or str, optional
        Bytes, or a number with a unit (``"2 GB"``). None: no limit.
    age_limit : float, str or timedelta, optional
        Seconds since an entry was last used, or ``"30 d"``. None: no limit.
    strict : bool, optional
        True: an argument without a key raises instead of being computed with a warning.
    secret : str or bytes, optional
        Seals the entries. None: ``$AFML_CACHE_SECRET``, else a file in the configuration directory.
    mode : {"on", "off", "readonly"}, optional
        "off": every call computes, nothing is read or written. "readonly": what is stored is
        served, nothing is stored, adopted, cleared or made.
    package_versions : {"minor", "exact", "ignore"}, optional
        How much of the version of an installed package counts in a key.
    adopt : bool, optional
        False: what ``@cacheable`` has stored is never served by the new decorators.
    adopt_from : path or sequence of paths, optional
        Further locations of :class:`joblib.Memory` whose entries may be adopted. Their files
        are unpickled: name only what you trust. None: no others than the store's own.
    note_exact_keys : bool, optional
        True: every call under ``@cacheable`` also notes, in ``<base>/records/``, the key that it
        would have under ``@robust_cacheable``, which tells what a migration would bring.

    Returns
    -------
    Settings
        The settings now in force.

    Raises
    ------
    ConfigurationError
        A value is out of its range; nothing has been changed.
    """
    global current
    changes: dict[str, Any] = {}
    _check_type("directory", directory, str, os.PathLike)
    _check_type("size_limit", size_limit, int, float, str)
    _check_type("age_limit", age_limit, int, float, str, timedelta)
    _check_type("secret", secret, str, bytes)
    if not isinstance(directory, Unset):
        changes["directory"] = None if directory is None else Path(directory).expanduser()
    if not isinstance(size_limit, Unset):
        changes["size_limit"] = parse_size(size_limit)
    if not isinstance(age_limit, Unset):
        changes["age_limit"] = parse_age(age_limit)
    if not isinstance(strict, Unset):
        changes["strict"] = bool(strict)
    if not isinstance(secret, Unset):
        changes["secret"] = secret.encode() if isinstance(secret, str) else secret
    if not isinstance(mode, Unset):
        _check_choice("mode", mode, get_args(Mode))
        changes["mode"] = mode
    if not isinstance(package_versions, Unset):
        _check_choice("package_versions", package_versions, get_args(PackageVersions))
        changes["package_versions"] = package_versions
    if not isinstance(adopt, Unset):
        changes["adopt"] = bool(adopt)
    if not isinstance(adopt_from, Unset):
        changes["adopt_from"] = _locations(adopt_from)
    if not isinstance(note_exact_keys, Unset):
        changes["note_exact_keys"] = bool(note_exact_keys)
    _replace(replace(current, **changes))
    return current


class UseSettings:
    """Settings in force until :meth:`close`; what :func:`use_settings` returns."""

    def __init__(self, changes: dict[str, Any]) -> None:
        self.before = current  #: what was in force
        self._named = tuple(changes)
        self.settings = configure(**changes)

    def close(self) -> None:
        """Set what was changed to what it was before; closing twice is closing once."""
        named, self._named = self._named, ()
        if named:
            _replace(replace(current, **{name: getattr(self.before, name) for name in named}))

    def __enter__(self) -> Settings:
        return self.settings

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def use_settings(**changes: Any) -> UseSettings:
    """Change some settings for a while.

    Parameters
    ----------
    **changes
        As for :func:`configure`.

    Returns
    -------
    UseSettings
        ``with use_settings(mode="off"):`` goes back at the end of the block; settings that it did
        not name stay as they are by then. Without ``with``, call its ``close()``.

    Raises
    ------
    ConfigurationError
        A value is out of its range; nothing has been changed.
    """
    return UseSettings(changes)


def restore_settings(settings: Settings) -> None:
    """Put settings in force that :func:`configure` or :func:`use_settings` has given, all of them.

    For whoever has to leave things as they were, whatever was configured meanwhile.
    """
    if settings != current:
        _replace(settings)


def _locations(named: Locations | None) -> tuple[Path, ...]:
    if named is None:
        return ()
    if not isinstance(named, str | os.PathLike | list | tuple | set | frozenset):
        raise ConfigurationError(
            f"adopt_from is {named!r}; it has to be a path, or a list of paths"
        )
    places = [named] if isinstance(named, str | os.PathLike) else list(named)
    _check_each("adopt_from", places)
    return tuple(Path(os.path.abspath(Path(place).expanduser())) for place in places)  # noqa: PTH100


def _check_each(name: str, values: list[Any]) -> None:
    for value in values:
        if not isinstance(value, str | os.PathLike):
            raise ConfigurationError(f"{name} has {value!r} in it; it can hold paths only")


def reset() -> None:
    """Forget everything that :func:`configure` set."""
    _replace(_from_environment())


def _replace(settings: Settings) -> None:
    global current
    current = settings
    for listener in on_change:
        listener()


def cache_directory() -> Path:
    """The base directory in force: configured, ``$AFML_CACHE``, or the platform's; absolute.

    Raises
    ------
    NoPlaceError
        It depends on a home or working directory that does not exist.
    """
    named: str | Path | None = current.directory or os.environ.get("AFML_CACHE")
    try:
        place = Path(named or _platforms_directory())
        return place.expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise NoPlaceError(
            f"the cache directory {str(named or '(the default)')!r} cannot be found ({error}); "
            "set AFML_CACHE or configure(directory=...) to an absolute path"
        ) from error


def _platforms_directory() -> str:
    import platformdirs

    return platformdirs.user_cache_dir("afml", appauthor=False)


__all__ = [
    "Mode",
    "PackageVersions",
    "Settings",
    "cache_directory",
    "configure",
    "parse_age",
    "parse_size",
    "reset",
    "restore_settings",
    "use_settings",
]
