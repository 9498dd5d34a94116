"""`verify` finds planted damage, tells the kinds apart in its exit code, and repairs."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from afml_cache import cacheable, robust_cacheable


@robust_cacheable
def labels(number):
    return np.arange(100_000) * number


@robust_cacheable
def small(number):
    return number


@cacheable
def older(number):
    return number


@pytest.fixture
def files(store):
    """The value files of three results."""
    for number in (1, 2, 3):
        labels(number)
    store.flush()
    found = sorted(file for file in (store.directory / "values").glob("*/*"))
    assert len(found) == 3
    return found


def flip(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_a_sound_store_is_sound(files, run, run_json):
    document = run_json("verify")
    assert (document["entries"], document["problems"]) == (3, [])
    assert "3 entries were checked; all are sound." in run("verify").output


def test_a_flipped_bit_is_4(files, run, run_json):
    flip(files[0])
    (problem,) = run_json("verify", code=4)["problems"]
    assert problem["reason"] == "tampered" and problem["function"].endswith("labels")
    assert problem["key"] == files[0].name[:32]
    assert "verify --repair" in run("verify", code=4).output


def test_a_byte_of_the_beginning_is_4_too(files, run_json):
    data = bytearray(files[0].read_bytes())
    data[2] ^= 1
    files[0].write_bytes(data)
    (problem,) = run_json("verify", code=4)["problems"]
    assert "does not begin as a value file" in problem["detail"]


def test_a_missing_file_is_16_and_kinds_add_up(files, run_json):
    files[1].unlink()
    (problem,) = run_json("verify", code=16)["problems"]
    assert problem["reason"] == "unreadable"
    flip(files[0])
    assert len(run_json("verify", code=20)["problems"]) == 2


def test_entries_of_another_secret_are_8_and_repair_leaves_them(files, run_json, monkeypatch):
    monkeypatch.setenv("AFML_CACHE_SECRET", "somebody else's")
    document = run_json("verify", "--repair", code=8)
    assert {one["reason"] for one in document["problems"]} == {"other_secret"}
    assert document["removed"] == 0
    monkeypatch.setenv("AFML_CACHE_SECRET", "the tests' secret")
    assert run_json("verify")["problems"] == []


def test_repair_removes_what_is_damaged_and_the_rest_still_hits(files, store, run, run_json):
    flip(files[0])
    files[1].unlink()
    assert "2 damaged entries were removed" in run("verify", "--repair").output
    assert run_json("verify")["entries"] == 1
    before = labels.cache_info().computed
    for number in (1, 2, 3):
        assert labels(number)[1] == number
    assert labels.cache_info().computed == before + 2


def test_an_index_that_cannot_be_read_is_no_good_news(files, store, run, tmp_path):
    store.close()
    index = store.directory / "index.sqlite"
    for beside in store.directory.glob("index.sqlite-*"):
        beside.unlink()
    index.unlink()
    index.mkdir()
    assert run("verify", code=16).output.count("store_unavailable") == 1


def test_results_of_cacheable_are_counted_and_said_not_to_be_checked(files, store, run, run_json):
    older(1)
    assert run_json("verify")["joblib_entries"] == 1
    assert "1 result of @cacheable: joblib seals none, so not checked." in run("verify").output


# -- the index --------------------------------------------------------------------


@pytest.fixture
def index(files, store):
    """The index of three results in files and two in the index itself; nobody has it open."""
    small(1), small(2)
    store.close()
    assert not list(store.directory.glob("index.sqlite-*"))
    return store.directory / "index.sqlite"


def sql(index, *statements):
    with closing(sqlite3.connect(index)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def overwrite_header(index):
    index.write_bytes(b"garbage" * 3 + index.read_bytes()[21:])


def overwrite_a_page(index):
    with closing(sqlite3.connect(index)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name='entry'"
        page = connection.execute(query).fetchone()[0]
    data = bytearray(index.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(i * 7 % 256 for i in range(4096))
    index.write_bytes(data)


def cut_in_half(index):
    data = index.read_bytes()
    index.write_bytes(data[: len(data) // 2])


def drop_a_table(index):
    sql(index, "DROP TABLE claim")


def empty(index):
    index.write_bytes(b"")


def remove(index):
    index.unlink()


DAMAGES = [
    # what is done, what is said, how many results are there after a repair
    (overwrite_header, "it is damaged (its header is damaged)", 3),
    (overwrite_a_page, "it is damaged (", 3),
    (cut_in_half, "it is damaged (", 3),
    (drop_a_table, "it is damaged (its tables", 5),
    (empty, "it is empty, while 3 value files are there", 3),
    (remove, "it is gone, while 3 value files are there", 3),
]


@pytest.mark.parametrize(("damage", "said", "_"), DAMAGES)
def test_a_damaged_index_is_4_and_not_repaired_by_looking(
    index, store, run, run_json, damage, said, _
):
    damage(index)
    before = index.read_bytes() if index.exists() else None
    document = run_json("verify", code=4)
    (problem,) = document["problems"]
    assert said in problem["detail"] and problem["key"] is None and problem["in_index"]
    assert document["entries"] == 3  # the value files are checked without it
    output = run("verify", code=4).output
    assert f"index: {said}" in output and "small results" in output and "lost" in output
    assert "sound" not in output and "`afml-cache verify --repair`" in output
    assert (index.read_bytes() if index.exists() else None) == before
    assert not list(store.directory.glob("index.sqlite.corrupt-*"))


@pytest.mark.parametrize(("damage", "_", "left"), DAMAGES)
def test_repair_makes_a_damaged_index_again(index, store, run, run_json, damage, _, left):
    damage(index)
    document = run_json("verify", "--repair")
    assert document["index_made_again"] and document["removed"] == 0
    again = run_json("verify")
    assert (again["entries"], again["problems"]) == (left, [])
    for aside in again["indexes_aside"]:
        assert f"{aside} is what it was" in run("verify").output
    computed = labels.cache_info().computed
    assert labels(1)[1] == 1 and labels.cache_info().computed == computed
    assert [small.cache_contains(number) for number in (1, 2)] == [left == 5] * 2


def test_a_damaged_value_beside_a_damaged_index_is_found_and_repaired(files, index, run_json):
    flip(files[0])
    overwrite_header(index)
    assert len(run_json("verify", code=4)["problems"]) == 2
    document = run_json("verify", "--repair")
    assert document["index_made_again"]
    assert run_json("verify")["entries"] == 2


IN_A_FILE = "(SELECT slot FROM entry WHERE typeof(body) = 'text' LIMIT 1)"
IN_THE_INDEX = "(SELECT slot FROM entry WHERE typeof(body) = 'blob' LIMIT 1)"


@pytest.mark.parametrize("which", [IN_A_FILE, IN_THE_INDEX], ids=["in a file", "in the index"])
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM claim WHERE slot = {}", "does not say of which function"),
        ("DELETE FROM description WHERE slot = {}", "its description is missing"),
        ("UPDATE description SET packed = x'00ff' WHERE slot = {}", "its description is missing"),
        ("UPDATE claim SET function = 'other.f' WHERE slot = {}", "down as other.f, and it is of"),
        ("UPDATE claim SET seconds = 'abc' WHERE slot = {}", "no function, time or size"),
        ("UPDATE claim SET size = 1 WHERE slot = {}", "that it takes 1 bytes"),
        ("UPDATE claim SET size = 999999999 WHERE slot = {}", "takes 999,999,999 bytes"),
    ],
)
def test_rows_that_cannot_be_so_are_4_and_repaired_without_losing_a_result(
    index, run_json, statement, said, which
):
    sql(index, statement.format(which))
    before = run_json("verify", code=4)
    (problem,) = before["problems"]
    assert said in problem["detail"] and problem["in_index"] and before["entries"] == 5
    document = run_json("verify", "--repair")
    assert document["index_made_again"] and document["removed"] == 0
    after = run_json("verify")
    assert (after["entries"], after["problems"]) == (5, [])
    stored = {one["function"]: one["entries"] for one in run_json("ls")["functions"]}
    assert stored == {f"{__name__}.labels": 3, f"{__name__}.small": 2}


def test_without_any_claim_every_result_is_found_and_kept(index, run, run_json):
    sql(index, "DELETE FROM claim")
    document = run_json("verify", code=4)
    assert document["entries"] == 5 and len(document["problems"]) == 5
    assert "5 entries were checked; 5 problems." in run("verify", code=4).output
    run("verify", "--repair")
    assert run_json("verify")["entries"] == 5
    assert sum(one["entries"] for one in run_json("ls")["functions"]) == 5


def test_a_claim_without_an_entry_is_said_and_its_file_served_again(index, run_json):
    sql(index, f"DELETE FROM entry WHERE slot = {IN_A_FILE}")
    document = run_json("verify", code=4)
    assert document["entries"] == 4 and "nothing is served" in document["problems"][0]["detail"]
    run_json("verify", "--repair")
    assert run_json("verify")["entries"] == 5
    sql(index, f"DELETE FROM entry WHERE slot = {IN_THE_INDEX}")
    run_json("verify", code=4)
    run_json("verify", "--repair")  # its value is nowhere: the claim goes
    assert run_json("verify")["entries"] == 4
    assert sum(one["entries"] for one in run_json("ls")["functions"]) == 4


def test_a_row_under_a_key_that_is_none_is_said(index, run_json):
    sql(index, f"UPDATE entry SET slot = slot || 'more' WHERE slot = {IN_A_FILE}")
    said = [one["detail"] for one in run_json("verify", code=4)["problems"]]
    assert "1 rows have a key that is none" in said
    run_json("verify", "--repair")
    assert run_json("verify")["entries"] == 5


def test_what_was_used_lately_is_still_so_after_a_repair(index, store, run_json):
    sql(
        index,
        "UPDATE claim SET created = created - 1e6",
        f"DELETE FROM claim WHERE slot = {IN_THE_INDEX}",
    )
    used = {entry.digest: entry.used for entry in store.entries()}
    store.close()
    run_json("verify", "--repair")
    after = {entry.digest: entry.used for entry in store.entries()}
    assert all(after[digest] == when for digest, when in used.items())


def test_where_nothing_may_be_written_a_damaged_index_is_not_made_again(index, run):
    from afml_cache import use_settings

    overwrite_header(index)
    before = index.read_bytes()
    with use_settings(mode="readonly"):
        assert "in mode 'readonly'" in run("verify", "--repair", code=3).stderr
    assert index.read_bytes() == before


@pytest.mark.slow
def test_an_index_that_is_written_to_meanwhile_is_not_taken_for_damaged(
    store, run_json, start_python
):
    writer = start_python(
        """
        import sys
        from afml_cache import robust_cacheable
        @robust_cacheable
        def stored(x):
            return "x" * (x % 7) * 3_000
        for number in range(100_000):
            stored(number)
            if number == 20:
                print("going", flush=True)
        """
    )
    assert writer.stdout.readline() == "going\n"
    for _ in range(5):
        document = run_json("verify")
        assert document["entries"] > 20 and not document["indexes_aside"]
    assert writer.poll() is None
