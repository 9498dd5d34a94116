"""The benchmarks run on their own, each arm in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Behind everything else: one of the benchmarks is called as the package `codemods`.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the benchmarks out of the user's configuration."""
    monkeypatch.setenv("AFML_CACHE_SECRET", "benchmarks")
