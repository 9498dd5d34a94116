"""`status`, `health` and `report` say what the monitor says, for people and for programs."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from afml_cache import get_cache_monitor, get_cache_summary, robust_cacheable


@robust_cacheable
def labels(number):
    return np.arange(1_000) * number


@robust_cacheable
def features(number):
    return np.arange(100_000) * number


@robust_cacheable
def unkeyable(_):
    return 1


@pytest.fixture
def used(store):
    for number in (1, 1, 1, 2):
        labels(number)
    features(1)
    store.flush()
    return store


def test_status_has_the_numbers_of_the_summary(used, run, run_json):
    document = run_json("status")
    expected = get_cache_summary()
    assert {name: document[name] for name in expected} == expected
    assert document["total_calls"] == 5 and document["hits"] == 2
    text = run("status").output
    assert "5 calls, 40.0 % hits, 3 misses" in text
    assert str(used.directory) in text and "3 results" in text


def test_status_says_what_it_does_not_know(used, run, run_json):
    from afml_cache.outcomes import Outcome

    used.count("m.old", Outcome.HIT)  # under @cacheable, stored before anything was counted
    used.flush()
    assert run_json("status")["saved_unknown"] == 1
    assert "not counting 1 function of which it is not known" in run("status").output


def test_health_has_what_the_monitor_finds_and_exits_1_only_with_a_finding(used, run, run_json):
    assert run_json("health")["findings"] == []
    assert "Cache health: good" in run("health").output
    with pytest.warns(UserWarning):
        unkeyable(object())
    document = run_json("health", code=1)
    assert document["status"] == "attention"
    assert document["findings"][0]["function"].endswith("unkeyable")
    assert document["findings"][0]["remedy"] in run("health", code=1).output.replace("\n", " ")


def test_a_report_for_programs_equals_the_efficiency_report(used, run, run_json):
    expected = get_cache_monitor().get_efficiency_report().set_index("function")
    functions = run_json("report")["functions"]
    rows = list(csv.DictReader(io.StringIO(run("report", "--format", "csv").output)))
    assert len(functions) == len(rows) == len(expected) == 2
    for one, row in zip(functions, rows, strict=True):
        frame = expected.loc[one["function"]]
        assert list(row) == ["function", *expected.columns]
        for name in ("calls", "hits", "misses", "size_bytes", "misses_argument"):
            assert one[name] == frame[name] == int(row[name])
        assert one["saved_s"] == frame["saved_s"] == float(row["saved_s"])
    assert json.loads(run("report", "--format", "json").output)["functions"] == functions


def test_a_report_is_sorted_largest_first_and_limited(used, run, run_json):
    by = [one["function"].rpartition(".")[2] for one in run_json("report")["functions"]]
    assert by == ["labels", "features"]
    by = run_json("report", "--sort", "size_bytes", "--limit", "1")
    assert [one["function"].rpartition(".")[2] for one in by["functions"]] == ["features"]
    assert by["total_functions"] == 2
    assert "1 more functions" in run("report", "--limit", "1").output
    assert "Invalid value for '--sort'" in run("report", "--sort", "beauty", code=2).output


def test_a_table_fits_80_columns_and_breaks_names_after_dots(used, run):
    text = run("report").output
    assert max(map(len, text.splitlines())) <= 80
    assert any(row.strip().startswith("labels") for row in text.splitlines())


def test_evidence_is_what_the_codemods_read(used, run, tmp_path):
    from codemods.evidence import read_evidence

    file = tmp_path / "cache_stats.json"
    result = run("report", "--evidence", str(file))
    assert str(file) in result.stderr and str(file) not in result.stdout
    recorded = {one.function.rpartition(".")[2]: one for one in read_evidence(file).functions}
    assert (recorded["labels"].calls, recorded["labels"].hits) == (4, 2)


def test_evidence_that_cannot_be_written_is_said(used, run, tmp_path):
    assert (
        "does not exist; make it"
        in run("report", "--evidence", str(tmp_path / "a/b"), code=3).output
    )


@pytest.mark.parametrize(
    "command",
    ["status", "health", "report", "ls", "explain", "clear", "restore", "prune", "verify"],
)
def test_no_command_makes_a_cache_that_is_not_there(run, tmp_path, command):
    nowhere = tmp_path / "nowhere"
    result = run(command, "--directory", str(nowhere), code=3)
    assert f"There is no cache in {nowhere}" in result.stderr
    assert not nowhere.exists()
    nowhere.mkdir()
    assert "it exists and holds none" in run(command, "--directory", str(nowhere), code=3).stderr
    assert list(nowhere.iterdir()) == []


def test_a_cache_that_is_switched_off_can_still_be_looked_at(used, run_json):
    from afml_cache import use_settings

    with use_settings(mode="off"):
        assert run_json("status")["total_calls"] == 5


def test_another_directory_is_looked_at_and_this_one_stays_in_use(used, run_json, tmp_path):
    from afml_cache import use_store
    from afml_cache.store.active import active

    with use_store(tmp_path / "other"):
        features(3)
    document = run_json("status", "--directory", str(tmp_path / "other"))
    assert (document["total_calls"], document["entries"]) == (1, 1)
    assert active() is used


def test_a_name_that_a_terminal_would_obey_is_only_shown(store, run):
    store.tally("m\x1b]0;x\x07.f\r").hits += 30
    for command, code in (("report", 0), ("health", 0)):
        said = run(command, code=code).output
        assert not {"\x1b", "\x07", "\r"} & set(said)
        assert (r"m\x1b]0;x\x07." in said) == (command == "report")
    text = repr(get_cache_monitor())
    assert "\x1b" not in text and r"m\x1b]0;x\x07.f\r" in text
