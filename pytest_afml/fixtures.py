"""The fixtures. Importing this imports nothing but pytest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_afml.cache import AfmlCache

_NOT_TO_BE_SET = {
    "directory": "use --afml-cache-dir",
    "mode": "use --afml-cache-mode, or @pytest.mark.afml_cache(mode=...)",
    "secret": "set AFML_CACHE_SECRET",
}

_TOO_LATE = (
    "{0} was asked for while the test was running already; make it an argument of the test, or "
    "name it in @pytest.mark.usefixtures('{0}')"
)


@pytest.fixture
def afml_cache(request: pytest.FixtureRequest, _afml_cache_settings: None) -> AfmlCache:
    """The isolated cache of this test: assert hits and misses with ``afml_cache.expect(...)``.

    It reaches functions that were decorated at import time. See also ``record()``, ``hits(fn)``,
    ``misses(fn)``, ``hit_rate(fn)``, ``entries(fn)``, ``clear()`` and ``path``.
    """
    from pytest_afml.isolation import Running
    from pytest_afml.phases import RUNNING

    running: Running | None = request.node.stash.get(RUNNING, None)
    if running is None:
        pytest.fail(_TOO_LATE.format("afml_cache"), pytrace=False)
    return running.cache


@pytest.fixture(scope="module")
def afml_cache_module(request: pytest.FixtureRequest) -> AfmlCache:
    """One isolated cache for all tests of a module that ask for it; as ``afml_cache``."""
    return _wider(request)


@pytest.fixture(scope="session")
def afml_cache_session(request: pytest.FixtureRequest) -> AfmlCache:
    """One isolated cache for all tests of the session that ask for it; as ``afml_cache``.

    Under pytest-xdist, each worker is a session.
    """
    return _wider(request)


def _wider(request: pytest.FixtureRequest) -> AfmlCache:
    from pytest_afml.phases import RUN

    run = request.config.stash.get(RUN, None)
    cache = None if run is None else run.wider(request.node.nodeid)
    if run is None or cache is None or run.in_force is not cache:
        pytest.fail(_TOO_LATE.format(request.fixturename), pytrace=False)
    return cache


@pytest.fixture(scope="session")
def afml_cache_config() -> dict[str, Any]:
    """Settings for tests: override it and return what ``afml_cache.configure`` takes.

    For instance ``return {"strict": True, "size_limit": "100 MB"}``.
    """
    return {}


@pytest.fixture
def _afml_cache_settings(afml_cache_config: Mapping[str, Any]) -> Iterator[None]:
    if not afml_cache_config:
        yield
        return
    from afml_cache import ConfigurationError, use_settings

    for name, instead in _NOT_TO_BE_SET.items():
        if name in afml_cache_config:
            pytest.fail(f"afml_cache_config cannot set {name!r}; {instead}", pytrace=False)
    wrong = ""
    try:
        settings = use_settings(**afml_cache_config)
    except (TypeError, ConfigurationError) as error:
        wrong = f"afml_cache_config: {error}"
    if wrong:  # not in the handler, or it would be told twice: as the failure and its context
        pytest.fail(wrong, pytrace=False)
    with settings:
        yield
