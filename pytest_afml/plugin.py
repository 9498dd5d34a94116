"""The pytest plugin of afml-cache: its table of contents.

Options are declared in `options`, stores put in force in `isolation`, what happens around a test
is in `phases`, the fixtures in `fixtures`, the numbers of the run in `summary`; recordings are in
`record`, compatibility checks and benchmark gates are plugins of their own. Installed but unused it
costs next to nothing: whatever imports afml_cache is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest

from pytest_afml import options
from pytest_afml.fixtures import (
    _afml_cache_settings,
    afml_cache,
    afml_cache_config,
    afml_cache_module,
    afml_cache_session,
)
from pytest_afml.options import SCOPES, Choices
from pytest_afml.record import plugin as record

__all__ = [
    "_afml_cache_settings",
    "afml_cache",
    "afml_cache_config",
    "afml_cache_module",
    "afml_cache_session",
]

#: Parts with hooks and fixtures of their own, registered by pytest along with this one.
pytest_plugins = ("pytest_afml.compat.plugin", "pytest_afml.gates.plugin")

T = TypeVar("T")

CHOICES = pytest.StashKey[Choices]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins; the parts declare their own."""
    options.add_options(parser)
    record.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Have a repository's own cache watched from its first import, where calls are recorded."""
    record.watch_own_cache(early_config)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options; register what only ``--afml-cache`` needs."""
    config.addinivalue_line("markers", options.MARKER)
    choices = config.stash[CHOICES] = options.chosen(config)
    record.configure(config, choices.mode)
    if not choices.on:
        return
    from pytest_afml import every_test
    from pytest_afml.phases import run_of

    config.pluginmanager.register(every_test, "afml_every_test")
    if not hasattr(config, "workerinput"):  # the numbers of xdist's workers arrive with reports
        from pytest_afml.summary import Summary

        config.pluginmanager.register(Summary(config, choices), "afml_summary")
    run_of(config, choices).start()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put ``afml_cache_config`` in force for every test that the plugin has to do with."""
    for item in items:
        if isinstance(item, pytest.Function) and _takes_part(item):
            names = item.fixturenames
            if "_afml_cache_settings" not in names:
                names.insert(0, "_afml_cache_settings")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Put the test on its store, before its fixtures are made."""
    if _takes_part(item):
        from pytest_afml import phases

        phases.begin(item, item.config.stash[CHOICES])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, T, T]:
    """Hold its calls against its marker."""
    if _takes_part(item):
        from pytest_afml import phases

        return (yield from phases.around_call(item))
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, T, T]:
    """Go back to the store from before."""
    if _takes_part(item):
        from pytest_afml import phases

        phases.begin_teardown(item)
    try:
        return (yield)
    finally:
        if _takes_part(item):
            from pytest_afml import phases

            phases.end(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the numbers of a phase along with its report."""
    report = yield
    if _takes_part(item):
        from pytest_afml import phases

        phases.add_numbers(item, report)
    return report


def _takes_part(item: pytest.Item) -> bool:
    """Whether the plugin has anything to do with a test."""
    return (
        item.config.stash[CHOICES].on
        or not SCOPES.keys().isdisjoint(getattr(item, "fixturenames", ()))
        or item.get_closest_marker("afml_cache") is not None
    )
