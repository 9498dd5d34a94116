"""The options of the plugin and their ini twins, and which of them go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

MODES = ("isolated", "shared", "off", "readonly", "frozen")

#: The fixtures that choose a store, and whose.
SCOPES = {"afml_cache": "test", "afml_cache_module": "module", "afml_cache_session": "session"}

#: Modes whose store is there when the run is over, so that a rate says something.
KEPT_MODES = ("shared", "readonly", "frozen")

MARKER = (
    "afml_cache(*, min_hit_rate=None, max_misses=None, only=None, mode=None): the cached calls of "
    "this test must be served from the cache at such a rate, or miss at most so often; 'only' "
    "names the functions that count, 'mode' (isolated, shared, off, readonly, frozen) the store."
)

_MODE_HELP = (
    "Which store tests use: 'isolated' (a fresh one a test, the default), 'shared' (yours), "
    "'off' (always compute), 'readonly' (yours, nothing is written), 'frozen' (as readonly, and a "
    "miss fails the test)."
)
_DIR_HELP = (
    "Keep one store in DIR for the run and between runs; implies --afml-cache-mode=shared, on DIR."
)
_RATE_HELP = (
    "Fail the run if less than this share (0.9) of the cached calls is served from a kept store."
)
_JSON_HELP = "Write the numbers of the run to FILE, also of a run that failed."


# Named tuples, since making a dataclass takes a millisecond of every start of pytest.
class Choices(NamedTuple):
    """What was asked for on the command line and in the ini file."""

    on: bool = False
    mode: str = "isolated"
    directory: Path | None = None
    min_hit_rate: float | None = None
    json: Path | None = None


def add_options(parser: pytest.Parser) -> None:
    """Declare every option with its ini twin."""
    group = parser.getgroup("afml", "afml-cache")
    group.addoption(
        "--afml-cache",
        action="store_true",
        default=None,
        help="Run every test on an isolated cache, and end with a summary of cached calls.",
    )
    group.addoption("--afml-cache-mode", choices=MODES, default=None, help=_MODE_HELP)
    group.addoption("--afml-cache-dir", metavar="DIR", default=None, help=_DIR_HELP)
    group.addoption("--afml-min-hit-rate", metavar="R", type=float, default=None, help=_RATE_HELP)
    group.addoption("--afml-cache-json", metavar="FILE", default=None, help=_JSON_HELP)
    parser.addini("afml_cache", "As --afml-cache.", type="bool", default=False)
    parser.addini("afml_cache_mode", f"As --afml-cache-mode. {_MODE_HELP}", type="string")
    parser.addini("afml_cache_dir", f"As --afml-cache-dir. {_DIR_HELP}", type="string")
    add_share(parser, "afml_min_hit_rate", f"As --afml-min-hit-rate. {_RATE_HELP}")
    parser.addini("afml_cache_json", f"As --afml-cache-json. {_JSON_HELP}", type="string")


def add_share(parser: pytest.Parser, name: str, text: str) -> None:
    """Declare an ini value that is a number; as a text where pytest has no such type yet."""
    try:
        parser.addini(name, text, type="float", default=None)
    except (AssertionError, ValueError):  # pytest before 8.4
        parser.addini(name, text, type="string")


def chosen(config: pytest.Config) -> Choices:
    """The choices of this run.

    Raises
    ------
    pytest.UsageError
        Options that do not go together, or a value out of its range.
    """
    switches = (config.getoption(name) for name in ("afml_cache", "afml_record", "afml_compare"))
    on = any(switches) or bool(config.getini("afml_cache"))
    if not on:
        names = ("afml_cache_mode", "afml_cache_dir", "afml_min_hit_rate", "afml_cache_json")
        idle = [_flag(name) for name in names if config.getoption(name) is not None]
        if idle:
            raise pytest.UsageError(
                f"{idle[0]} does nothing without --afml-cache; add it, or set afml_cache = true "
                "in the ini file"
            )
        return Choices()
    mode, directory = _value(config, "afml_cache_mode"), _value(config, "afml_cache_dir")
    rate, file = _value(config, "afml_min_hit_rate"), _value(config, "afml_cache_json")
    if mode.value is not None and mode.value not in MODES:
        raise pytest.UsageError(
            f"{mode.source} is {mode.value!r}; it can be one of {', '.join(MODES)}"
        )
    if directory.value is not None and mode.value == "isolated":
        if directory.is_flag == mode.is_flag:
            raise pytest.UsageError(
                f"{directory.source} keeps one store for the run, {mode.source}=isolated gives "
                "each test a fresh one; leave one of the two out"
            )
        if directory.is_flag:  # the command line overrides the ini file
            mode = _Value(None, mode.source, is_flag=False)
        else:
            directory = _Value(None, directory.source, is_flag=False)
    in_force = mode.value or ("isolated" if directory.value is None else "shared")
    if directory.value is not None and in_force == "off":
        raise pytest.UsageError(
            f"{directory.source} does nothing in mode 'off', where every call computes; leave one "
            "of the two out"
        )
    if rate.value is not None and not rate.is_flag and mode.is_flag and in_force not in KEPT_MODES:
        rate = _Value(None, rate.source, is_flag=False)  # the command line overrides the ini file
    return Choices(
        on=True,
        mode=in_force,
        directory=_directory(config, directory),
        min_hit_rate=_rate(rate, in_force),
        json=_path(config, file),
    )


class _Value(NamedTuple):
    value: Any
    source: str  #: as the user writes it
    is_flag: bool


def _value(config: pytest.Config, name: str) -> _Value:
    """A value and where it is from; the command line wins."""
    given = config.getoption(name)
    if given == "":  # as of a variable that is not set, in CI
        raise pytest.UsageError(f"{_flag(name)} is empty; give it a value, or leave it out")
    if given is not None:
        return _Value(given, _flag(name), is_flag=True)
    return _Value(ini_value(config, name) or None, f"the ini value {name}", is_flag=False)


def ini_value(config: pytest.Config, name: str) -> Any:
    """A value of the ini file.

    Raises
    ------
    pytest.UsageError
        It is of another type than it was declared with.
    """
    try:
        return config.getini(name)
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"the ini value {name} cannot be read: {error}") from error


def _path(config: pytest.Config, value: _Value) -> Path | None:
    """A path on the command line starts where pytest was called, one in an ini file beside it."""
    if value.value is None:
        return None
    beside = config.inipath.parent if config.inipath is not None else config.rootpath
    start = config.invocation_params.dir if value.is_flag else beside
    return start / Path(value.value).expanduser()


def _directory(config: pytest.Config, value: _Value) -> Path | None:
    path = _path(config, value)
    if path is not None and path.exists() and not path.is_dir():
        raise pytest.UsageError(f"{value.source} is {path}, which is no directory")
    return path


def _rate(given: _Value, mode: str) -> float | None:
    if given.value is None:
        return None
    try:
        rate = float(given.value)
    except ValueError:
        rate = -1.0
    if not 0.0 < rate <= 1.0:
        raise pytest.UsageError(
            f"{given.source} is {given.value}; it has to be a share above 0, at most 1, as 0.9"
        )
    if mode not in KEPT_MODES:
        raise pytest.UsageError(
            f"{given.source} needs a store that is kept, and in mode {mode!r} there is none, so "
            "the rate would always be about 0; add --afml-cache-dir=DIR, or "
            "--afml-cache-mode=shared"
        )
    return rate


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
