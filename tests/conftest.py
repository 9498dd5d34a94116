"""Every test gets a store and a configuration directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from afml_cache import cacheable_functions, notices, settings
from afml_cache.store.active import use_store
from afml_cache.store.store import Store

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The active store of this test: fresh, in its temporary folder."""
    base = tmp_path / "cache"
    monkeypatch.setenv("AFML_CACHE", str(base))  # for the processes that the test starts
    monkeypatch.setenv("AFML_CACHE_SECRET", "the tests' secret")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("AFML_CACHE_MODE", raising=False)
    notices.forget_causes()
    settings.reset()
    with use_store(base) as active:
        yield active
    settings.reset()


@pytest.fixture
def only_functions_of_this_module(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process has decorated no others; thousands of other tests' take seconds to look at."""
    mine = {
        number: held
        for number, held in cacheable_functions._decorated.items()
        if (cached := held()) is not None and cached.__module__ == request.module.__name__
    }
    monkeypatch.setattr(cacheable_functions, "_decorated", mine)


@pytest.fixture
def run_python(tmp_path: Path, store: Store) -> Callable[..., str]:
    """Run a script in a new Python on this test's store; returns what it printed."""

    def run(source: str, *args: str, name: str = "script.py", **environment: str) -> str:
        # Else a thread of this process writes them while the script counts what it does itself.
        store.flush()
        script = tmp_path / name
        script.write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, str(script), *args],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def start_python(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a script in a new Python on this test's store; killed when the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str, *args: str, name: str = "script.py") -> subprocess.Popen[str]:
        script = tmp_path / name
        if not script.exists():  # the same script may be starting already
            script.write_text(textwrap.dedent(source))
        process = subprocess.Popen(
            [sys.executable, str(script), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
