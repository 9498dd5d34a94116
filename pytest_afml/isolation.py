"""Which store is in force, for the run and for each test, and back again.

A fresh store is a name and nothing else until a cached function is called. It is found through
`afml_cache.use_store`, so functions that were decorated at import time are reached, and through
the environment, so the processes that a test starts are reached.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_afml.cache import AfmlCache
from pytest_afml.environment import Environment
from pytest_afml.limits import LimitError, Limits, marker_limits
from pytest_afml.numbers import Numbers
from pytest_afml.options import KEPT_MODES, SCOPES, Choices
from pytest_afml.wording import frozen_miss

if TYPE_CHECKING:
    from afml_cache import Settings, WatchedCall

_VARIABLES = ("AFML_CACHE", "AFML_CACHE_SECRET", "AFML_CACHE_MODE")
_SETTING = {"isolated": "on", "shared": "on", "off": "off", "readonly": "readonly"}
_SETTING["frozen"] = "readonly"


@dataclass
class Running:
    """One test on its way."""

    mode: str
    limits: Limits
    cache: AfmlCache
    numbers: Numbers = field(default_factory=Numbers)  #: of the phase that runs
    refused: list[str] = field(default_factory=list)  #: misses in mode frozen, in words
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def is_kept(self) -> bool:
        """Whether its store outlives it."""
        return self.mode in KEPT_MODES

    def count(self, call: WatchedCall) -> None:
        """Count a call, and refuse it where it must not be computed."""
        self.numbers.count(call)
        self.cache.count(call)
        if self.mode == "frozen" and not call.was_served:
            why = frozen_miss(call, _place_of_the_call())
            self.refused.append(why)
            failure = pytest.fail.Exception(why, pytrace=False)
            failure.__suppress_context__ = True  # the cache may be handling an error of its own
            raise failure


class Run:
    """The stores of one run."""

    def __init__(self, config: pytest.Config, choices: Choices) -> None:
        self._config = config
        self._choices = choices
        self._folder: Path | None = None
        self._secret = secrets.token_hex(32)
        self._numbers = count(1)
        self._wider: dict[str, AfmlCache] = {}
        self.in_force: AfmlCache | None = None  #: of the test that runs
        #: From before the run put a store of its own in force.
        self._own_settings: Settings | None = None
        self._own_environment: dict[str, str | None] = {}

    def start(self) -> None:
        """Put the store of the run in force, for what is called before and between tests."""
        if not self._choices.on:
            return
        stack = ExitStack()
        self._config.add_cleanup(stack.close)
        self._enter(stack, self._choices.mode, self._store_of(self._choices.mode))

    def running(self, item: pytest.Item) -> Running:
        """Put the store of a test in force.

        Raises
        ------
        LimitError
            The test asks for what cannot be.
        """
        marks = list(item.iter_markers("afml_cache"))
        fixtures = [name for name in SCOPES if name in getattr(item, "fixturenames", ())]
        arguments: dict[str, object] = {}
        for mark in reversed(marks):  # the one next to the test wins
            marker_limits(mark.kwargs, mark.args)
            arguments.update(mark.kwargs)
        if len(fixtures) > 1:
            raise LimitError(
                f"the test asks for {' and '.join(fixtures)}, but it runs on one store; leave one "
                "of them out"
            )
        mode = str(arguments.get("mode") or ("isolated" if fixtures else self._default_mode()))
        scope = SCOPES[fixtures[0]] if fixtures else "test"
        if scope != "test" and mode != "isolated":
            raise LimitError(
                f"{fixtures[0]} is an isolated cache, and the marker asks for mode {mode!r}; leave "
                "one of the two out, or use afml_cache"
            )
        cache = self._cache(item, mode, scope)
        running = Running(mode, marker_limits(arguments), cache)
        self.in_force = cache
        is_fresh = mode == "isolated" and scope == "test"
        if is_fresh:
            running.stack.callback(shutil.rmtree, cache.path, ignore_errors=True)
        folder = cache.path if mode == "isolated" else self._store_of(mode)
        self._enter(running.stack, mode, folder)
        from afml_cache import watch_calls

        watch = watch_calls(running.count, explain=mode == "frozen")
        running.stack.callback(watch.close)
        return running

    def wider(self, key: str) -> AfmlCache:
        """The cache of a module or of the session, by the node's id."""
        if key not in self._wider:
            self._wider[key] = AfmlCache(self._fresh(), "isolated")
        return self._wider[key]

    def _default_mode(self) -> str:
        return self._choices.mode if self._choices.on else "isolated"

    def _cache(self, item: pytest.Item, mode: str, scope: str) -> AfmlCache:
        if mode == "isolated":
            if scope == "test":
                return AfmlCache(self._fresh(), mode)
            node = item.getparent(pytest.Module if scope == "module" else pytest.Session)
            return self.wider((node or item.session).nodeid)
        return AfmlCache(self._store_of(mode), mode)

    def _fresh(self) -> Path:
        """A directory that does not exist, and is made by the first call that needs it."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="afml-cache-"))
            self._config.add_cleanup(lambda: shutil.rmtree(str(self._folder), ignore_errors=True))
        return self._folder / str(next(self._numbers))

    def _store_of(self, mode: str) -> Path | None:
        """The directory of a mode; None: the user's own, as if there were no plugin."""
        return self._fresh() if mode in ("isolated", "off") else self._choices.directory

    def _enter(self, stack: ExitStack, mode: str, folder: Path | None) -> None:
        """Put a store in force until ``stack`` is closed."""
        from afml_cache import forget_causes, use_settings, use_store

        forget_causes()  # what one test was warned of, the next is warned of again
        changes: dict[str, object] = {"mode": _SETTING[mode]}
        variables: dict[str, str | None] = {"AFML_CACHE_MODE": _SETTING[mode]}
        if mode in ("isolated", "off"):
            changes["adopt_from"] = None
            variables["AFML_CACHE_SECRET"] = self._secret
        elif self._own_settings is not None:
            changes["adopt_from"] = self._own_settings.adopt_from
            variables |= {name: self._own_environment[name] for name in _VARIABLES[:2]}
        if folder is not None:
            variables["AFML_CACHE"] = str(folder)
        environment = Environment(
            {name: variables[name] for name in _VARIABLES if name in variables}
        )
        stack.callback(environment.close)
        settings = use_settings(**changes)
        stack.callback(settings.close)
        if self._own_settings is None and mode in ("isolated", "off"):
            self._own_settings = settings.before
            self._own_environment = {**dict.fromkeys(_VARIABLES), **environment.before}
        if folder is None and self._choices.on and self._choices.mode in ("isolated", "off"):
            from afml_cache import cache_directory

            folder = cache_directory()  # the store of the run is in force, and is not the user's
        if folder is not None:
            is_thrown_away = mode == "isolated"
            stack.callback(use_store(folder, durable=not is_thrown_away).close)


def _place_of_the_call() -> str:
    """``file:line`` of the line that called a cached function."""
    import afml_cache

    ours = tuple(f"{Path(file).parent}{os.sep}" for file in (afml_cache.__file__, __file__))
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(ours):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
