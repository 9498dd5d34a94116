"""What has no content is refused, wherever it lies, with its place and the remedy."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import csv
import dataclasses
import functools
import io
import itertools
import mmap
import multiprocessing
import os
import pathlib
import pickle
import queue
import selectors
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import types
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from afml_cache import (
    CacheWarning,
    UnkeyableArgumentError,
    configure,
    content_key,
    robust_cacheable,
)

Make = Callable[[], object]


class Thing:
    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


def generator() -> Iterator[int]:
    yield 1


async def coroutine() -> None: ...


async def async_generator():
    yield 1


def closed_coroutine() -> object:
    made = coroutine()
    made.close()
    return made


def traceback() -> object:
    try:
        raise ValueError
    except ValueError as error:
        return error.__traceback__


def closing(opened: object) -> object:
    opened.close()  # type: ignore[attr-defined]
    return opened


def opened(mode: str, **options: object) -> object:
    return closing(open(os.devnull, mode, **options))  # type: ignore[call-overload]


KEPT = Thing()
REFUSED: list[tuple[str, Make]] = [
    ("a generator", generator),
    ("a generator expression", lambda: (n for n in range(3))),
    ("a coroutine", closed_coroutine),
    ("an async generator", async_generator),
    ("an iterator of a list", lambda: iter([1])),
    ("an iterator of a tuple", lambda: iter((1,))),
    ("an iterator of a dict", lambda: iter({1: 1})),
    ("an iterator of a set", lambda: iter({1})),
    ("an iterator of a str", lambda: iter("a")),
    ("an iterator of bytes", lambda: iter(b"a")),
    ("an iterator of a range", lambda: iter(range(3))),
    ("an iterator of a big range", lambda: iter(range(2**70))),
    ("an iterator of a call", lambda: iter(list, 1)),
    ("an exhausted iterator", lambda: iter([])),
    ("reversed", lambda: reversed([1])),
    ("a reversed dict", lambda: reversed({1: 1})),
    ("map", lambda: map(str, [1])),
    ("filter", lambda: filter(None, [1])),
    ("zip", lambda: zip([1], [2], strict=True)),
    ("enumerate", lambda: enumerate([1])),
    ("itertools.count", lambda: itertools.count()),
    ("itertools.cycle", lambda: itertools.cycle([1])),
    ("itertools.repeat", lambda: itertools.repeat(1, 2)),
    ("itertools.chain", lambda: itertools.chain([1])),
    ("itertools.islice", lambda: itertools.islice([1], 1)),
    ("itertools.groupby", lambda: itertools.groupby([1])),
    ("itertools.product", lambda: itertools.product([1])),
    ("itertools.tee", lambda: itertools.tee([1])[0]),
    ("a csv reader", lambda: csv.reader(["a,b"])),
    ("a csv.DictReader", lambda: csv.DictReader(["a,b"])),
    ("an iterator of numpy", lambda: np.nditer(np.ones(2))),
    ("a flat iterator of numpy", lambda: np.ones(2).flat),
    ("an iterator over rows", lambda: pd.DataFrame({"a": [1]}).iterrows()),
    ("an iterator over tuples", lambda: pd.DataFrame({"a": [1]}).itertuples()),
    ("a file for reading", lambda: opened("r")),
    ("a file for writing", lambda: opened("w")),
    ("a binary file", lambda: opened("rb")),
    ("a raw file", lambda: opened("rb", buffering=0)),
    ("a temporary file", lambda: closing(tempfile.TemporaryFile())),  # noqa: SIM115
    ("a named temporary file", lambda: closing(tempfile.NamedTemporaryFile())),  # noqa: SIM115
    ("io.StringIO", lambda: io.StringIO("a")),
    ("io.BytesIO", lambda: io.BytesIO(b"a")),
    ("sys.stdout", lambda: sys.stdout),
    ("sys.__stderr__", lambda: sys.__stderr__),
    ("a memory map", lambda: mmap.mmap(-1, 8)),
    ("a scan of a directory", lambda: closing(os.scandir("."))),
    ("a lock", threading.Lock),
    ("a reentrant lock", threading.RLock),
    ("a condition", threading.Condition),
    ("an event", threading.Event),
    ("a semaphore", threading.Semaphore),
    ("a barrier", lambda: threading.Barrier(1)),
    ("a thread", lambda: threading.Thread(target=print)),
    ("the main thread", threading.main_thread),
    ("threading.local", threading.local),
    ("a timer", lambda: threading.Timer(1, print)),
    ("a queue", queue.Queue),
    ("a simple queue", queue.SimpleQueue),
    ("a priority queue", queue.PriorityQueue),
    ("a process's lock", multiprocessing.Lock),
    ("a process's queue", multiprocessing.SimpleQueue),
    ("a process", lambda: multiprocessing.Process(target=print)),
    ("a pipe", lambda: multiprocessing.Pipe()[0]),
    ("an asyncio lock", asyncio.Lock),
    ("an asyncio queue", asyncio.Queue),
    ("a future", concurrent.futures.Future),
    ("an executor", concurrent.futures.ThreadPoolExecutor),
    ("a subprocess", lambda: finished()),
    ("a socket", lambda: closing(socket.socket())),
    ("a selector", lambda: closing(selectors.DefaultSelector())),
    ("a connection", lambda: closing(sqlite3.connect(":memory:"))),
    ("a cursor", lambda: sqlite3.connect(":memory:").cursor()),
    ("a frame", lambda: sys._getframe()),
    ("a traceback", traceback),
    ("a weak reference", lambda: weakref.ref(KEPT)),
    ("a weak proxy", lambda: weakref.proxy(KEPT)),
    ("a weak set", lambda: weakref.WeakSet([KEPT])),
    ("a weak dict of values", lambda: weakref.WeakValueDictionary(a=KEPT)),
    ("a weak dict of keys", lambda: weakref.WeakKeyDictionary({KEPT: 1})),
    ("a weak method", lambda: weakref.WeakMethod(Thing(f=1).__init__)),  # type: ignore[misc]
    ("a bare object", object),
    ("a context variable", lambda: contextvars.ContextVar("x")),
]


def finished() -> object:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


@pytest.mark.parametrize("make", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_has_no_content_is_refused_alone_and_deep_inside(make: Make) -> None:
    value = make()
    with pytest.raises(UnkeyableArgumentError):
        content_key(value)
    with pytest.raises(UnkeyableArgumentError) as caught:
        content_key({"params": [Thing(inner=(1, value))]})
    assert "['params'][0].inner[1]" in caught.value.path
    assert "['params'][0].inner[1]" in str(caught.value)


@dataclasses.dataclass
class Config:
    source: object
    name: str = "x"


class Slotted:
    __slots__ = ("handle",)

    def __init__(self, handle: object) -> None:
        self.handle = handle


class ListWithMore(list):
    pass


def list_with_attribute(value: object) -> object:
    made = ListWithMore([1])
    made.extra = value  # type: ignore[attr-defined]
    return made


def boxed(value: object) -> np.ndarray:
    array = np.empty(3, object)
    array[1] = value
    return array


def frame_with(value: object) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1, 2], "b": pd.Series([None, value], dtype=object)})
    frame["b"] = pd.Series([None, value], dtype=object)
    return frame


def frame_about(value: object) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1, 2]})
    frame.attrs["source"] = value
    return frame


def closure(value: object) -> object:
    return lambda: value


def defaulting(value: object) -> object:
    def function(x: object = value) -> object:
        return x

    return function


Named = collections.namedtuple("Named", "left right")

PLACES: list[tuple[str, Callable[[object], object], str]] = [
    ("a dict", lambda v: {"conn": v}, "['conn']"),
    ("a dict keyed by a number", lambda v: {3: v}, "[3]"),
    ("a list", lambda v: [0, v], "[1]"),
    ("an attribute", lambda v: Thing(engine=v), ".engine"),
    ("an attribute of an item", lambda v: {"conn": Thing(engine=v)}, "['conn'].engine"),
    ("an item of an attribute", lambda v: Thing(parts=[v]), ".parts[0]"),
    ("a dataclass", lambda v: Config(v), ".source"),
    ("a slot", Slotted, ".handle"),
    ("a named tuple", lambda v: Named(1, v), "[1]"),
    ("an attribute of a list", list_with_attribute, ".extra"),
    ("a partial", lambda v: functools.partial(max, v), ""),
    ("a partial's keyword", lambda v: functools.partial(max, key=v), "key"),
    ("a namespace", lambda v: types.SimpleNamespace(a=v), ".a"),
    ("an object array", boxed, "[1]"),
    ("a cell of a frame", frame_with, "b"),
    ("a frame's attrs", frame_about, "source"),
    ("a closure", closure, "value"),
    ("a default", defaulting, ""),
    ("a bound method", lambda v: [v].append, "[0]"),
    ("a mapping proxy", lambda v: types.MappingProxyType({"k": v}), "['k']"),
    ("a deque", lambda v: collections.deque([1, v]), "[1]"),
    ("a chain of maps", lambda v: collections.ChainMap({"a": 1}, {"k": v}), "['k']"),
    ("a record of an array", lambda v: np.array([(1, v)], [("a", "i8"), ("b", "O")]), "b"),
    ("an exception", lambda v: ValueError("x", v), ""),
]


WRITTEN_OTHERWISE = {
    "an attribute of a list": pytest.mark.xfail(
        strict=True, reason="an attribute of a container's subclass is written as an item"
    )
}


@pytest.mark.parametrize(
    ("put", "place"),
    [pytest.param(*row[1:], id=row[0], marks=WRITTEN_OTHERWISE.get(row[0], ())) for row in PLACES],
)
def test_the_error_names_the_place(put: Callable[[object], object], place: str) -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        content_key(put(threading.Lock()))
    assert place in caught.value.path
    assert caught.value.path in str(caught.value)
    assert "lock" in caught.value.what.lower()
    assert caught.value.remedy in str(caught.value)
    assert caught.value.remedy.strip()


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda v: [v], id="lists"),
        pytest.param(lambda v: {"k": v}, id="dicts"),
        pytest.param(lambda v: Thing(a=v), id="instances"),
        pytest.param(lambda v: (v,), id="tuples"),
    ],
)
def test_five_thousand_levels_down_it_is_refused_just_the_same(
    wrap: Callable[[object], object],
) -> None:
    value: object = threading.Lock()
    for _ in range(5_000):
        value = wrap(value)
    with pytest.raises(UnkeyableArgumentError, match="lock"):
        content_key(value)


@pytest.mark.parametrize("in_set", [lambda v: {v}, lambda v: frozenset({v}), lambda v: {v: 1}])
def test_in_a_set_and_as_a_key_it_is_refused(in_set: Callable[[object], object]) -> None:
    with pytest.raises(UnkeyableArgumentError, match="object"):
        content_key(in_set(object()))


def test_inside_a_loop_it_is_refused() -> None:
    made: list[object] = [1]
    made.append({"back": made, "lock": threading.Lock()})
    with pytest.raises(UnkeyableArgumentError) as caught:
        content_key(made)
    assert caught.value.path.endswith("[1]['lock']")


def test_refusing_takes_nothing_from_what_is_refused() -> None:
    numbers = iter([1, 2, 3])
    stream = io.StringIO("abc")
    for value in (numbers, stream):
        with pytest.raises(UnkeyableArgumentError):
            content_key(value)
    assert list(numbers) == [1, 2, 3]
    assert stream.read() == "abc"


def test_the_error_is_a_type_error_that_survives_a_pickle() -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        content_key([generator()])
    assert isinstance(caught.value, TypeError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.path) == (str(caught.value), caught.value.path)


@robust_cacheable
def total(params: object, scale: int = 1) -> int:
    return sum(params["numbers"]) * scale  # type: ignore[index]


def test_a_cached_call_computes_and_says_so_once() -> None:
    with pytest.warns(CacheWarning, match=r"params\['numbers'\]") as warned:
        assert total({"numbers": iter([1, 2])}) == 3
        assert total({"numbers": iter([4, 5])}) == 9
    assert len([w for w in warned if issubclass(w.category, CacheWarning)]) == 1
    info = total.cache_info()
    assert info.hits == 0
    assert info.reasons == {"unkeyable": 2}


def test_a_cached_call_is_refused_where_the_configuration_is_strict() -> None:
    configure(strict=True)
    with pytest.raises(UnkeyableArgumentError) as caught:
        total({"numbers": iter([1, 2])})
    assert caught.value.path == "params['numbers']"


def test_asking_for_the_key_of_such_a_call_raises() -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        total.cache_key([1, {"conn": Thing(engine=threading.Lock())}])
    assert caught.value.path == "params[1]['conn'].engine"


def test_a_path_is_not_what_lies_there(tmp_path: pathlib.Path) -> None:
    """A path is keyed by its text, so that asking for a key opens no file."""
    file = tmp_path / "data.csv"
    before = content_key(file)
    file.write_text("a")
    assert content_key(file) == before
