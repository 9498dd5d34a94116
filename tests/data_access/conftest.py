"""Every test begins with loaders that have not run."""

from __future__ import annotations

import pytest

from tests.data_access.loaders import RAN


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()
