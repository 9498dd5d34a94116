"""The code that arguments bring along: their classes, wherever in a value they are met."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from afml_cache import robust_cacheable
from afml_cache.keys.call import call_key
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.content import register_key

pytest.importorskip("sklearn", reason="the module that is edited has a transformer")

LIBRARY = """
import collections, enum, functools
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

class S:
    def run(self):
        return 1

class Transformer(TransformerMixin, BaseEstimator):
    def transform(self, x):
        return x + 1

class Lines(list):
    def total(self):
        return sum(self) + 1

class Table(dict):
    def total(self):
        return sum(self.values()) + 1

class Vector(np.ndarray):
    def total(self):
        return self.sum() + 1

class Side(enum.Enum):
    LONG = 1
    def sign(self):
        return 1

class Said:
    def __afml_key__(self):
        return "said"
    def run(self):
        return 1

class Registered:
    def run(self):
        return 1

class Slotted:
    __slots__ = ("x",)
    def __init__(self, x):
        self.x = x

def call(s):
    return s
"""


def _chain(lib: Any) -> Any:
    value: Any = lib.S()
    for _ in range(200):
        value = [value]
    return value


def _circle(lib: Any) -> Any:
    value: list[Any] = [lib.S()]
    value.append(value)
    return value


def _attrs(lib: Any) -> Any:
    frame = lib.pd.DataFrame({"x": [1]})
    frame.attrs["s"] = lib.S()
    return frame


VALUES: dict[str, Callable[[Any], Any]] = {
    "an instance": lambda lib: lib.S(),
    "a class": lambda lib: lib.S,
    "a module": lambda lib: lib,
    "a step of a pipeline": lambda lib: __import__("sklearn.pipeline").pipeline.Pipeline(
        [("t", lib.Transformer())]
    ),
    "in a namespace": lambda lib: __import__("types").SimpleNamespace(s=lib.S()),
    "in a deque": lambda lib: lib.collections.deque([lib.S()]),
    "in a UserDict": lambda lib: lib.collections.UserDict(s=lib.S()),
    "in a set of classes": lambda lib: {lib.S},
    "a list's subclass": lambda lib: lib.Lines([1]),
    "a dict's subclass": lambda lib: lib.Table(a=1),
    "an array's subclass": lambda lib: lib.np.arange(3).view(lib.Vector),
    "in an object array": lambda lib: lib.np.array([lib.S(), 1], dtype=object),
    "in an object Series": lambda lib: lib.pd.Series([lib.S(), 1], dtype=object),
    "in an object column": lambda lib: lib.pd.DataFrame({"a": lib.pd.Series([lib.S()])}),
    "in a frame's attrs": _attrs,
    "in a partial's arguments": lambda lib: lib.functools.partial(lib.call, lib.S()),
    "a partial of the class": lambda lib: lib.functools.partial(lib.S),
    "in a generic alias": lambda lib: list[lib.S],
    "a bound method": lambda lib: lib.S().run,
    "an enum member": lambda lib: lib.Side.LONG,
    "an object that says its key": lambda lib: lib.Said(),
    "an object whose key is registered": lambda lib: lib.Registered(),
    "in a slot": lambda lib: lib.Slotted(lib.S()),
    "deep down": _chain,
    "in a circle": _circle,
    "after a hundred thousand others": lambda lib: [
        *({"n": n} for n in range(101_000)),
        lib.S(),
    ],
}


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import the library anew, from the given source."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(source: str) -> ModuleType:
        Path(tmp_path, "brought_along.py").write_text(source, encoding="utf-8")
        sys.modules.pop("brought_along", None)
        importlib.invalidate_caches()
        module = importlib.import_module("brought_along")
        if hasattr(module, "Registered"):
            register_key(module.Registered, lambda _: "registered")
        return module

    yield loaded
    sys.modules.pop("brought_along", None)


def edited(source: str) -> str:
    return source.replace("return 1", "return 2").replace("+ 1", "+ 2")


def key(value: Any) -> bytes:
    return call_key(b"f", Fingerprint(b"c" * 16, b"e" * 16), {"value": value}).digest


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES.keys())
def test_editing_a_class_that_an_argument_brings_along_is_a_miss(make, load):
    before = key(make(load(LIBRARY)))
    after = key(make(load(edited(LIBRARY))))
    again = key(make(load(LIBRARY)))
    assert before != after
    assert before == again


@pytest.mark.parametrize("where", ["args", "kwargs"])
def test_variable_arguments_bring_their_classes_along(where, load):
    @robust_cacheable
    def run(*args, **kwargs):
        return None

    def asked(lib: Any) -> str:
        return run.cache_key(lib.S()) if where == "args" else run.cache_key(s=lib.S())

    assert asked(load(LIBRARY)) != asked(load(edited(LIBRARY)))


BOOK = """
from afml_cache import robust_cacheable

class Book:
    def __init__(self, inner=None):
        self.inner = inner
        self.me = self if inner == "me" else None

    @robust_cacheable
    def merge(self, other):
        return other.value()

    @robust_cacheable
    def of_inner(self):
        return self.inner.value()

    @robust_cacheable
    def of_itself(self):
        return self.me.value()

    @robust_cacheable
    def of_all(self, *others, **named):
        return [o.value() for o in (*others, *named.values())]

    @staticmethod
    @robust_cacheable
    def of_static(book):
        return book.value()

    @robust_cacheable(ignore="self")
    def ignoring(self, other):
        return other.value()

    @robust_cacheable
    def own(self):
        return self.level()

    def level(self):
        return 5

    def value(self):
        return 1
"""

BOOKS: dict[str, Callable[[Any], str]] = {
    "another instance": lambda lib: lib.Book().merge.cache_key(lib.Book()),
    "the same instance twice": lambda lib: (lambda b: b.merge.cache_key(b))(lib.Book()),
    "an instance within": lambda lib: lib.Book(lib.Book()).of_inner.cache_key(),
    "itself within": lambda lib: lib.Book("me").of_itself.cache_key(),
    "among the variable ones": lambda lib: lib.Book().of_all.cache_key(lib.Book()),
    "among the named ones": lambda lib: lib.Book().of_all.cache_key(b=lib.Book()),
    "of a static method": lambda lib: lib.Book.of_static.cache_key(lib.Book()),
    "beside an ignored self": lambda lib: lib.Book().ignoring.cache_key(lib.Book()),
}


@pytest.mark.parametrize("ask", BOOKS.values(), ids=BOOKS.keys())
def test_an_argument_of_the_methods_own_class_counts_with_its_code(ask, load):
    assert ask(load(BOOK)) != ask(load(BOOK.replace("return 1", "return 2")))


def test_of_self_only_what_the_method_reaches_counts(load):
    before = load(BOOK).Book().own.cache_key()
    assert load(BOOK.replace("return 1", "return 2")).Book().own.cache_key() == before
    assert load(BOOK.replace("return 5", "return 6")).Book().own.cache_key() != before
