"""Our own gates: what CI holds on every change, each against the peer beside it.

Their limits are in pyproject.toml under ``[tool.afml.gates]``. What is measured, and what we aim
at, is in `table.py` and ``RESULTS.md``; a limit here is what no change may go beyond.

    pytest benchmarks/test_gates.py --afml-gates=require
"""

from __future__ import annotations

import importlib
import inspect
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import arms
import joblib
import libcst
import pytest

from afml_cache import cacheable, content_key, notices, robust_cacheable, use_store
from afml_cache.attempt import Options
from afml_cache.keys.call import CallKey
from afml_cache.memo import CachedFunction
from afml_cache.results import is_entering, result_watchers
from afml_cache.store.active import active
from afml_cache.store.store import Missing, Store
from afml_cache.watching import watchers
from codemods.plan import plan
from pytest_afml import AfmlGate

#: A hundred calls in turn: nobody shall be fast by remembering just the last one.
CALLS = [(i, i + 1) for i in range(100)]


@pytest.mark.parametrize("peer", ["joblib", "diskcache"])
def test_a_warm_hit_on_two_scalars(afml_gate: AfmlGate, tmp_path: Path, peer: str) -> None:
    with ExitStack() as stack:
        ours = stack.enter_context(arms.cached_by("afml_cache", arms.add, tmp_path))
        theirs = stack.enter_context(arms.cached_by(peer, arms.add, tmp_path))
        afml_gate(
            f"hit on scalars, against {peer}",
            candidate=lambda: [ours(x, y) for x, y in CALLS],
            baseline=lambda: [theirs(x, y) for x, y in CALLS],
        )
        assert ours.cache_info().computed == len(CALLS)  # all that was measured were hits


@pytest.mark.parametrize("peer", ["joblib", "diskcache"])
def test_a_warm_hit_on_a_frame(afml_gate: AfmlGate, tmp_path: Path, peer: str) -> None:
    frame = arms.middle_frame()
    with ExitStack() as stack:
        ours = stack.enter_context(arms.cached_by("afml_cache", arms.total, tmp_path))
        theirs = stack.enter_context(arms.cached_by(peer, arms.total, tmp_path))
        afml_gate(
            f"hit on a frame, against {peer}",
            candidate=lambda: ours(frame),
            baseline=lambda: theirs(frame),
        )
        assert ours.cache_info().computed == 1


def test_the_key_of_a_large_frame(afml_gate: AfmlGate) -> None:
    frame = arms.big_frame()
    afml_gate(
        "key of a large frame, against joblib.hash",
        candidate=lambda: content_key(frame),
        baseline=lambda: joblib.hash(frame),
        same=are_digests,
    )


def test_timing_hits_for_the_statistics(afml_gate: AfmlGate, tmp_path: Path) -> None:
    with ExitStack() as stack:
        timed = stack.enter_context(arms.cached_by("afml_cache", arms.add, tmp_path / "timed"))
        untimed = Untimed(arms.add, Options())
        afml_gate(
            "hit that is timed, against one that is not",
            candidate=lambda: [timed(x, y) for x, y in CALLS],
            baseline=lambda: [untimed(x, y) for x, y in CALLS],
        )
        assert timed.cache_info().computed == len(CALLS)  # all that was measured were hits


class Untimed(CachedFunction[[int, int], int]):
    """The path of a hit without its two looks at the clock."""

    __slots__ = ()

    def __call__(self, *args: int, **kwargs: int) -> int:  # type: ignore[override]
        if result_watchers and not is_entering(self):
            raise AssertionError("nobody watches")
        if self._is_async:
            raise AssertionError("it is no coroutine")
        key = self._key(args, kwargs)
        if key is None:
            raise AssertionError("the call has a key")
        store = active()
        found = store.get(key.digest)
        if type(found) is Missing or (self._options.ttl is not None and self._is_old(store, key)):
            return super().__call__(*args, **kwargs)
        self._count_hit(store, key)
        return found  # type: ignore[no-any-return]

    def _count_hit(self, store: Store, key: CallKey, took: float = 0.0) -> None:
        last = self._last_tally
        if last is None or last[0] is not store:
            last = self._last_tally = (store, store.tally(self._identity))
        last[1].hits += 1
        if watchers or notices.audible():
            raise AssertionError("nobody watches")


def test_the_new_decorator_against_the_old_one(afml_gate: AfmlGate, tmp_path: Path) -> None:
    frame = arms.middle_frame()
    with use_store(tmp_path):
        old, new = cacheable(arms.add), robust_cacheable(arms.add)
        old_of_frame, new_of_frame = cacheable(arms.total), robust_cacheable(arms.total)
        afml_gate(
            "robust, against @cacheable",
            candidate=lambda: [*(new(x, y) for x, y in CALLS[:10]), new_of_frame(frame)],
            baseline=lambda: [*(old(x, y) for x, y in CALLS[:10]), old_of_frame(frame)],
        )
        assert new_of_frame.cache_info().hits > 0
        assert old_of_frame.cache_info().hits > 0


def test_the_codemod_against_a_plain_parse(afml_gate: AfmlGate) -> None:
    files = [_using_the_cache(name) for name in ("heapq", "shlex", "textwrap")]
    afml_gate(
        "codemod, against LibCST",
        candidate=lambda: [plan(data).carry_out(data) for data in files],
        baseline=lambda: [libcst.parse_module(data).code.encode() for data in files],
        same=are_migrated,
    )


def are_digests(ours: str, theirs: str) -> bool:
    """Two hashes of one value are never equal; both have 128 bits."""
    return len(bytes.fromhex(ours)) == len(bytes.fromhex(theirs)) == 16


def are_migrated(ours: list[bytes], theirs: list[bytes]) -> bool:
    """Nothing but the decorators differs."""
    back = [data.replace(b"robust_cacheable", b"cacheable") for data in ours]
    return back == theirs != ours


def _using_the_cache(module: str) -> bytes:
    """A file of the standard library, with three decorated functions at its end."""
    source: Any = inspect.getsource(importlib.import_module(module))
    functions = "".join(
        f"\n\n@cacheable\ndef labels_{number}(horizon):\n    return horizon + {number}\n"
        for number in range(3)
    )
    return f"from afml.cache import cacheable\n{source}{functions}".encode()
