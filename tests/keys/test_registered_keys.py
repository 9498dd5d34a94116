"""Classes that say their own key, and classes of others that are told theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from afml_cache.errors import UnkeyableArgumentError
from afml_cache.keys import resolve
from afml_cache.keys.content import content_key, register_key


class Handle:
    def __init__(self, url: str) -> None:
        self.url, self.lock = url, threading.Lock()


class Pooled(Handle):
    def __init__(self, url: str, size: int) -> None:
        super().__init__(url)
        self.size = size


class Frame(pd.DataFrame):
    pass


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    known = dict(resolve._registered)
    yield
    resolve._registered.clear()
    resolve._registered.update(known)
    resolve._resolved.clear()


def test_a_registered_class_is_keyed_by_what_the_function_returns() -> None:
    with pytest.raises(UnkeyableArgumentError):
        content_key(Handle("a"))
    register_key(Handle, lambda handle: handle.url)
    assert content_key(Handle("a")) == content_key(Handle("a")) != content_key(Handle("b"))
    assert content_key(Handle("a")) != content_key("a")


def test_subclasses_follow_unless_they_have_their_own() -> None:
    register_key(Handle, lambda handle: handle.url)
    assert content_key(Pooled("a", 1)) == content_key(Pooled("a", 2)) != content_key(Handle("a"))
    register_key(Pooled, lambda pooled: (pooled.url, pooled.size))
    assert content_key(Pooled("a", 1)) != content_key(Pooled("a", 2))
    assert content_key(Handle("a")) == content_key(Handle("a"))


def test_the_nearer_of_a_method_and_a_registration_counts() -> None:
    class WithMethod(Handle):
        def __afml_key__(self) -> object:
            return "method"

    class Nearer(WithMethod):
        pass

    register_key(Handle, lambda handle: handle.url)
    assert content_key(WithMethod("a")) == content_key(WithMethod("b"))
    register_key(Nearer, lambda handle: handle.url)
    assert content_key(Nearer("a")) != content_key(Nearer("b"))


def test_frames_and_arrays_of_ones_own_can_be_told_their_key() -> None:
    register_key(Frame, len)
    assert content_key(Frame({"a": [1]})) == content_key(Frame({"b": [2]}))
    assert content_key(pd.DataFrame({"a": [1]})) != content_key(pd.DataFrame({"b": [2]}))


def test_a_method_of_ones_own_comes_before_the_rules_for_containers() -> None:
    class Settings(dict[str, Any]):
        def __afml_key__(self) -> object:
            return self["name"]

    assert content_key(Settings(name="a", x=1)) == content_key(Settings(name="a", x=2))


def test_what_the_function_returns_is_keyed_like_any_value() -> None:
    register_key(Handle, lambda handle: {"url": handle.url, "data": np.arange(3)})
    assert content_key([Handle("a")]) == content_key([Handle("a")])
    register_key(Handle, lambda handle: handle.lock)
    with pytest.raises(UnkeyableArgumentError, match="a lock"):
        content_key([Handle("a")])


def test_the_class_itself_is_still_keyed_by_name() -> None:
    before = content_key(Handle)
    register_key(Handle, lambda handle: handle.url)
    assert content_key(Handle) == before


@pytest.mark.parametrize("cls", [int, str, float, bool, bytes, type(None), object])
def test_the_keys_of_scalars_are_fixed(cls: type) -> None:
    with pytest.raises(TypeError, match="is fixed"):
        register_key(cls, repr)


def test_mistakes_are_told() -> None:
    with pytest.raises(TypeError, match="takes a class"):
        register_key("Handle", repr)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes a function"):
        register_key(Handle, "url")  # type: ignore[arg-type]
