"""Pins and bars: what is recorded of adoptions, and what it forbids."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from afml_cache.adoption import pins
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.extent import Extent, Period
from afml_cache.store.store import Store

OWN = Fingerprint(
    code=b"c" * 16,
    environment=b"e" * 16,
    parts={"m.f": "01", "m.helper": "02"},
    packages={"numpy": "2.4"},
)


def test_the_first_pin_holds_and_the_same_code_is_no_contradiction(store: Store) -> None:
    assert pins.pinned(store, "m.f") is None
    assert pins.pin(store, "m.f", OWN, OWN) is None
    assert pins.pin(store, "m.f", OWN, OWN) is None
    pin = pins.pinned(store, "m.f")
    assert pin is not None
    assert pin.contradicts(OWN, OWN) is None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (replace(OWN, code=b"d" * 16, parts={"m.f": "01", "m.helper": "99"}), "m.helper was"),
        (replace(OWN, code=b"d" * 16, parts={"m.f": "98", "m.helper": "99"}), "m.f, m.helper were"),
        (replace(OWN, code=b"d" * 16), "the code that it reaches was changed"),
        (replace(OWN, environment=b"x" * 16, packages={"numpy": "2.5"}), "numpy was 2.4, is 2.5"),
        (replace(OWN, environment=b"x" * 16), "packages that it reaches were changed"),
    ],
    ids=["a helper", "two parts", "a reference", "a package", "another package"],
)
def test_other_code_contradicts_in_words_and_pins_nothing(
    store: Store, now: Fingerprint, words: str
) -> None:
    pins.pin(store, "m.f", OWN, OWN)
    against = pins.pin(store, "m.f", now, now)
    assert against is not None
    assert words in against
    assert pins.pin(store, "m.f", OWN, OWN) is None


def test_code_that_an_argument_brings_along_is_pinned_when_it_first_comes(store: Store) -> None:
    def called_with(**parts: str) -> Fingerprint:
        named = {f"m.{name}": digest for name, digest in parts.items()}
        return replace(OWN, code=b"w" * 16, parts={**OWN.parts, **named})

    assert pins.pin(store, "m.f", OWN, called_with(Config="0a")) is None
    assert pins.pin(store, "m.f", OWN, called_with(Other="0b")) is None
    against = pins.pin(store, "m.f", OWN, called_with(Config="0c"))
    assert against == "m.Config was edited"


def test_a_pin_of_some_parts_lets_everything_else_differ(store: Store) -> None:
    pins.pin_anew(store, "m.f", pins.rows_of_code(OWN, frozenset({"m.helper"})))
    other = replace(OWN, code=b"x" * 16, environment=b"y" * 16, parts={**OWN.parts, "m.f": "77"})
    pin = pins.pinned(store, "m.f")
    assert pin is not None
    assert pin.contradicts(other, other) is None
    edited = replace(OWN, parts={**OWN.parts, "m.helper": "99"})
    assert pin.contradicts(edited, edited) == "m.helper was edited"


def test_pinning_anew_takes_the_place_of_the_pin(store: Store) -> None:
    pins.pin(store, "m.f", OWN, OWN)
    edited = replace(OWN, code=b"d" * 16, parts={"m.f": "01", "m.helper": "99"})
    pins.pin_anew(store, "m.f", pins.rows_of(edited))
    assert pins.pin(store, "m.f", edited, edited) is None
    assert pins.pin(store, "m.f", OWN, OWN) is not None


def covers(*extent: Any) -> Callable[[], dict[str, Extent]]:
    return lambda: {"close": Extent(*extent)}


NOTHING: Callable[[], dict[str, Extent]] = dict


def test_what_was_stored_before_a_bar_is_barred_and_a_bar_can_be_lifted(store: Store) -> None:
    before = time.time()
    assert not pins.barred(store, "m.f", before, NOTHING)
    pins.bar(store, "m.f")
    assert pins.barred(store, "m.f", before, NOTHING)
    assert not pins.barred(store, "m.f", time.time(), NOTHING)
    assert not pins.barred(store, "m.g", before, NOTHING)
    pins.bar(store, pins.EVERY, "the clearing")
    assert pins.barred(store, "m.g", before, NOTHING)
    pins.lift(store, "the clearing")
    assert not pins.barred(store, "m.g", before, NOTHING)
    assert pins.barred(store, "m.f", before, NOTHING)


def test_a_bar_of_a_period_concerns_the_calls_that_touch_it(store: Store) -> None:
    before = time.time()
    pins.bar(store, "m.f", period=Period(aware=(100, 200), naive=(110, 210)))
    for first, last, aware, barred in [
        (0, 99, True, False),
        (0, 100, True, True),
        (200, 300, True, True),
        (201, 300, True, False),
        (201, 300, False, True),
        (0, 109, False, False),
    ]:
        assert pins.barred(store, "m.f", before, covers(first, last, aware)) is barred
    assert not pins.barred(store, "m.f", before, NOTHING)


def test_of_many_processes_that_pin_at_once_one_has_its_way(
    store: Store, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    script = """
        import sys
        from afml_cache.adoption import pins
        from afml_cache.keys.code import Fingerprint
        from afml_cache.store.active import active

        code = sys.argv[1]
        mine = Fingerprint(code.encode() * 16, b"e" * 16, parts={"m.f": code})
        sys.stdin.readline()
        print(pins.pin(active(), "m.f", mine, mine))
    """
    processes = [start_python(script, code) for code in "abcd"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert said.count("None") == 1
    assert said.count("m.f was edited") == 3
