"""Whatever happens to the stored bytes: the right value or a reason, and nothing executed."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest

from afml_cache.outcomes import Reason
from afml_cache.store import valuefile
from afml_cache.store.codec import encode
from afml_cache.store.seal import ROW, Sealer
from afml_cache.store.store import Missing, Store

BAD = {Reason.UNREADABLE, Reason.TAMPERED, Reason.OTHER_SECRET}
ARRAY = np.arange(1_500.0)


@pytest.fixture(autouse=True)
def quiet(told):
    """Every damage warns; the tests below look at reasons."""


@pytest.fixture
def value_file(open_store, base, digest, claim) -> Path:
    store = open_store()
    store.put(digest("file"), ARRAY, claim())
    store.close()
    (path,) = base.glob("values/*/*")
    return path


def right_or_missing(store: Store, digest: bytes, value: object) -> Reason | None:
    """The reason of a miss; None for the right value, an error for a wrong one."""
    found = store.get(digest)
    if type(found) is Missing:
        assert found.reason in BAD
        return found.reason
    np.testing.assert_array_equal(found, value)
    return None


def overwrite(path: Path, position: int, byte: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(bytes([byte]))


@pytest.mark.slow
def test_any_byte_of_a_value_file_may_flip(value_file, open_store, digest):
    good = value_file.read_bytes()
    record = valuefile.HEADER_SIZE  # past the header come table, stream, buffer and record
    reasons = []
    store = open_store()
    for position in range(len(good)):
        if position:
            overwrite(value_file, position - 1, good[position - 1])
        overwrite(value_file, position, good[position] ^ 1 << position % 8)
        os.utime(value_file, ns=(position, position))  # a new version, however coarse the clock
        reasons.append(right_or_missing(store, digest("file"), ARRAY))
        if reasons[-1] is None:  # only the record of the row may be damaged unseen by a get
            assert [problem.reason for problem in store.verify()] == [Reason.TAMPERED]
            assert position > record + ARRAY.nbytes
    assert set(reasons[: record + ARRAY.nbytes]) == BAD
    value_file.write_bytes(good)
    assert right_or_missing(open_store(), digest("file"), ARRAY) is None


@pytest.mark.parametrize("length", [0, 1, 100, 127, 128, 500, 5_000, -40, -1])
def test_a_value_file_may_be_cut_short(length, value_file, open_store, digest):
    value_file.write_bytes(value_file.read_bytes()[:length])
    store = open_store()
    assert store.get(digest("file")) == Missing(Reason.UNREADABLE)
    assert store.faults() == {"unreadable": 1}


def test_a_value_file_may_have_something_appended(value_file, open_store, digest):
    value_file.write_bytes(value_file.read_bytes() + b"\0" * 64)
    assert open_store().get(digest("file")) == Missing(Reason.UNREADABLE)


def test_a_value_file_may_be_deleted_and_is_stored_again(value_file, open_store, digest, claim):
    value_file.unlink()
    store = open_store()
    assert store.get(digest("file")) == Missing(Reason.UNREADABLE)
    assert [problem.reason for problem in store.verify()] == [Reason.UNREADABLE]
    assert store.put(digest("file"), ARRAY, claim()) is None
    assert right_or_missing(store, digest("file"), ARRAY) is None


@pytest.mark.parametrize("size", [1_500, 100_000], ids=["read", "mapped"])
def test_a_value_file_may_be_another_entrys(size, open_store, base, digest, claim):
    with open_store() as store:
        for number in range(2):
            store.put(digest(number), np.full(size, number), claim())
    first, second = (next(base.glob(f"values/*/{digest(n).hex()}*")) for n in range(2))
    second.write_bytes(first.read_bytes())
    store = open_store()
    assert store.get(digest(1)) == Missing(Reason.TAMPERED)
    assert store.get(digest(0))[0] == 0
    assert store.faults() == {"tampered": 1}


@pytest.mark.parametrize("place", ["link", "pipe", "folder"])
def test_what_is_no_file_is_neither_followed_nor_waited_for(place, value_file, open_store, digest):
    elsewhere = value_file.with_name("elsewhere")
    value_file.rename(elsewhere)
    if place == "link":
        value_file.symlink_to(elsewhere)
    elif place == "pipe":
        os.mkfifo(value_file)
    else:
        value_file.mkdir()
    assert open_store().get(digest("file")) == Missing(Reason.UNREADABLE)


def test_a_mapped_file_with_a_flipped_byte_far_inside_is_noticed(open_store, base, digest, claim):
    with open_store() as store:
        store.put(digest(1), np.zeros(3_000_000), claim())
    (path,) = base.glob("values/*/*")
    with path.open("r+b") as file:
        file.seek(20_000_000)
        file.write(b"\1")
    assert open_store().get(digest(1)) == Missing(Reason.TAMPERED)


def test_a_file_changed_after_it_was_checked_is_checked_again(value_file, open_store, digest):
    store = open_store()
    assert right_or_missing(store, digest("file"), ARRAY) is None
    status = value_file.stat()
    bad = bytearray(value_file.read_bytes())
    bad[2_000] ^= 1
    value_file.write_bytes(bad)
    # Even with its times set back: the time of the change itself cannot be set.
    os.utime(value_file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.get(digest("file")) == Missing(Reason.TAMPERED)


def test_verify_reads_again_what_has_been_checked(value_file, open_store, digest):
    store = open_store()
    assert right_or_missing(store, digest("file"), ARRAY) is None
    assert store.verify() == []
    for position in (10, 200, 2_000, -50):
        good = value_file.read_bytes()
        bad = bytearray(good)
        bad[position] ^= 1
        value_file.write_bytes(bad)
        (problem,) = store.verify()
        assert problem.digest == digest("file") and problem.function == "module.function"
        assert problem.reason in BAD
        value_file.write_bytes(good)


# -- forgeries -----------------------------------------------------------------------


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def bomb(tmp_path):
    mark = tmp_path / "exploded"
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.is_dir()  # it does explode
    mark.rmdir()
    yield Bomb(mark)
    assert not mark.exists()


def replace_body(base: Path, slot: bytes, body: object) -> None:
    with contextlib.closing(sqlite3.connect(base / "index.sqlite")) as index, index:
        done = index.execute("UPDATE entry SET body=? WHERE slot=?", (body, slot))
        assert done.rowcount == 1


def test_a_forged_pickle_in_a_row_is_never_executed(open_store, base, digest, claim, bomb):
    store = open_store()
    store.put(digest(1), [1], claim())
    assert store.get(digest(1)) == [1]
    slot = digest(1) + Sealer(b"a secret of at least thirty-two bytes").id
    other = Sealer(b"the forger's own")
    rest = struct.pack("<d", float("inf")) + pickle.dumps(bomb)
    genuine = open_store()
    genuine.put(digest(2), [2], claim())
    for seal in (b"\0" * 32, other.seal(ROW, slot, rest), b""):
        replace_body(base, slot, seal + rest)
        assert store.get(digest(1)) == Missing(Reason.TAMPERED)
        assert open_store().get(digest(1)) == Missing(Reason.TAMPERED)
    # A genuine body, under another key.
    with contextlib.closing(sqlite3.connect(base / "index.sqlite")) as index, index:
        index.execute(
            "UPDATE entry SET body=(SELECT body FROM entry WHERE slot<>:s) WHERE slot=:s",
            {"s": slot},
        )
    assert store.get(digest(1)) == Missing(Reason.TAMPERED)


@pytest.mark.parametrize("owner", ["ours", "forger's"])
def test_a_forged_value_file_is_never_executed(
    owner, value_file, open_store, base, digest, claim, bomb
):
    forger = Sealer(b"the forger's own")
    if owner == "ours":
        forger.id = Sealer(b"a secret of at least thirty-two bytes").id
    value_file.unlink()
    record = valuefile.pack_record({})
    valuefile.write(value_file, digest("file"), forger, encode(bomb), None, record)
    expected = Reason.TAMPERED if owner == "ours" else Reason.OTHER_SECRET
    store = open_store()
    assert store.get(digest("file")) == Missing(expected)
    assert [problem.reason for problem in store.verify()] == [expected]


def test_a_row_can_name_no_file_but_its_own(value_file, open_store, base, digest, tmp_path, bomb):
    slot = digest("file") + Sealer(b"a secret of at least thirty-two bytes").id
    outside = tmp_path / "outside"
    outside.write_bytes(pickle.dumps(bomb))
    odd = ["../../outside", str(outside), "", ".", "\0", value_file.name + "/..", 7, 7.5, "é" * 50]
    for body in odd:
        replace_body(base, slot, body)
        with open_store() as store:
            assert store.get(digest("file")) == Missing(Reason.UNREADABLE), body
            assert len(store.verify()) == 1
            store.contains(digest("file"))


def test_an_expiry_moved_by_a_forger_is_no_value(open_store, base, digest, claim):
    with open_store() as store:
        store.put(digest(1), 1, claim(expires=1.0))
    with contextlib.closing(sqlite3.connect(base / "index.sqlite")) as index, index:
        ((slot, body),) = index.execute("SELECT slot, body FROM entry").fetchall()
        moved = body[:32] + struct.pack("<d", float("inf")) + body[40:]
        index.execute("UPDATE entry SET body=? WHERE slot=?", (moved, slot))
    assert open_store().get(digest(1)) == Missing(Reason.TAMPERED)


# -- other secrets -------------------------------------------------------------------


def test_another_secret_is_a_miss_of_its_own_kind_and_takes_nothing_away(
    open_store, digest, claim, told
):
    mine, theirs = open_store(secret=b"m" * 32), open_store(secret=b"t" * 32)
    for name, value in (("row", 1), ("file", np.zeros(9_000))):
        mine.put(digest(name), value, claim())
        assert theirs.get(digest(name)) == Missing(Reason.OTHER_SECRET)
        theirs.put(digest(name), value, claim())
        assert type(theirs.get(digest(name))) is not Missing
        assert type(mine.get(digest(name))) is not Missing
    assert theirs.faults()["other_secret"] == 2
    assert len(told()) == 1 and "another secret" in told()[0]
    assert {problem.reason for problem in mine.verify()} == {Reason.OTHER_SECRET}
    assert len(list(mine.entries())) == 2
    assert mine.clear() == 4


# -- the index -----------------------------------------------------------------------


@pytest.fixture
def filled(open_store, base, digest, claim) -> dict[bytes, object]:
    """A closed store with values in rows and in files, and a copy of nothing in memory."""
    values: dict[bytes, object] = {}
    with open_store() as store:
        for number in range(12):
            values[digest(number)] = f"value {number}" if number % 2 else np.full(1_000, number)
            store.put(digest(number), values[digest(number)], claim(f"f{number % 3}"))
        store.tally("f0").hits += 3
    assert not (base / "index.sqlite-wal").exists()
    return values


def damaged_index_still_serves(open_store, values, digest, claim) -> int:
    """Get all, put, get, list: right or missing with a reason. Returns the number of hits."""
    hits = 0
    with open_store() as store:
        for key, value in values.items():
            found = store.get(key)
            if type(found) is Missing:
                assert found.reason in {None, *BAD, Reason.STORE_UNAVAILABLE}
            else:
                np.testing.assert_array_equal(found, value)
                hits += 1
        list(store.entries())
        store.siblings("f0", b"a" * 16)
        store.counters(), store.faults(), store.verify()
        if store.put(digest("new"), [1, 2], claim()) is None:
            assert store.get(digest("new")) == [1, 2]
        store.clear("f1")
    return hits


@pytest.mark.slow
def test_any_byte_of_the_index_may_flip(filled, open_store, base, digest, claim):
    index = base / "index.sqlite"
    good = index.read_bytes()
    files = {path: path.read_bytes() for path in base.glob("values/*/*")}
    chosen = random.Random(7)
    positions = [*range(100), *sorted(chosen.sample(range(100, len(good)), 150))]
    hits = 0
    for position in positions:
        for leftover in base.glob("index.sqlite*"):
            leftover.unlink()
        for path, content in files.items():
            if not path.exists():
                path.write_bytes(content)
        bad = bytearray(good)
        bad[position] ^= 1 << chosen.randrange(8)
        index.write_bytes(bad)
        hits += damaged_index_still_serves(open_store, filled, digest, claim)
    # Most bytes matter little, and where the index is lost the files are not.
    assert hits > 0.9 * len(filled) * len(positions)


@pytest.mark.parametrize("length", [1, 50, 100, 4_096, 5_000, -4_096, -1])
def test_the_index_may_be_cut_short(length, filled, open_store, base, digest, claim):
    index = base / "index.sqlite"
    index.write_bytes(index.read_bytes()[:length])
    assert damaged_index_still_serves(open_store, filled, digest, claim) >= 6


@pytest.mark.parametrize("content", [b"", b"\0" * 20_000, b"not a database" * 500, "another"])
def test_the_index_may_be_replaced_by_anything(
    content, filled, open_store, base, digest, claim, told
):
    index = base / "index.sqlite"
    if content == "another":
        index.unlink()
        with contextlib.closing(sqlite3.connect(index)) as other, other:
            other.execute("CREATE TABLE entry (slot, body)")
        content = index.read_bytes()
    index.write_bytes(content)
    assert damaged_index_still_serves(open_store, filled, digest, claim) == 6
    kept = [path for path in base.glob("index.sqlite.corrupt-*") if path.suffix != ".x"]
    if content:
        assert [path.read_bytes() for path in kept] == [content]
        assert len([text for text in told() if "moved to" in text]) == 1


def test_a_deleted_index_is_made_again_from_the_value_files(filled, open_store, base, digest):
    (base / "index.sqlite").unlink()
    store = open_store()
    entries = {entry.digest: entry for entry in store.entries()}
    assert set(entries) == {digest(number) for number in range(0, 12, 2)}
    for number in range(0, 12, 2):
        assert store.get(digest(number))[0] == number
        assert entries[digest(number)].function == f"f{number % 3}"
        assert store.description(digest(number)) == {"x": {"type": "int"}}
    assert store.verify() == []


def test_a_damaged_index_gives_its_rows_and_counters_to_the_new_one(
    filled, open_store, base, digest, told
):
    with contextlib.closing(sqlite3.connect(base / "index.sqlite")) as index, index:
        (page,) = index.execute(
            "SELECT rootpage FROM sqlite_master WHERE name='claim_by_priority'"
        ).fetchone()
    with (base / "index.sqlite").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))
    store = open_store()
    # Reading alone does not meet the damaged page; writing does.
    assert store.delete([digest("nobody")]) == 0
    assert store.delete([digest(0)]) == 1
    for key, value in filled.items():
        if key != digest(0):
            np.testing.assert_array_equal(store.get(key), value)
    assert store.counters()["f0"].hits == 3
    assert len(list(store.entries())) == 11
    assert store.verify() == []
    assert len([text for text in told() if "was damaged" in text]) == 1


def test_tables_that_contradict_each_other_are_made_again(filled, open_store, base, digest, told):
    """SQLite does not notice when damage hides a row; its claim gives it away."""
    with contextlib.closing(sqlite3.connect(base / "index.sqlite")) as index, index:
        index.execute("DELETE FROM entry WHERE substr(slot, 1, 16)=?", (digest(0),))
    store = open_store()
    for key, value in filled.items():
        np.testing.assert_array_equal(store.get(key), value)
    assert len(told()) == 1 and "claim without an entry" in told()[0]
    assert store.counters()["f0"].hits == 3


@pytest.mark.slow
def test_two_processes_that_meet_a_damaged_index_repair_it_once(
    filled, open_store, base, digest, start_python
):
    (base / "index.sqlite").write_bytes(b"rubbish" * 3_000)
    script = """
        import sys, warnings
        warnings.simplefilter("ignore")
        from afml_cache.store.store import Missing, Store
        store = Store(sys.argv[1], secret=b"a secret of at least thirty-two bytes")
        sys.stdin.readline()
        print(sum(type(store.get(bytes.fromhex(key))) is not Missing for key in sys.argv[2:]))
    """
    keys = [key.hex() for key in filled]
    workers = [start_python(script, str(base), *keys) for _ in range(4)]
    answers = [worker.communicate("go\n")[0].strip() for worker in workers]
    assert answers == ["6"] * 4
    assert len(list(base.glob("index.sqlite.corrupt-*"))) == 1


def test_an_index_of_a_newer_version_is_left_alone(filled, open_store, base, digest, claim, told):
    index = base / "index.sqlite"
    with contextlib.closing(sqlite3.connect(index)) as other, other:
        other.execute("UPDATE meta SET value='afml-cache index 2' WHERE name='format'")
        other.execute("CREATE TABLE novelty (x)")
    before = index.read_bytes()
    with open_store() as store:
        assert store.get(digest(1)) == Missing(Reason.STORE_UNAVAILABLE)
        assert store.put(digest(1), 1, claim()) is Reason.STORE_UNAVAILABLE
        assert store.clear() == 0
    assert index.read_bytes() == before and not list(base.glob("*corrupt*"))
    (message,) = told()
    assert "newer version" in message and "upgrade" in message
