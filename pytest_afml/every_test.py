"""A plugin that is registered by ``--afml-cache`` only: its fixture is for every test."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _afml_cache_every_test(_afml_cache_settings: None) -> None:
    """Put the settings of ``afml_cache_config`` in force."""
