"""What has no key is refused, with the path to it and what to do instead."""

from __future__ import annotations

import asyncio
import contextvars
import io
import itertools
import mmap
import os
import queue
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache.errors import AfmlCacheError, UnkeyableArgumentError
from afml_cache.keys.content import content_key, describe, digest


class Holder:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class SlottedHolder:
    __slots__ = ("engine",)

    def __init__(self, engine: object) -> None:
        self.engine = engine


class Worker(threading.Thread):
    pass


class Countdown:
    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        raise StopIteration


class BadKey:
    def __afml_key__(self) -> object:
        raise ValueError("not today")


class EndlessKey:
    def __afml_key__(self) -> object:
        return [EndlessKey()]


class Unpicklable:
    def __reduce__(self) -> Any:
        raise RuntimeError("no way")


async def coroutine() -> None: ...


async def asynchronous_generator() -> Any:
    yield 1


def closing_over(value: object) -> Callable[[], object]:
    return lambda: value


def _closed(coro: Any) -> Any:
    coro.close()
    return coro


REFUSED: list[tuple[str, Callable[[], Any], str]] = [
    ("generator", lambda: (i for i in ()), "a generator"),
    ("asynchronous generator", asynchronous_generator, "an asynchronous generator"),
    ("coroutine", lambda: _closed(coroutine()), "a coroutine"),
    ("list iterator", lambda: iter([1]), "an iterator"),
    ("map", lambda: map(str, [1]), "an iterator"),
    ("zip", lambda: zip([1], strict=False), "an iterator"),
    ("enumerate", lambda: enumerate([1]), "an iterator"),
    ("itertools", lambda: itertools.count(), "an iterator"),
    ("iterator of one's own", Countdown, "an iterator"),
    ("numpy's flat iterator", lambda: np.zeros(3).flat, "an iterator"),
    ("open file", lambda: open(os.devnull), "an open file or stream"),  # noqa: SIM115
    ("open binary file", lambda: open(os.devnull, "rb"), "an open file or stream"),  # noqa: SIM115
    ("stream in memory", lambda: io.BytesIO(b"a"), "an open file or stream"),
    ("temporary file", lambda: tempfile.NamedTemporaryFile(), "an open file or stream"),  # noqa: SIM115
    ("standard output", lambda: sys.__stdout__, "an open file or stream"),
    ("memory map", lambda: mmap.mmap(-1, 1), "a memory map of a file"),
    ("lock", threading.Lock, "a lock"),
    ("reentrant lock", threading.RLock, "a lock"),
    ("condition", threading.Condition, "a lock"),
    ("event", threading.Event, "a lock"),
    ("asyncio lock", asyncio.Lock, "a lock"),
    ("thread", threading.Thread, "a thread"),
    ("subclass of a thread", Worker, "a thread"),
    ("data of one thread", threading.local, "data of one thread"),
    ("executor", lambda: ThreadPoolExecutor(1), "an executor"),
    ("future", Future, "a future"),
    ("queue", queue.Queue, "a queue"),
    ("simple queue", queue.SimpleQueue, "a queue"),
    ("socket", lambda: socket.socket(), "a socket"),
    ("connection", lambda: sqlite3.connect(":memory:"), "a connection"),
    ("cursor", lambda: sqlite3.connect(":memory:").cursor(), "a connection"),
    ("weak reference", lambda: weakref.ref(Holder), "a weak reference"),
    ("weak dictionary", weakref.WeakValueDictionary, "a weak reference"),
    ("stack frame", sys._getframe, "a stack frame"),
    ("context variable", lambda: contextvars.ContextVar("v"), "a context variable"),
    ("bare object", object, "a bare object()"),
    (
        "object in C without pickling",
        lambda: sys.stdlib_module_names and _capsule(),
        "cannot be described",
    ),
    ("object whose __reduce__ fails", Unpicklable, "cannot be described (no way)"),
    ("object whose __afml_key__ fails", BadKey, "its __afml_key__ raised ValueError: not today"),
    ("key without end", EndlessKey, "nested more than 100,000 levels deep"),
    ("ufunc that no module offers", lambda: np.frompyfunc(len, 1, 1), "no module offers"),
    ("process", lambda: subprocess.Popen([sys.executable, "-c", ""]), "a process"),
]


def _capsule() -> Any:
    import datetime

    return datetime.datetime_CAPI  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("make", "what"), [pytest.param(make, what, id=name) for name, make, what in REFUSED]
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_refused(make: Callable[[], Any], what: str) -> None:
    value = make()
    with pytest.raises(UnkeyableArgumentError) as caught:
        digest({"conn": [value]}, "params")
    assert caught.value.path.startswith("params['conn'][0]")
    assert what in caught.value.what
    assert caught.value.remedy.endswith(".")
    with pytest.raises(UnkeyableArgumentError):
        describe(value)
    if isinstance(value, subprocess.Popen):
        value.wait()
    elif isinstance(value, ThreadPoolExecutor):
        value.shutdown()


def deep(value: object, levels: int) -> object:
    for _ in range(levels):
        value = [value]
    return value


def with_cycle(value: object) -> Holder:
    holder = Holder(engine=value)
    holder.__dict__["me"] = holder
    return holder


def frame(column: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"a": range(len(column)), "x": pd.Series(column, dtype=object)})


def object_array(*shape: int) -> Any:
    values = np.zeros(shape, object)
    values[tuple(n - 1 for n in shape)] = object()
    return values


PATHS: list[tuple[str, Callable[[object], Any], str]] = [
    ("params['conn'].engine", lambda v: {"conn": Holder(engine=v)}, ""),
    ("params", lambda v: v, ""),
    ("params[1]", lambda v: [0, v], ""),
    ("params[17]", lambda v: [0] * 17 + [v], ""),
    ("params[70000]", lambda v: [0] * 70_000 + [v], ""),
    ("params[(1, 'a')]", lambda v: {(1, "a"): v}, ""),
    ("params.engine", SlottedHolder, ""),
    ("params.me.engine", lambda v: Holder(me=Holder(engine=v)), ""),
    ("params.engine", with_cycle, ""),
    ("params.<member 0>", lambda v: {v}, ""),
    ("params.<closure value>", closing_over, ""),
    ("params['x'].iloc[3]", lambda v: frame([0, 1, 2, v]), ""),
    ("params['x'].iloc[66000]", lambda v: frame([0] * 66_000 + [v]), ""),
    ("params.iloc[1]", lambda v: pd.Series([0, v], dtype=object), ""),
    ("params[1, 2]", lambda _: object_array(2, 3), ""),
]


@pytest.mark.parametrize(("path", "make", "_"), PATHS, ids=[path for path, *_ in PATHS])
def test_the_message_names_the_place(path: str, make: Callable[[object], Any], _: str) -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        digest(make(object()), "params")
    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path} is a bare object(), which has no content key. ")


def test_attributes_of_a_frame_are_named_too() -> None:
    value = pd.DataFrame({"a": [1]})
    value.attrs["source"] = threading.Lock()
    with pytest.raises(UnkeyableArgumentError, match=r"df\.attrs\['source'\] is a lock"):
        digest(value, "df")


def test_however_deep_it_lies() -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        digest(deep(object(), 5000), "v")
    assert caught.value.path.startswith("v[0][0]")
    assert len(caught.value.path) < 300


def test_a_large_key_is_not_written_out() -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        content_key({"k" * 10_000: object()})
    assert len(str(caught.value)) < 300


def test_it_is_a_type_error_of_this_package() -> None:
    with pytest.raises(TypeError) as caught:
        content_key(object())
    assert isinstance(caught.value, AfmlCacheError)


def test_what_a_failing_key_raised_is_kept_as_the_cause() -> None:
    with pytest.raises(UnkeyableArgumentError) as caught:
        content_key([BadKey()])
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_generator_is_not_consumed_by_being_refused() -> None:
    generator = (i for i in range(3))
    with pytest.raises(UnkeyableArgumentError):
        content_key([generator])
    assert list(generator) == [0, 1, 2]
