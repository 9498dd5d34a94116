"""Stores of one's own for a check: nothing of the user's, and nothing of the test's, is touched."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_afml.environment import Environment


@contextmanager
def fresh_store() -> Iterator[Path]:
    """An empty store in force for a while, gone at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="afml-compat-", ignore_cleanup_errors=True) as name,
        store_at(Path(name) / "store") as folder,
    ):
        yield folder


@contextmanager
def store_at(folder: Path, **settings: Any) -> Iterator[Path]:
    """A store in force for a while, also for processes that are started meanwhile.

    Parameters
    ----------
    folder : path
        A directory that somebody else throws away.
    **settings
        As for ``afml_cache.use_settings``; nothing is adopted unless they say so.
    """
    from afml_cache import use_settings, use_store

    chosen = {"mode": "on", "adopt": False, "adopt_from": None, **settings}
    environment = Environment({"AFML_CACHE": str(folder), "AFML_CACHE_MODE": "on"})
    try:
        with use_settings(**chosen), use_store(folder, durable=False):
            yield folder
    finally:
        environment.close()


@contextmanager
def no_store() -> Iterator[None]:
    """The cache switched off for a while: what is called is computed."""
    from afml_cache import use_settings

    environment = Environment({"AFML_CACHE_MODE": "off"})
    try:
        with use_settings(mode="off"):
            yield
    finally:
        environment.close()
