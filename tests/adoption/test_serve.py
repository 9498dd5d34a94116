"""A fault in looking for an older result costs a computation and nothing else."""

from __future__ import annotations

import pytest

from afml_cache import CacheWarning, cacheable, robust_cacheable
from afml_cache.adoption import look
from afml_cache.store.store import Store


def doubled(n: int) -> int:
    return 2 * n


def test_a_lookup_that_fails_is_told_and_the_call_is_computed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cacheable(doubled)(3)
    migrated = robust_cacheable(doubled)

    def fail(*_: object) -> None:
        raise LookupError("of ours")

    monkeypatch.setattr(look, "_find", fail)
    with pytest.warns(CacheWarning, match=r"not adopted, since .* \(LookupError: of ours\)"):
        assert migrated(3) == 6
    assert migrated(3) == 6
    info = migrated.cache_info()
    # One of the two was that of @cacheable: counts go by the function's identity.
    assert (info.hits, info.adopted, info.computed) == (1, 0, 2)
