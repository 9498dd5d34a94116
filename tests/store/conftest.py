"""What the tests of the store share: claims, stores that are closed, warnings that are kept."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from afml_cache.errors import CacheWarning
from afml_cache.store.store import Claim, Store

SECRET = b"a secret of at least thirty-two bytes"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The directory of the store under test; it does not exist yet."""
    return tmp_path / "base"


@pytest.fixture
def open_store(base: Path) -> Iterator[Callable[..., Store]]:
    """Open a store in ``base`` (or elsewhere); closed when the test ends."""
    opened: list[Store] = []

    def open_(directory: Path = base, *, secret: bytes | None = SECRET, **options: Any) -> Store:
        opened.append(Store(directory, secret=secret, **options))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def told() -> Iterator[Callable[[], list[str]]]:
    """The cache's warnings so far, instead of the errors they are in other tests."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")

        def messages() -> list[str]:
            return [str(item.message) for item in caught if item.category is CacheWarning]

        yield messages


@pytest.fixture
def digest() -> Callable[[object], bytes]:
    """A digest of 16 bytes for a name."""

    def make(name: object) -> bytes:
        return hashlib.blake2b(repr(name).encode(), digest_size=16).digest()

    return make


@pytest.fixture
def claim() -> Callable[..., Claim]:
    """A claim, all of whose fields may be changed."""

    def make(function: str = "module.function", **fields: Any) -> Claim:
        fields = {
            "code": b"c" * 16,
            "environment": b"e" * 16,
            "arguments": b"a" * 16,
            "description": {"x": {"type": "int"}},
            "seconds": 1.0,
        } | fields
        return Claim(function, **fields)

    return make
