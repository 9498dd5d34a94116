"""`verify` finds planted damage, tells the kinds apart in its exit code, and repairs."""

from __future__ import annotations

import numpy as np
import pytest

from afml_cache import robust_cacheable


@robust_cacheable
def labels(number):
    return np.arange(100_000) * number


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
