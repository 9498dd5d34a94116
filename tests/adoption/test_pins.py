"""Pins and bars: what is recorded of adoptions, and what it forbids."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from afml_cache.adoption import pins
from afml_cache.adoption.records import Records
from afml_cache.keys.code import Fingerprint
from afml_cache.keys.extent import Extent, Period
from afml_cache.store.store import Store

OWN = Fingerprint(
    code=b"c" * 16,
    environment=b"e" * 16,
    parts={"m.f": "01", "m.helper": "02"},
    packages={"numpy": "2.4"},
)
LONG_AGO = 1.0


def never() -> None:
    """The module cannot be imported again."""


@pytest.fixture
def records(store: Store) -> Records:
    return Records(store)


def test_the_first_pin_holds_and_the_same_code_is_no_contradiction(records: Records) -> None:
    assert pins.pins(records, "m/f") == []
    assert pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never) is None
    assert pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never) is None
    (pin,) = pins.pins(records, "m/f")
    assert pin.contradicts(OWN, OWN, never) is None


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
    records: Records, now: Fingerprint, words: str
) -> None:
    pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never)
    against = pins.pin(records, "m/f", LONG_AGO, now, now, never)
    assert against is not None
    assert words in against
    assert pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never) is None


def test_code_that_an_argument_brings_along_is_pinned_when_it_first_comes(
    records: Records,
) -> None:
    def called_with(**parts: str) -> Fingerprint:
        named = {f"m.{name}": digest for name, digest in parts.items()}
        return replace(OWN, code=b"w" * 16, parts={**OWN.parts, **named})

    assert pins.pin(records, "m/f", LONG_AGO, OWN, called_with(Config="0a"), never) is None
    assert pins.pin(records, "m/f", LONG_AGO, OWN, called_with(Other="0b"), never) is None
    against = pins.pin(records, "m/f", LONG_AGO, OWN, called_with(Config="0c"), never)
    assert against == "m.Config was edited"


def test_entries_that_were_stored_after_all_pins_belong_to_the_last(records: Records) -> None:
    """A process that was started before the migration goes on storing what older code computes."""
    pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never)
    edited = replace(OWN, code=b"d" * 16, parts={"m.f": "01", "m.helper": "99"})
    (first,) = pins.pins(records, "m/f")
    while time.time() <= first.at:
        pass
    stored = time.time()
    assert pins.pin(records, "m/f", stored, edited, edited, never) is not None
    pins.pin_besides(records, "m/f", pins.rows_applied(edited, []))  # migrated once more
    assert pins.pin(records, "m/f", stored, edited, edited, never) is None
    assert pins.pin(records, "m/f", LONG_AGO, edited, edited, never) is not None
    assert pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never) is None


def test_a_value_may_differ_from_that_of_the_import_if_an_import_still_gives_that(
    records: Records,
) -> None:
    imported = replace(OWN, parts={**OWN.parts, "m.FEE": "1f"})
    called = replace(imported, code=b"d" * 16, parts={**imported.parts, "m.FEE": "2f"})
    edited = replace(called, parts={**called.parts, "m.helper": "99"})
    same, other = imported.parts, {**imported.parts, "m.FEE": "3f"}
    pins.pin_besides(records, "m/f", pins.rows_applied(imported, ["m.FEE"]))
    for found in (None, {}, other):
        against = pins.pin(records, "m/f", LONG_AGO, called, called, lambda found=found: found)
        assert against == "m.FEE was edited"
    against = pins.pin(records, "m/f", LONG_AGO, edited, edited, lambda: same)
    assert against == "m.FEE, m.helper were edited"
    assert pins.pin(records, "m/f", LONG_AGO, called, called, lambda: same) is None
    # From now on the value counts that the program had set.
    assert pins.pin(records, "m/f", LONG_AGO, imported, imported, never) == "m.FEE was edited"


def test_pinning_anew_takes_the_place_of_all_pins(records: Records) -> None:
    pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never)
    edited = replace(OWN, code=b"d" * 16, parts={"m.f": "01", "m.helper": "99"})
    pins.pin_anew(records, "m/f", pins.rows_by_hand(edited))
    assert pins.pin(records, "m/f", LONG_AGO, edited, edited, never) is None
    assert pins.pin(records, "m/f", LONG_AGO, OWN, OWN, never) is not None


def covers(*extent: Any) -> Callable[[], dict[str, Extent]]:
    return lambda: {"close": Extent(*extent)}


NOTHING: Callable[[], dict[str, Extent]] = dict


def test_what_was_stored_before_a_bar_is_barred_and_a_bar_can_be_lifted(records: Records) -> None:
    before = time.time()
    assert not pins.barred(records, "m/f", before, NOTHING)
    pins.bar(records, "m/f")
    assert pins.barred(records, "m/f", before, NOTHING)
    assert not pins.barred(records, "m/f", time.time(), NOTHING)
    assert not pins.barred(records, "m/g", before, NOTHING)
    pins.bar(records, pins.EVERY, "the clearing")
    assert pins.barred(records, "m/g", before, NOTHING)
    pins.lift(records, "the clearing")
    assert not pins.barred(records, "m/g", before, NOTHING)
    assert pins.barred(records, "m/f", before, NOTHING)


def test_a_bar_of_a_period_concerns_the_calls_that_touch_it(records: Records) -> None:
    before = time.time()
    pins.bar(records, "m/f", period=Period(aware=(100, 200), naive=(110, 210)))
    for first, last, aware, barred in [
        (0, 99, True, False),
        (0, 100, True, True),
        (200, 300, True, True),
        (201, 300, True, False),
        (201, 300, False, True),
        (0, 109, False, False),
    ]:
        assert pins.barred(records, "m/f", before, covers(first, last, aware)) is barred
    assert not pins.barred(records, "m/f", before, NOTHING)


def test_a_second_bar_of_one_kind_takes_the_place_of_the_first(records: Records) -> None:
    for _ in range(3):
        pins.bar(records, "m/f")
        pins.bar(records, "m/f", period=Period((1, 2), (1, 2)))
    assert len(records.read("SELECT * FROM bar", ())) == 2


def test_a_call_whose_dates_are_not_told_is_barred_by_any_period(records: Records) -> None:
    before = time.time()
    pins.bar(records, "m/f", period=Period((1, 2), (1, 2)))
    assert pins.barred(records, "m/f", before, lambda: None)


@pytest.mark.slow
def test_locked_records_are_waited_for_once_and_not_at_every_call(records: Records) -> None:
    pins.bar(records, "m/f")
    with contextlib.closing(sqlite3.connect(records.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            pins.bar(records, "m/f")
        with pytest.raises(sqlite3.OperationalError, match="another process keeps them locked"):
            pins.bar(records, "m/f")  # it did not ask SQLite again
        other.execute("ROLLBACK")


def test_of_many_processes_that_pin_at_once_one_has_its_way(
    store: Store, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    script = """
        import sys
        from afml_cache.adoption import pins
        from afml_cache.adoption.records import Records
        from afml_cache.keys.code import Fingerprint
        from afml_cache.store.active import active

        code = sys.argv[1]
        mine = Fingerprint(code.encode() * 16, b"e" * 16, parts={"m.f": code})
        sys.stdin.readline()
        print(pins.pin(Records(active()), "m/f", 1.0, mine, mine, lambda: None))
    """
    processes = [start_python(script, code) for code in "abcd"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert said.count("None") == 1
    assert said.count("m.f was edited") == 3
