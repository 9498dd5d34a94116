"""`clear`, `restore` and `prune`: asked first, matched exactly, restorable where it says so."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

from afml_cache import (
    cacheable,
    list_cleared,
    restore_cleared,
    robust_cacheable,
    selective_cache_clear,
    use_settings,
    watch_calls,
)


@robust_cacheable
def labels(number):
    return np.arange(10) * number


@robust_cacheable
def label(number):
    return np.arange(1_000) * number


@cacheable
def older(number):
    return np.arange(10) * number


@pytest.fixture
def used(store):
    labels(1)
    labels(2)
    label(1)
    store.flush()
    return store


def left(store):
    store.close()  # the command may have moved the index away
    return {name.rpartition(".")[2]: count for name, (count, _) in store.sizes().items()}


def test_clear_asks_first_and_no_is_no(used, run):
    result = run("clear", input="n\n")
    assert "Clear 3 results" in result.stderr and "restored for seven days" in result.stderr
    assert "Nothing was cleared" in result.stderr
    assert left(used) == {"labels": 2, "label": 1}


def test_what_was_cleared_is_back_after_restore(used, run, run_json):
    document = run_json("clear", "--yes")
    assert document["entries"] == 3 and document["path"] == str(list_cleared()[0].path)
    assert left(used) == {}
    (listed,) = run_json("restore", "--list")["cleared"]
    assert listed["entries"] == 3
    assert listed["name"] in run("restore", "--list").output
    assert run_json("restore")["entries"] == 3
    assert left(used) == {"labels": 2, "label": 1}
    assert "nothing to restore" in run("restore").output
    assert "Nothing can be restored" in run("restore", "--list").output
    assert "no cleared folder" in run("restore", "20200101", code=3).output


def test_a_function_is_cleared_by_its_exact_name(used, run):
    assert "Nothing is stored of" in run("clear", "label", "--yes", code=2).output
    assert left(used) == {"labels": 2, "label": 1}
    run("clear", f"{__name__}.label", input="y\n")
    assert left(used) == {"labels": 2}


def test_a_module_is_cleared_with_all_its_functions(used, run_json):
    document = run_json("clear", __name__, "--yes")
    assert len(document["functions"]) == 2
    assert left(used) == {}


def test_results_of_cacheable_are_listed_cleared_and_restored_with_the_others(used, run_json):
    older(1)
    older(2)
    listed = {one["function"]: one["entries"] for one in run_json("ls")["functions"]}
    assert listed[f"{__name__}.older"] == 2
    assert run_json("clear", f"{__name__}.older", "--yes")["entries"] == 2
    assert not any(one["function"].endswith("older") for one in run_json("ls")["functions"])
    assert run_json("restore")["joblib_entries"] == 2
    assert left(used) == {"labels": 2, "label": 1}


def test_sealed_clears_the_entries_of_functions_and_leaves_what_joblib_has(used, run, run_json):
    older(1)
    names = f"{__name__}.labels", f"{__name__}.older"
    assert run_json("clear", "--sealed", *names, "--dry-run")["entries"] == 2
    assert run_json("clear", "--sealed", *names, "--yes")["entries"] == 2
    assert left(used) == {"label": 1}
    listed = {one["function"]: one["entries"] for one in run_json("ls")["functions"]}
    assert listed[f"{__name__}.older"] == 1
    assert "name them" in run("clear", "--sealed", "--yes", code=2).output
    assert "none that has entries" in run("clear", "--sealed", __name__, "--yes", code=2).output


def test_what_joblib_has_is_adopted_again_after_sealed(store, run, run_json):
    older(1)
    migrated = robust_cacheable(older.__wrapped__)
    calls = []
    for _ in range(2):
        with watch_calls(calls.append):
            migrated(1)
            migrated(1)
        assert [str(call.outcome) for call in calls[-2:]] == ["adopted", "hit"]
        assert run_json("clear", "--sealed", f"{__name__}.older", "--yes")["entries"] == 1
    assert run_json("restore")["entries"] == 1
    assert migrated.cache_contains(1)


def test_a_cache_that_cannot_be_written_to_is_not_cleared_and_says_so(used, run):
    with use_settings(mode="readonly"):
        for command in (["clear", "--yes"], ["prune", "--max-size", "1B", "--yes"]):
            assert "in mode 'readonly'" in run(*command, code=3).stderr
    assert left(used) == {"labels": 2, "label": 1}


def test_a_dry_run_clears_nothing(used, run, run_json):
    assert run_json("clear", "--dry-run")["entries"] == 3
    assert run_json("clear", f"{__name__}.labels", "--dry-run")["entries"] == 2
    assert "would be cleared: 3 entries" in run("clear", "--dry-run").output
    assert left(used) == {"labels": 2, "label": 1}


def test_only_results_of_changed_code_are_cleared(store, run_json, tmp_path, monkeypatch):
    file = tmp_path / "changed_by_command.py"
    text = (
        "from afml_cache import robust_cacheable\n\n"
        "@robust_cacheable\ndef one(x):\n    return x + 1\n\n"
        "@robust_cacheable\ndef two(x):\n    return x + 2\n"
    )
    file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import changed_by_command

    changed_by_command.one(1), changed_by_command.two(1)
    file.write_text(text.replace("x + 2", "x + 22"))
    importlib.reload(changed_by_command)
    document = run_json("clear", "changed_by_command", "--changed", "--yes")
    assert [one["function"] for one in document["functions"]] == ["changed_by_command.two"]
    assert left(store) == {"one": 1}


@pytest.mark.slow
def test_a_module_that_cannot_be_imported_is_left_alone_and_said(store, run, tmp_path, monkeypatch):
    file = tmp_path / "broken_by_test.py"
    file.write_text(
        "from afml_cache import robust_cacheable\n\n@robust_cacheable\ndef f(x):\n    return x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import broken_by_test

    broken_by_test.f(1)
    monkeypatch.delitem(sys.modules, "broken_by_test")
    for text, said in (("raise RuntimeError('no')", "RuntimeError: no"), ("exit(0)", "SystemExit")):
        file.write_text(f"print('hello')\n{text}\n")
        result = run("clear", "--changed", "--yes", "broken_by_test", code=3)
        assert f"broken_by_test cannot be imported ({said}" in result.stdout
        assert "hello" not in result.stdout
    assert left(store) == {"f": 1}


def test_prune_keeps_to_a_size_and_says_before_what_goes(used, run, run_json):
    size = sum(entry.size for entry in used.entries())
    document = run_json("prune", "--max-size", f"{size - 1}B", "--dry-run")
    assert document["dry_run"] is True and document["evicted"]["entries"] >= 1
    assert left(used) == {"labels": 2, "label": 1}
    done = run_json("prune", "--max-size", f"{size - 1}B", "--yes")
    assert done["evicted"] == document["evicted"]
    assert sum(left(used).values()) == 3 - done["evicted"]["entries"]


def test_prune_removes_what_was_not_used_for_so_long(used, run, run_json):
    with used._index._pool.writing:
        used._index.write(lambda cursor: cursor.execute("UPDATE claim SET used = used - 864000"))
    assert run_json("prune", "--max-age", "30d", "--dry-run")["expired"]["entries"] == 0
    assert run("prune", "--max-age", "30d", "--dry-run").output == "Nothing would be removed.\n"
    assert run_json("prune", "--max-age", "9d", "--dry-run")["expired"]["entries"] == 3
    assert "3 entries" in run("prune", "--max-age", "9d", "--compact", "--yes").output
    assert left(used) == {}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--max-size", "2 parsecs", "is not understood"),
        ("--max-age", "soon", "is not understood"),
        ("--max-size", "0GB", "not positive"),
        ("--max-size", "2", "'2' has no unit; write 2GB, 500MB"),
        ("--max-size", "1_000.5", "has no unit"),
        ("--max-age", "30", "'30' has no unit; write 30d, 12h"),
    ],
)
def test_a_limit_that_is_none_is_refused(used, run, option, value, said):
    assert said in run("prune", option, value, code=2).output
    assert left(used) == {"labels": 2, "label": 1}


def test_prune_asks_before_it_removes_for_good_and_no_is_no(used, run):
    result = run("prune", "--max-size", "1B", input="n\n")
    assert "Remove 3 results" in result.stderr and "for good" in result.stderr
    assert "Nothing was removed." in result.stderr
    assert "--yes" in run("prune", "--max-size", "1B", input="", code=2).stderr
    assert left(used) == {"labels": 2, "label": 1}
    run("prune", "--max-size", "1B", input="y\n")
    assert left(used) == {}


def test_prune_asks_nothing_where_nothing_of_value_goes(used, run):
    assert "freed 0.0 MB" in run("prune", "--max-size", "2GB", "--max-age", "30d", input="").output
    used._index.write(lambda cursor: cursor.execute("UPDATE claim SET expires = used - 1"))
    assert "3 entries" in run("prune", input="").output
    assert left(used) == {}


def test_prune_says_before_that_what_was_cleared_goes_too(used, run, run_json):
    cleared = selective_cache_clear(functions=f"{__name__}.label").cleared
    told = {"name": cleared.path.name, "entries": 1, "size_bytes": cleared.bytes}
    live = sum(size for _, size in used.sizes().values())
    limit = ("--max-size", f"{live + 1}B")
    document = run_json("prune", *limit, "--dry-run")
    assert document["cleared"] == [told] and document["freed_bytes"] == cleared.bytes
    assert document["evicted"]["entries"] == document["expired"]["entries"] == 0
    said = run("prune", *limit, "--dry-run").output
    assert "cleared earlier, and restorable: 1 results" in said and "would be removed" in said
    assert "1 cleared results" in run("prune", *limit, input="n\n").stderr
    assert list_cleared() == [cleared]
    done = run_json("prune", *limit, "--yes")
    assert done["cleared"] == [told] and done["freed_bytes"] == cleared.bytes
    assert list_cleared() == [] and left(used) == {"labels": 2}


def test_what_was_cleared_stays_where_there_is_room_for_it(used, run_json):
    cleared = selective_cache_clear(functions=f"{__name__}.label").cleared
    assert run_json("prune", "--max-size", "1GB", "--dry-run")["cleared"] == []
    assert run_json("prune", "--max-size", "1GB")["cleared"] == []
    assert list_cleared() == [cleared] and restore_cleared().entries == 1
