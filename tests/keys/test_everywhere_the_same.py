"""One value, one key: in every process, thread and order of construction, at any depth."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afml_cache.keys import content, graph
from afml_cache.keys.content import content_key, describe, digest

PROGRAM = textwrap.dedent(
    """
    import collections, datetime, enum, functools, json, sys
    import numpy as np, pandas as pd
    from afml_cache.keys.content import content_key

    class Strategy:
        def __init__(self, **parameters):
            self.__dict__.update(parameters)

    class Side(enum.Enum):
        LONG = 1

    def make(window):
        def signal(prices, *, fee=0.1, names=frozenset({"a", "b", "c"})):
            return prices.rolling(window).mean() - fee if names else Strategy
        return signal

    words = [f"word{i}" for i in range(50)]
    cycle = Strategy(name="x"); cycle.me = {"again": [cycle]}
    values = {
        "set": set(words), "frozensets": {frozenset(words[i:i + 3]) for i in range(40)},
        "dict": {w: {w} for w in words}, "object": Strategy(b={1, "1"}, a=None),
        "enum": {Side.LONG: Side}, "function": make(3), "lambda": lambda x: x + 1,
        "partial": functools.partial(make(4), fee=2), "cycle": cycle, "class": Strategy,
        "method": Strategy(a=1).__init__, "builtin": [len, str.upper, np.add, np.mean],
        "frame": pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series(["x", None], dtype=object)}),
        "index": pd.MultiIndex.from_product([words[:3], [1, 2]]),
        "array": np.arange(300_000.0).reshape(3, -1).T, "rng": np.random.default_rng(1),
        "when": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
    }
    print(json.dumps({name: content_key(value) for name, value in values.items()}))
    """
)


def run(path: Any, hash_seed: str, *, spawned: bool = False) -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_three_processes_with_three_hash_seeds_agree(tmp_path: Any) -> None:
    path = tmp_path / "study.py"
    path.write_text(PROGRAM)
    first, *others = (run(path, seed) for seed in ("0", "1", "4321"))
    assert len(set(first.values())) == len(first)
    assert all(other == first for other in others)


def values() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    big = rng.standard_normal((600_000, 2))
    return {
        "frame": pd.DataFrame(big),
        "columns": pd.DataFrame({"a": big[:, 0].copy(), "b": big[:, 1].copy()}),
        "strings": pd.Series([f"s{i}" for i in range(100_000)]),
        "array": big.T,
        "objects": [{"a": i, "b": [i]} for i in range(500)],
    }


def test_threads_agree() -> None:
    made = values()
    expected = {name: content_key(value) for name, value in made.items()}
    barrier = threading.Barrier(4)

    def ask(_: int) -> dict[str, str]:
        barrier.wait()
        return {name: content_key(value) for name, value in made.items()}

    with ThreadPoolExecutor(4) as pool:
        assert all(found == expected for found in pool.map(ask, range(4)))


@pytest.mark.parametrize("helpers", [0, 1, 3])
def test_the_number_of_threads_does_not_change_a_digest(
    helpers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from afml_cache.keys import blocks

    made = values()
    expected = {name: content_key(value) for name, value in made.items()}
    monkeypatch.setattr(blocks, "_helpers", lambda: helpers)
    assert {name: content_key(value) for name, value in made.items()} == expected


def test_a_failure_in_a_helping_thread_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    from afml_cache.keys import blocks

    def fail(*_: object) -> Any:
        raise MemoryError("no room")

    monkeypatch.setattr(blocks, "_helpers", lambda: 2)
    monkeypatch.setattr(blocks, "_hash_chunk", fail)
    with pytest.raises(MemoryError, match="no room"):
        content_key(np.zeros(2_000_000))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_agrees_with_its_parent() -> None:
    value = values()["columns"]
    expected = content_key(value)  # with helping threads, if there are processors for them
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - runs in the child
        try:
            os.write(writing, content_key(value).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == expected
    assert os.waitpid(child, 0)[1] == 0


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=4),
    st.complex_numbers(),
    st.dates(),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.timedeltas(),
)
keys = st.one_of(st.text(max_size=3), st.integers(-3, 3), st.tuples(st.integers(0, 2)))
nested = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.frozensets(keys, max_size=4),
        st.lists(inner, min_size=16, max_size=20),
    ),
    max_leaves=25,
)


def reordered(value: Any) -> Any:
    """An equal value, with dictionaries and sets filled from behind."""
    if type(value) is dict:
        return {key: reordered(value[key]) for key in reversed(value)}
    if type(value) is frozenset:
        return frozenset(reversed(list(value)))
    if type(value) in (list, tuple):
        return type(value)(map(reordered, value))
    return value


@given(nested)
@settings(deadline=None)
def test_copies_pickles_and_other_orders_have_the_same_key(value: Any) -> None:
    key = content_key(value)
    for other in (
        copy.copy(value),
        copy.deepcopy(value),
        pickle.loads(pickle.dumps(value)),
        reordered(value),
    ):
        assert content_key(other) == key
    assert describe(value).digest.hex() == key
    assert content_key([value, value]) == content_key([value, copy.deepcopy(value)])


@given(nested, nested)
@settings(deadline=None)
def test_values_share_a_key_only_when_they_are_equal(a: Any, b: Any) -> None:
    if content_key(a) == content_key(b):
        assert pickle.dumps(reordered(a)) == pickle.dumps(reordered(b)) or repr(a) == repr(b)


@given(nested)
@settings(deadline=None)
def test_recursion_and_the_graph_agree(value: Any) -> None:
    assert graph.digest([value], "value") == digest([value])


@pytest.mark.parametrize("depth", [1, 60, 63, 64, 65, 66, 130, 1000, 5000])
@pytest.mark.parametrize("kind", ["list", "dict", "object", "tuple", "array", "partial"])
def test_any_depth_has_one_key(depth: int, kind: str) -> None:
    if kind == "array":
        depth = min(depth, 1000)  # numpy itself crashes when it frees thousands of nested arrays
    assert content_key(nest(depth, kind)) == content_key(nest(depth, kind))
    assert graph.digest(nest(depth, kind), "value").hex() == content_key(nest(depth, kind))


class Box:
    def __init__(self, content: object) -> None:
        self.content = content


def nest(depth: int, kind: str) -> Any:
    import functools

    value: Any = 0
    for _ in range(depth):
        if kind == "list":
            value = [value]
        elif kind == "dict":
            value = {"a": value}
        elif kind == "tuple":
            value = (value, 1)
        elif kind == "object":
            value = Box(value)
        elif kind == "array":
            inner = value
            value = np.empty(1, object)
            value[0] = inner
        else:
            value = functools.partial(print, value)
    return value


def test_near_the_limit_of_recursion_there_is_still_a_key() -> None:
    expected = content_key(nest(40, "list"))

    def descend(levels: int) -> str:
        try:
            return descend(levels + 1)
        except RecursionError:
            return content_key(nest(40, "list"))

    assert descend(0) == expected


def test_parts_shared_a_trillion_times_are_walked_once() -> None:
    def doubled(value: Any) -> Any:
        for _ in range(60):
            value = [value, value]
        return value

    assert content_key(doubled([1])) == content_key(doubled([1])) != content_key(doubled([2]))


class Link:
    def __init__(self, number: int) -> None:
        self.number = number
        self.before: Link | None = None
        self.after: Link | None = None


def chain(length: int, changed: int | None = None) -> Link:
    links = [Link(-1 if i == changed else i % 3) for i in range(length)]
    for a, b in itertools.pairwise(links):
        a.after, b.before = b, a
    return links[0]


@pytest.mark.slow
def test_a_long_chain_in_both_directions_ends() -> None:
    key = content_key(chain(5000))
    assert key == content_key(chain(5000))
    assert (
        len(
            {key, *(content_key(chain(5000, i)) for i in (0, 2500, 4999)), content_key(chain(4999))}
        )
        == 5
    )


def ring(labels: list[int]) -> Link:
    links = [Link(label) for label in labels]
    for a, b in zip(links, [*links[1:], links[0]], strict=True):
        a.after = b
    return links[0]


@pytest.mark.parametrize("length", [1, 2, 3, 10, 17, 60, 400])
def test_every_member_of_a_cycle_counts_however_far_it_is(length: int) -> None:
    for labels in ([0] * length, list(range(length)), [i % 3 for i in range(length)]):
        keys = {content_key(ring(labels))}
        assert keys == {content_key(ring(labels))}
        for place in {0, length // 2, length - 1}:
            keys.add(content_key(ring([*labels[:place], -1, *labels[place + 1 :]])))
        assert len(keys) == 1 + len({0, length // 2, length - 1})


def test_cycles_of_equal_members_differ_by_their_length() -> None:
    assert len({content_key(ring([0] * length)) for length in range(1, 30)}) == 29


def test_cycles_differ_by_which_of_their_equal_members_they_lead_to() -> None:
    def made(*after: int) -> Link:
        links = [Link(0) for _ in after]
        for at, (link, target) in enumerate(zip(links, after, strict=True)):
            link.after, link.before = links[target], links[(at + 1) % len(links)]
        return links[0]

    keys = {content_key(made(*after)) for after in itertools.product(range(4), repeat=4)}
    assert len(keys) == 4**4


def test_a_cycle_with_sets_has_one_key() -> None:
    def made(order: int) -> Any:
        nodes = [Link(i) for i in range(12)]
        for node in nodes:
            others = [other for other in nodes if other is not node]
            node.after = frozenset(others[::order])  # type: ignore[assignment]
        return nodes[0]

    assert content_key(made(1)) == content_key(made(-1))


def test_a_cycle_counts_from_where_it_is_entered() -> None:
    a, b = Link(0), Link(1)
    a.after, b.after = b, a
    assert content_key(a) != content_key(b)
    assert content_key([a, b]) != content_key([b, a])
    assert content_key(copy.deepcopy([a, b])) == content_key([a, b])


MEMORY = textwrap.dedent(
    """
    import resource, sys
    import numpy as np, pandas as pd
    from afml_cache.keys.content import content_key
    rows = 13_000_000
    if sys.argv[1] == "strided":
        value = pd.DataFrame(np.ones((rows, 10)), copy=False)
    elif sys.argv[1] == "nan":
        value = pd.DataFrame({i: np.full(rows, -np.nan) for i in range(10)}, copy=False)
    else:
        value = np.ones((rows, 10)).T
    content_key(value.iloc[:100_000] if hasattr(value, "iloc") else value[:, :100_000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content_key(value)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
@pytest.mark.parametrize("what", ["strided", "nan", "array"])
def test_hashing_a_gigabyte_takes_little_memory(what: str) -> None:
    command = [sys.executable, "-c", MEMORY, what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100


def test_the_digests_do_not_depend_on_what_was_keyed_before() -> None:
    value = {"a": nest(3, "object"), "b": pd.DataFrame({"x": [1.0]})}
    expected = content_key(value)
    assert content._REMEMBERED > 0
    for _ in range(3):
        content_key([object.__new__(Box) for _ in range(100)])
        assert content_key(value) == expected
